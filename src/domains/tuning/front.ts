import type { Search, Trial } from './schema.ts'

/** The trials that no other beats: as good in every objective and better in one. The baseline is not among them. */
export function frontOf(trials: readonly Trial[], objectives: Search['objectives']): number[] {
  if (objectives.length < 2) return []
  const measured = trials.flatMap(({ trial, algorithm, state, objectives: found }) => {
    if (state !== 'complete' || algorithm === 'baseline' || !found) return []
    const losses = objectives.map(({ metric, direction }) => {
      const value = found[metric]
      return value === undefined ? Number.NaN : direction === 'minimize' ? value : -value
    })
    return losses.some(Number.isNaN) ? [] : [{ trial, losses }]
  })
  const beats = (a: number[], b: number[]) => a.every((loss, i) => loss <= b[i]!) && a.some((loss, i) => loss < b[i]!)
  return measured.filter((one) => !measured.some((other) => beats(other.losses, one.losses))).map(({ trial }) => trial)
}
