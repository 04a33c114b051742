import { drawCounts, quantile } from '../../evaluation/statistics/bootstrap.ts'
import type { WeightedMetric } from '../../evaluation/statistics/predictions.ts'
import type { Random } from '../../evaluation/statistics/random.ts'

export interface Estimated {
  value: number
  low: number
  high: number
  error: number
}

/** Rows times resamples: a few tenths of a second of one core. */
const mostWork = 6e6

export const resamplesFor = (rows: number): number => Math.max(100, Math.min(500, Math.floor(mostWork / Math.max(1, rows))))

/** A metric with its 95 % percentile interval and standard error, by resampling rows (Efron and Tibshirani 1993). Gives way to other work. */
export async function bootstrapMetric(metric: WeightedMetric, rows: number, random: Random): Promise<Estimated> {
  const values: number[] = []
  const resamples = resamplesFor(rows)
  let yieldedAt = performance.now()
  for (let i = 0; i < resamples; i++) {
    const value = metric(drawCounts(random, rows))
    if (Number.isFinite(value)) values.push(value)
    if (performance.now() - yieldedAt < 15) continue
    await new Promise<void>((resolve) => setImmediate(resolve))
    yieldedAt = performance.now()
  }
  return { value: metric(), ...spreadOfValues(values, 1 / Math.max(1, rows)) }
}

/** Interval and standard error of resampled values; never surer than one row. */
export function spreadOfValues(values: number[], least: number): Omit<Estimated, 'value'> {
  values.sort((a, b) => a - b)
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, values.length - 1)
  return { low: quantile(values, 0.025), high: quantile(values, 0.975), error: Math.max(Math.sqrt(variance), least) }
}
