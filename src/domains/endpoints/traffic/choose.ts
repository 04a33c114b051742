import { createHash } from 'node:crypto'

export interface Weighted {
  weight: number
}

/**
 * The variant for a point in [0, 1): main has the lower part of the line, the others follow. So, as a canary's weight grows, whoever was moved to it stays.
 * Null is main.
 */
export function variantAt<V extends Weighted>(others: readonly V[], point: number): V | null {
  let from = 1 - others.reduce((sum, { weight }) => sum + weight, 0) / 100
  if (point < from) return null
  for (const variant of others) {
    from += variant.weight / 100
    if (point < from) return variant
  }
  return others.findLast(({ weight }) => weight > 0) ?? null
}

/** A key's place in [0, 1), the same for ever; differing between endpoints, so that nobody is always among the first to try. */
export function pointOf(endpointId: string, key: string): number {
  return createHash('sha256').update(`${endpointId}\n${key}`).digest().readUIntBE(0, 6) / 2 ** 48
}
