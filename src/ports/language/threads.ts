import { readdirSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'

const cpus = '/sys/devices/system/cpu'
/** Below this, dividing the work costs more than it saves. */
const smallModelBytes = 64 * 2 ** 20

/** Threads for a model of that size: one for each physical core that this process may use; waiting threads spin, so more would be slower. */
export const threadsFor = (weightBytes: number): number =>
  weightBytes < smallModelBytes ? 1 : Math.max(1, Math.min(physicalCores(), availableParallelism()))

function physicalCores(): number {
  try {
    const siblings = readdirSync(cpus)
      .filter((name) => /^cpu\d+$/.test(name))
      .map((name) => readFileSync(`${cpus}/${name}/topology/thread_siblings_list`, 'utf8').trim())
    return new Set(siblings).size || availableParallelism()
  } catch {
    return availableParallelism()
  }
}
