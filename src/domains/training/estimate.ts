import type { Cost, Estimate } from '../jobs/schema.ts'

/** Seconds beside the search: sealed evaluation, the final fit, explanations, starting Python. */
const besidesSeconds = { low: 4, high: 20 }
const bytesPerCell = 60
const leastMemoryBytes = 350 * 2 ** 20

/** What a training will take: the budget it was given and what past trainings took beside theirs, per cell of their tables. */
export function estimateTraining(
  history: readonly { size: number | null; cost: Cost }[],
  training: { rows: number; columns: number; budgetSeconds: number | null },
): { estimate: Estimate; size: number } {
  const size = training.rows * training.columns
  const alike = history.filter((past) => past.size !== null && past.size > 0 && past.size <= size * 4 && past.size * 4 >= size)
  const watts = average(alike.filter((past) => past.cost.energyWh !== null).map((past) => (past.cost.energyWh! * 3600) / Math.max(1, past.cost.wallSeconds)))
  const memory = alike.length > 0 ? Math.max(...alike.map((past) => past.cost.peakMemoryBytes)) : leastMemoryBytes + size * bytesPerCell
  const budget = training.budgetSeconds
  const perCell = size / 1e6
  const times = alike.map((past) => past.cost.wallSeconds).sort((a, b) => a - b)
  const seconds =
    budget !== null
      ? { low: Math.round(Math.min(budget, 5) + besidesSeconds.low), high: Math.round(budget + besidesSeconds.high + 5 * perCell) }
      : times.length > 0
        ? { low: Math.round(times[0]!), high: Math.round(times.at(-1)! * 1.3) }
        : null
  const basis =
    alike.length > 0
      ? `${alike.length} earlier ${alike.length === 1 ? 'training' : 'trainings'} on tables of this size${budget === null ? '' : ` and the budget of ${budget} s`}.`
      : budget === null
        ? 'No training on a table of this size has been done yet, and no budget was set.'
        : `The budget of ${budget} s and the size of the table; no training on a table of this size has been done yet.`
  const energyWh = seconds && watts !== null ? (seconds.high * watts) / 3600 : null
  return { estimate: { seconds, memoryBytes: Math.round(memory), energyWh, basis }, size }
}

const average = (values: number[]): number | null => (values.length === 0 ? null : values.reduce((a, b) => a + b, 0) / values.length)
