import type { ClassPredictions, NumberPredictions } from '../statistics/predictions.ts'
import { widthAt } from './conformal.ts'
import type { Uncertainty } from './schema.ts'

export interface Deciding {
  /** Binary: the place of the positive class, and from which probability on it is said. */
  positive: number | null
  threshold: number | null
}

/** How sure an answer is, from 0: of two classes how far it is from the threshold, of several the largest probability. */
export function classConfidence({ positive, threshold }: Deciding, row: ArrayLike<number>): number {
  if (positive !== null && threshold !== null) {
    const p = row[positive]!
    return p >= threshold ? (threshold >= 1 ? 1 : (p - threshold) / (1 - threshold)) : (threshold - p) / threshold
  }
  let most = 0
  for (let k = 0; k < row.length; k++) most = Math.max(most, row[k]!)
  return most
}

/** How sure a number is: the less, the larger the error that is usual near it. */
export const numberConfidence = (intervals: Uncertainty['intervals'], value: number): number =>
  intervals?.normalised ? -widthAt(intervals.normalised, value) : 0

/** Whether the decided class is the true one. */
export function isRight(
  { positive, threshold }: Deciding,
  { actual, probabilities, classes }: ClassPredictions,
  row: number,
): boolean {
  const at = row * classes
  if (positive !== null && threshold !== null)
    return (probabilities[at + positive]! >= threshold ? positive : 1 - positive) === actual[row]
  let best = 0
  for (let k = 1; k < classes; k++) if (probabilities[at + k]! > probabilities[at + best]!) best = k
  return best === actual[row]
}

const points = 100

/** What is got wrong when only the surest share of rows is answered (El-Yaniv and Wiener 2010). Rows of equal confidence are answered together. */
export function riskCoverage(confidence: Float64Array, loss: Float64Array): Uncertainty['answering'] {
  const order = Int32Array.from({ length: loss.length }, (_, r) => r).sort((a, b) => confidence[b]! - confidence[a]!)
  const curve: Uncertainty['answering'] = { share: [], risk: [], confidence: [] }
  let sum = 0
  let nextShare = 1 / points
  order.forEach((r, i) => {
    sum += loss[r]!
    const share = (i + 1) / order.length
    const isLastOfEqual = i + 1 === order.length || confidence[order[i + 1]!]! < confidence[r]!
    if (!isLastOfEqual || (share < nextShare - 1e-12 && i + 1 < order.length)) return
    curve.share.push(share)
    curve.risk.push(sum / (i + 1))
    curve.confidence.push(confidence[r]!)
    nextShare = (Math.floor(share * points + 1e-9) + 1) / points
  })
  return curve
}

export function classRiskCoverage(deciding: Deciding, predictions: ClassPredictions): Uncertainty['answering'] {
  const { classes, probabilities, actual } = predictions
  return riskCoverage(
    Float64Array.from(actual, (_, r) => classConfidence(deciding, probabilities.subarray(r * classes, (r + 1) * classes))),
    Float64Array.from(actual, (_, r) => (isRight(deciding, predictions, r) ? 0 : 1)),
  )
}

export const numberRiskCoverage = (
  intervals: Uncertainty['intervals'],
  { actual, predicted }: NumberPredictions,
): Uncertainty['answering'] =>
  riskCoverage(
    Float64Array.from(predicted, (value) => numberConfidence(intervals, value)),
    Float64Array.from(actual, (value, r) => Math.abs(value - predicted[r]!)),
  )

/** From which confidence on a row is among the surest share. */
export function confidenceFor({ share, confidence }: Uncertainty['answering'], wanted: number): number {
  if (wanted >= 1) return Number.NEGATIVE_INFINITY
  const at = share.findIndex((one) => one >= wanted - 1e-9)
  return confidence[at < 0 ? confidence.length - 1 : at]!
}
