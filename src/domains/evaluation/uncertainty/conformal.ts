import type { ClassPredictions, NumberPredictions } from '../statistics/predictions.ts'
import { coverages, type Uncertainty } from './schema.ts'

/**
 * The limits that hold for a next row with each coverage: of n scores the ceil((n + 1) coverage)-th smallest (split conformal prediction;
 * Papadopoulos et al. 2002, Vovk et al. 2005); null where n is too small to promise it.
 */
export function limitsOf(scores: Float64Array): (number | null)[] {
  const sorted = scores.slice().sort()
  return coverages.map((coverage) => {
    // A hair less, so that 0.9 of 9 rows is the ninth and not, by rounding, the tenth.
    const place = Math.ceil((sorted.length + 1) * coverage - 1e-9)
    return place <= sorted.length ? sorted[place - 1]! : null
  })
}

/** Scores of the true class of each row: how little the model expected it. */
export function classScores({ actual, probabilities, classes }: ClassPredictions): { lac: Float64Array; aps: Float64Array } {
  const rows = actual.length
  const scores = { lac: new Float64Array(rows), aps: new Float64Array(rows) }
  for (let r = 0; r < rows; r++) {
    const row = probabilities.subarray(r * classes, (r + 1) * classes)
    scores.lac[r] = 1 - row[actual[r]!]!
    scores.aps[r] = massDownTo(row, actual[r]!)
  }
  return scores
}

/** The probability of the classes that are at least as likely as this one, itself included. */
function massDownTo(row: ArrayLike<number>, wanted: number): number {
  let mass = 0
  // In the order of the classes always, so that the same row gives the same sum to the last bit.
  for (let k = 0; k < row.length; k++) if (row[k]! > row[wanted]! || (row[k] === row[wanted] && k <= wanted)) mass += row[k]!
  return mass
}

export function setLimits(predictions: ClassPredictions): NonNullable<Uncertainty['sets']> {
  const { lac, aps } = classScores(predictions)
  return {
    lac: limitsOf(lac),
    aps: limitsOf(aps),
    byClass: Array.from({ length: predictions.classes }, (_, k) => limitsOf(lac.filter((_, r) => predictions.actual[r] === k))),
  }
}

/** The classes that a row may have, by the limits of a coverage; the likeliest is always among them. */
export function predictionSet(
  sets: NonNullable<Uncertainty['sets']>,
  { kind, level }: { kind: 'lac' | 'aps' | 'by_class'; level: number },
  row: ArrayLike<number>,
): number[] {
  const found: number[] = []
  let best = 0
  for (let k = 0; k < row.length; k++) {
    if (row[k]! > row[best]!) best = k
    const limit = kind === 'by_class' ? sets.byClass[k]![level]! : sets[kind][level]!
    const score = kind === 'aps' ? massDownTo(row, k) : 1 - row[k]!
    if (limit === null || score <= limit) found.push(k)
  }
  return found.length > 0 ? found : [best]
}

const scaleBins = 10
const fewestForScale = 200

/** Limits of the error; where there are rows enough also by the error that is usual near a prediction, learned from one half and judged on the other. */
export function intervalLimits({ actual, predicted }: NumberPredictions): NonNullable<Uncertainty['intervals']> {
  const errors = Float64Array.from(actual, (value, r) => Math.abs(value - predicted[r]!))
  const absolute = limitsOf(errors)
  if (errors.length < fewestForScale) return { absolute, normalised: null }
  const half = (parity: number) => Int32Array.from({ length: errors.length }, (_, r) => r).filter((r) => r % 2 === parity)
  const scale = usualError(half(0), errors, predicted)
  const judged = half(1)
  const factors = limitsOf(Float64Array.from(judged, (r) => errors[r]! / widthAt(scale, predicted[r]!)))
  return { absolute, normalised: { ...scale, factors } }
}

/** The mean absolute error in bins of the prediction with equally many rows. */
function usualError(rows: Int32Array, errors: Float64Array, predicted: ArrayLike<number>): { at: number[]; width: number[] } {
  const order = rows.slice().sort((a, b) => predicted[a]! - predicted[b]!)
  const overall = order.reduce((sum, r) => sum + errors[r]!, 0) / order.length || 1
  const at: number[] = []
  const width: number[] = []
  for (let bin = 0; bin < scaleBins; bin++) {
    const part = order.slice(Math.floor((bin * order.length) / scaleBins), Math.floor(((bin + 1) * order.length) / scaleBins))
    const centre = part.reduce((sum, r) => sum + predicted[r]!, 0) / part.length
    const mean = part.reduce((sum, r) => sum + errors[r]!, 0) / part.length
    if (at.length > 0 && centre <= at.at(-1)!) continue
    at.push(centre)
    // A model that is right throughout a bin may still be wrong on the next row there.
    width.push(Math.max(mean, overall * 0.05))
  }
  return { at, width }
}

/** Between the bins' centres along straight lines, beyond them as at the last. */
export function widthAt({ at, width }: { at: readonly number[]; width: readonly number[] }, value: number): number {
  if (value <= at[0]!) return width[0]!
  for (let i = 1; i < at.length; i++) {
    if (value > at[i]!) continue
    const share = (value - at[i - 1]!) / (at[i]! - at[i - 1]!)
    return width[i - 1]! + share * (width[i]! - width[i - 1]!)
  }
  return width.at(-1)!
}

/** Half the width of the interval around a prediction; null where no width can be promised. */
export function halfWidth(
  intervals: NonNullable<Uncertainty['intervals']>,
  { kind, level }: { kind: 'absolute' | 'normalised'; level: number },
  predicted: number,
): number | null {
  if (kind === 'absolute' || intervals.normalised === null) return intervals.absolute[level]!
  const factor = intervals.normalised.factors[level]!
  return factor === null ? null : factor * widthAt(intervals.normalised, predicted)
}

/** The place of the smallest kept coverage that is not below the wish. */
export const levelOf = (kept: readonly number[], coverage: number): number => {
  const level = kept.findIndex((one) => one >= coverage - 1e-9)
  return level < 0 ? kept.length - 1 : level
}
