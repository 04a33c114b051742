import type { ClassPredictions, WeightedMetric } from './predictions.ts'
import { averagePrecision, rocAuc } from './ranking.ts'

export const probabilityMetrics = ['roc_auc', 'pr_auc', 'log_loss', 'brier'] as const
export type ProbabilityMetric = (typeof probabilityMetrics)[number]

export const isProbabilityMetric = (metric: string): metric is ProbabilityMetric =>
  (probabilityMetrics as readonly string[]).includes(metric)

/** Metrics of probabilities. Beyond two classes the ranking ones are one class against the rest, averaged over the classes that occur. */
export function probabilityMetric(metric: ProbabilityMetric, predictions: ClassPredictions): WeightedMetric {
  if (metric === 'log_loss') return meanOf(logLosses(predictions))
  if (metric === 'brier') return meanOf(brierLosses(predictions))
  const { classes, actual, probabilities } = predictions
  const against = metric === 'roc_auc' ? rocAuc : averagePrecision
  const wanted = classes === 2 ? [1] : Array.from({ length: classes }, (_, k) => k)
  const each = wanted.map((k) => {
    const score = Float64Array.from(actual, (_, i) => probabilities[i * classes + k]!)
    const isTrue = Uint8Array.from(actual, (a) => (a === k ? 1 : 0))
    return against(isTrue, score)
  })
  return (counts) => {
    // NaN where these rows hold no row of a class, or nothing else: such a class does not count.
    const values = each.map((one) => one(counts)).filter((value) => !Number.isNaN(value))
    return values.length === 0 ? Number.NaN : values.reduce((a, b) => a + b, 0) / values.length
  }
}

export function meanOf(values: Float64Array): WeightedMetric {
  return (counts) => {
    let sum = 0
    let total = 0
    for (let i = 0; i < values.length; i++) {
      const count = counts ? counts[i]! : 1
      sum += count * values[i]!
      total += count
    }
    return total === 0 ? Number.NaN : sum / total
  }
}

/** Float32 probabilities add up to one only nearly; scikit-learn's figures are of ones that do. */
function shares({ classes, probabilities }: ClassPredictions, row: number): number[] {
  const all = Array.from(probabilities.subarray(row * classes, (row + 1) * classes))
  const sum = all.reduce((a, b) => a + b, 0)
  return all.map((p) => p / sum)
}

function logLosses(predictions: ClassPredictions): Float64Array {
  const smallest = Number.EPSILON
  return Float64Array.from(predictions.actual, (truth, row) => {
    const p = shares(predictions, row)[truth]!
    return -Math.log(Math.min(1 - smallest, Math.max(smallest, p)))
  })
}

/** Brier 1950; for two classes the usual half of it. */
function brierLosses(predictions: ClassPredictions): Float64Array {
  return Float64Array.from(predictions.actual, (truth, row) => {
    const sum = shares(predictions, row).reduce((total, p, k) => total + (p - (k === truth ? 1 : 0)) ** 2, 0)
    return predictions.classes === 2 ? sum / 2 : sum
  })
}
