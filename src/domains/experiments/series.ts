import type * as z from 'zod'
import type { MetricSeries } from './schema.ts'

export interface SeriesPoint {
  step: number
  /** null: not a number, or infinite. */
  value: number | null
}

/**
 * A series in at most `most` points. Longer ones are cut into runs of equal length, of which each keeps its last value and its
 * lowest and highest, so that no peak is lost.
 */
export function downSample(name: string, points: readonly SeriesPoint[], most: number): z.infer<typeof MetricSeries> {
  if (points.length <= most)
    return {
      name,
      steps: points.map((point) => point.step),
      values: points.map((point) => point.value),
      low: null,
      high: null,
      points: points.length,
    }
  const steps: number[] = []
  const values: (number | null)[] = []
  const low: (number | null)[] = []
  const high: (number | null)[] = []
  for (let i = 0; i < most; i++) {
    const part = points.slice(Math.floor((i * points.length) / most), Math.floor(((i + 1) * points.length) / most))
    const known = part.map((point) => point.value).filter((value) => value !== null)
    const last = part.at(-1)!
    steps.push(last.step)
    values.push(last.value)
    low.push(known.length ? known.reduce((a, b) => Math.min(a, b)) : null)
    high.push(known.length ? known.reduce((a, b) => Math.max(a, b)) : null)
  }
  return { name, steps, values, low, high, points: points.length }
}
