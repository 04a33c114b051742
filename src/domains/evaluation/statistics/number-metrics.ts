import type { NumberPredictions, WeightedMetric } from './predictions.ts'
import { meanOf } from './probability-metrics.ts'

export const numberMetrics = ['mae', 'rmse', 'r2', 'mape'] as const
export type NumberMetric = (typeof numberMetrics)[number]

export const isNumberMetric = (metric: string): metric is NumberMetric => (numberMetrics as readonly string[]).includes(metric)

/** Metrics of predicted numbers, as scikit-learn defines them. */
export function numberMetric(metric: NumberMetric, { actual, predicted }: NumberPredictions): WeightedMetric {
  const error = Float64Array.from(actual, (truth, i) => predicted[i]! - truth)
  if (metric === 'mae') return meanOf(error.map(Math.abs))
  if (metric === 'mape')
    return meanOf(Float64Array.from(actual, (truth, i) => Math.abs(error[i]!) / Math.max(Math.abs(truth), Number.EPSILON)))
  const meanSquare = meanOf(error.map((e) => e * e))
  if (metric === 'rmse') return (counts) => Math.sqrt(meanSquare(counts))
  const meanActual = meanOf(actual)
  return (counts) => {
    const mean = meanActual(counts)
    const spread = meanOf(actual.map((truth) => (truth - mean) ** 2))(counts)
    const missed = meanSquare(counts)
    // scikit-learn: perfect on a constant target is 1, anything else there is 0.
    if (spread === 0) return missed === 0 ? 1 : 0
    return 1 - missed / spread
  }
}
