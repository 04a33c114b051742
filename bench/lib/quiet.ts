import { cpus } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'

const sampleMs = 500
/** Cores that others may use before a measurement waits for them. */
export const quietCores = 0.1

let worst = 0

/**
 * Waits for half a second in which others leave the machine alone, for a while at most. To be called while all that is measured is idle.
 * What was still in use when it gave up stands in the results.
 */
export async function quietMoment(mostSeconds = 15): Promise<void> {
  const until = Date.now() + mostSeconds * 1000
  let used = await usedCores()
  while (used > quietCores && Date.now() < until) used = await usedCores()
  worst = Math.max(worst, used)
}

/** The most that others used at the start of any measurement since this was last asked. */
export function noiseSoFar(): number {
  const most = worst
  worst = 0
  return Number(most.toFixed(2))
}

async function usedCores(): Promise<number> {
  const start = performance.now()
  const before = busyMs()
  await sleep(sampleMs)
  return (busyMs() - before) / (performance.now() - start)
}

const busyMs = (): number => cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0)
