import type { ClassPredictions, NumberPredictions, Predictions } from '../statistics/predictions.ts'
import { classRiskCoverage, type Deciding, numberRiskCoverage } from './confidence.ts'
import { halfWidth, intervalLimits, predictionSet, setLimits } from './conformal.ts'
import { recalibrations, reliability } from './recalibration.ts'
import { coverages, type Uncertainty } from './schema.ts'

type Judged = NonNullable<Uncertainty['test']>

/** What out-of-fold predictions say of how wrong the model is. */
export async function uncertaintyOf(predictions: Predictions, deciding: Deciding): Promise<Uncertainty> {
  const common = { format: 1 as const, rows: predictions.actual.length, coverages: [...coverages], test: null }
  if (predictions.kind === 'numbers') {
    const intervals = intervalLimits(predictions)
    return { ...common, sets: null, intervals, answering: numberRiskCoverage(intervals, predictions), calibration: null }
  }
  return {
    ...common,
    sets: setLimits(predictions),
    intervals: null,
    answering: classRiskCoverage(deciding, predictions),
    calibration: await recalibrations(predictions),
  }
}

/** Coverages that are judged: what people ask for. */
const judgedCoverages = [0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99]

/** Whether it holds on rows that had no part in it. */
export function judge(uncertainty: Uncertainty, predictions: Predictions, deciding: Deciding): Judged {
  const levels = judgedCoverages.map((coverage) => ({ coverage, level: coverages.indexOf(coverage) }))
  if (predictions.kind === 'numbers') {
    const kinds = (['absolute', 'normalised'] as const).filter((kind) => kind === 'absolute' || uncertainty.intervals?.normalised)
    return {
      rows: predictions.actual.length,
      sets: kinds.flatMap((kind) => levels.flatMap((one) => judgeIntervals(uncertainty, predictions, { kind, ...one }))),
      answering: numberRiskCoverage(uncertainty.intervals, predictions),
      calibration: null,
    }
  }
  return {
    rows: predictions.actual.length,
    sets: (['lac', 'aps', 'by_class'] as const).flatMap((kind) =>
      levels.map((one) => judgeSets(uncertainty, predictions, { kind, ...one })),
    ),
    answering: classRiskCoverage(deciding, predictions),
    calibration: reliability(predictions),
  }
}

function judgeSets(
  { sets }: Uncertainty,
  { actual, probabilities, classes }: ClassPredictions,
  wish: { kind: 'lac' | 'aps' | 'by_class'; coverage: number; level: number },
): Judged['sets'][number] {
  let covered = 0
  let size = 0
  const byClass = Array.from({ length: classes }, () => ({ rows: 0, covered: 0 }))
  for (let r = 0; r < actual.length; r++) {
    const set = predictionSet(sets!, wish, probabilities.subarray(r * classes, (r + 1) * classes))
    const hit = set.includes(actual[r]!) ? 1 : 0
    covered += hit
    size += set.length
    byClass[actual[r]!]!.rows++
    byClass[actual[r]!]!.covered += hit
  }
  return {
    kind: wish.kind,
    coverage: wish.coverage,
    ...share(covered, actual.length),
    meanSize: size / actual.length,
    byClass: byClass.map((one) => (one.rows > 0 ? one.covered / one.rows : null)),
  }
}

function judgeIntervals(
  { intervals }: Uncertainty,
  { actual, predicted }: NumberPredictions,
  wish: { kind: 'absolute' | 'normalised'; coverage: number; level: number },
): Judged['sets'] {
  let covered = 0
  let width = 0
  for (let r = 0; r < actual.length; r++) {
    const half = halfWidth(intervals!, wish, predicted[r]!)
    if (half === null) return []
    covered += Math.abs(actual[r]! - predicted[r]!) <= half ? 1 : 0
    width += 2 * half
  }
  return [{ kind: wish.kind, coverage: wish.coverage, ...share(covered, actual.length), meanSize: width / actual.length }]
}

/** A share with its 95 % score interval (Wilson 1927). */
export function share(count: number, of: number): { covered: number; low: number; high: number } {
  const z = 1.959963984540054
  const p = count / of
  const centre = (p + z ** 2 / (2 * of)) / (1 + z ** 2 / of)
  const half = (z * Math.sqrt((p * (1 - p)) / of + z ** 2 / (4 * of ** 2))) / (1 + z ** 2 / of)
  return { covered: p, low: Math.max(0, centre - half), high: Math.min(1, centre + half) }
}
