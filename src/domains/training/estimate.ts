import type { Prior } from '../cost/service.ts'

/** Seconds beside the search: starting Python, the final fit, explanations, the sealed evaluation, the proof. */
const besidesSeconds = 8
const secondsPerTrial = 2
const trialsWithoutSearch = 3
const bytesPerCell = 60
const leastMemoryBytes = 350 * 2 ** 20

/** How large a training is, in seconds that it should take, and what is said of it before any was measured here. */
export function trainingSize(training: { rows: number; columns: number; budgetSeconds: number | null; trials: number | null }): {
  size: number
  prior: Prior
} {
  const cells = training.rows * training.columns
  const perTrial = secondsPerTrial * Math.max(0.1, cells / 1e5)
  const byTrials = (training.trials ?? trialsWithoutSearch) * perTrial
  const search =
    training.budgetSeconds === null
      ? byTrials
      : training.trials === null
        ? training.budgetSeconds
        : Math.min(byTrials, training.budgetSeconds)
  const size = search + besidesSeconds + cells / 2e5
  return {
    size,
    prior: {
      seconds: { low: Math.round(size / 3), high: Math.round(size * 1.6) },
      memoryBytes: leastMemoryBytes + cells * bytesPerCell,
      basis: `The ${training.budgetSeconds === null ? 'number of trials' : `budget of ${training.budgetSeconds} s`} and the size of the table; no training was measured on this machine yet.`,
    },
  }
}
