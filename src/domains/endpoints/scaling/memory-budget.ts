export interface Held {
  id: string
  memoryBytes: number
  askedAt: number
  inFlight: number
  /** It may sleep by its own policy. */
  maySleep: boolean
}

/** A model that was asked within this is needed, whatever its policy. */
const neededMs = 60_000

/**
 * Which loaded endpoints to let sleep so that those that stay fit a budget: first those that may sleep, then others that nobody asked for a minute,
 * whoever was not asked for longest first. What is just being answered, and `keep`, stays.
 */
export function whoLeaves(held: readonly Held[], budgetBytes: number, keep: string, now: number): string[] {
  let total = held.reduce((sum, one) => sum + one.memoryBytes, 0)
  const leaving: string[] = []
  const candidates = held
    .filter((one) => one.id !== keep && one.inFlight === 0 && one.memoryBytes > 0)
    .filter((one) => one.maySleep || now - one.askedAt > neededMs)
    .sort((a, b) => Number(b.maySleep) - Number(a.maySleep) || a.askedAt - b.askedAt)
  for (const one of candidates) {
    if (total <= budgetBytes) break
    total -= one.memoryBytes
    leaving.push(one.id)
  }
  return leaving
}
