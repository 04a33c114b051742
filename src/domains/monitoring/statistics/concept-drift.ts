import { chiSquareSurvival } from '../../evaluation/statistics/distributions.ts'
import type { Predictions } from '../../evaluation/statistics/predictions.ts'

export interface OutcomeBins {
  /** Upper ends of the bins of what was said, but the last. */
  edges: number[]
  /** Mean outcome in each bin, before and now; null where there are too few rows. */
  before: (number | null)[]
  now: (number | null)[]
  /** Mean size of the change, over the rows of now; of numbers in standard deviations of the outcome before. */
  change: number
  pValue: number
}

const bins = 10
const leastRows = 10

/**
 * Whether what turns out, given what the model said, is as it was: the outcome is compared within bins of the prediction, so that a change of the inputs
 * alone is none. The squared differences in units of their errors add up to chi-square.
 */
export function outcomeGivenPrediction(before: Predictions, now: Predictions): OutcomeBins {
  const [then, after] = [pairsOf(before), pairsOf(now)]
  const sorted = [...then.said].sort((a, b) => a - b)
  const edges = [...new Set(Array.from({ length: bins - 1 }, (_, k) => sorted[Math.floor(((k + 1) / bins) * sorted.length)]!))]
  const a = momentsOf(then, edges)
  const b = momentsOf(after, edges)
  const isClasses = before.kind === 'classes'
  const scale = isClasses ? 1 : deviation(then.outcome) || 1
  let [statistic, degrees, weighted, rows] = [0, 0, 0, 0]
  const means = a.map((one, k) => {
    const other = b[k]!
    if (one.rows < leastRows || other.rows < leastRows) return null
    const [p, q] = [one.sum / one.rows, other.sum / other.rows]
    const variance = isClasses
      ? pooled(one, other) * (1 / one.rows + 1 / other.rows)
      : varianceOf(one) / one.rows + varianceOf(other) / other.rows
    if (variance > 0) {
      statistic += (p - q) ** 2 / variance
      degrees++
    }
    weighted += other.rows * Math.abs(p - q)
    rows += other.rows
    return [p, q] as const
  })
  return {
    edges,
    before: means.map((one) => one?.[0] ?? null),
    now: means.map((one) => one?.[1] ?? null),
    change: rows === 0 ? 0 : weighted / rows / scale,
    pValue: degrees === 0 ? 1 : chiSquareSurvival(statistic, degrees),
  }
}

/** Two classes: the probability of the second, and whether it came. Several: how sure the label was, and whether it was right. Numbers: both as they are. */
function pairsOf(predictions: Predictions): { said: Float64Array; outcome: Float64Array } {
  if (predictions.kind === 'numbers') {
    const { actual, predicted } = predictions
    return { said: predicted, outcome: Float64Array.from(actual, (truth, i) => truth - predicted[i]!) }
  }
  const { classes, actual, label, probabilities } = predictions
  return {
    said: Float64Array.from(label, (k, row) => probabilities[row * classes + (classes === 2 ? 1 : k)]!),
    outcome: Float64Array.from(actual, (truth, row) => (classes === 2 ? truth : truth === label[row] ? 1 : 0)),
  }
}

interface Moments {
  rows: number
  sum: number
  squares: number
}

function momentsOf({ said, outcome }: { said: Float64Array; outcome: Float64Array }, edges: readonly number[]): Moments[] {
  const moments = Array.from({ length: edges.length + 1 }, () => ({ rows: 0, sum: 0, squares: 0 }))
  for (let i = 0; i < said.length; i++) {
    const at = edges.findIndex((edge) => said[i]! < edge)
    const into = moments[at < 0 ? edges.length : at]!
    into.rows++
    into.sum += outcome[i]!
    into.squares += outcome[i]! ** 2
  }
  return moments
}

const varianceOf = ({ rows, sum, squares }: Moments): number => Math.max(0, (squares - sum ** 2 / rows) / (rows - 1))

/** Of shares: under the assumption that both are one, with half a row of each outcome so that none is certain. */
function pooled(a: Moments, b: Moments): number {
  const p = (a.sum + b.sum + 0.5) / (a.rows + b.rows + 1)
  return p * (1 - p)
}

function deviation(values: Float64Array): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length)
}
