import { drawCounts } from '../../evaluation/statistics/bootstrap.ts'
import { metricOf } from '../../evaluation/statistics/metric.ts'
import type { ClassPredictions } from '../../evaluation/statistics/predictions.ts'
import type { Random } from '../../evaluation/statistics/random.ts'
import { type Estimated, resamplesFor, spreadOfValues } from './bootstrap-metric.ts'
import { fitIsotonic, type Isotonic, isotonicAt } from './isotonic.ts'

export interface PerformanceEstimate {
  now: Estimated
  /** The same estimate of the rows whose truth is known. */
  before: number
  /** How much better the rows before were; its standard error. */
  loss: number
  error: number
}

type Said = Pick<ClassPredictions, 'classes' | 'label' | 'probabilities'>

const mostRows = 4000

/**
 * What a metric is likely to be without a truth: probabilities are calibrated on rows whose truth is known, then each row counts as much for each class as
 * that class is likely (confidence-based performance estimation: NannyML; Guillory et al. 2021). Both are resampled, the calibration with them.
 * It sees a loss that the model itself is less sure of; a change of what is true at the same inputs it cannot see.
 */
export async function estimatePerformance(
  metric: string,
  known: ClassPredictions,
  now: Said,
  { lowerIsBetter, random }: { lowerIsBetter: boolean; random: Random },
): Promise<PerformanceEstimate> {
  const [before, after] = [fewer(known), fewer({ ...now, kind: 'classes', actual: now.label })]
  const ofAll = calibrate(before)
  const value = { before: expected(metric, before, ofAll), now: expected(metric, after, ofAll) }
  const differences: number[] = []
  const values: number[] = []
  const resamples = Math.min(200, resamplesFor(before.label.length + after.label.length))
  let yieldedAt = performance.now()
  for (let i = 0; i < resamples; i++) {
    const counts = drawCounts(random, before.label.length)
    const calibration = calibrate(before, counts)
    const one = {
      before: expected(metric, before, calibration, counts),
      now: expected(metric, after, calibration, drawCounts(random, after.label.length)),
    }
    if (Number.isFinite(one.before) && Number.isFinite(one.now)) {
      values.push(one.now)
      differences.push(one.before - one.now)
    }
    if (performance.now() - yieldedAt < 15) continue
    await new Promise<void>((resolve) => setImmediate(resolve))
    yieldedAt = performance.now()
  }
  const least = 1 / after.label.length
  return {
    now: { value: value.now, ...spreadOfValues(values, least) },
    before: value.before,
    loss: lowerIsBetter ? value.now - value.before : value.before - value.now,
    error: spreadOfValues(differences, least).error,
  }
}

/** The metric where each row is of each class in part. */
function expected(
  metric: string,
  { classes, label, probabilities }: Said,
  calibration: readonly Isotonic[],
  counts?: ArrayLike<number>,
): number {
  const rows = label.length
  const actual = new Int32Array(rows * classes)
  const said = new Int32Array(rows * classes)
  const likely = new Float64Array(rows * classes)
  const repeated = new Float64Array(rows * classes * classes)
  const own = new Float64Array(classes)
  for (let row = 0; row < rows; row++) {
    let sum = 0
    for (let k = 0; k < classes; k++) {
      own[k] = calibrated(calibration, probabilities, row, k, classes)
      sum += own[k]!
    }
    const weight = (counts ? counts[row]! : 1) / (sum || 1)
    for (let k = 0; k < classes; k++) {
      const at = row * classes + k
      actual[at] = k
      said[at] = label[row]!
      likely[at] = sum === 0 ? 1 / classes : own[k]! * weight
      for (let j = 0; j < classes; j++) repeated[at * classes + j] = probabilities[row * classes + j]!
    }
  }
  const metricOfRows = metricOf(metric, { kind: 'classes', classes, actual, label: said, probabilities: repeated })
  // Rows count in parts: a metric only adds up and multiplies what it is told they count.
  return metricOfRows(likely as unknown as Uint32Array)
}

/** Of two classes the second is calibrated and the first is the rest. */
function calibrated(
  calibration: readonly Isotonic[],
  probabilities: Float64Array,
  row: number,
  k: number,
  classes: number,
): number {
  if (classes > 2) return isotonicAt(calibration[k]!, probabilities[row * classes + k]!)
  const second = isotonicAt(calibration[0]!, probabilities[row * 2 + 1]!)
  return k === 1 ? second : 1 - second
}

function calibrate({ classes, actual, probabilities }: ClassPredictions, counts?: ArrayLike<number>): Isotonic[] {
  const wanted = classes === 2 ? [1] : Array.from({ length: classes }, (_, k) => k)
  return wanted.map((k) =>
    fitIsotonic(
      Float64Array.from(actual, (_, row) => probabilities[row * classes + k]!),
      Float64Array.from(actual, (truth) => (truth === k ? 1 : 0)),
      counts,
    ),
  )
}

function fewer(said: ClassPredictions): ClassPredictions {
  // Each row is repeated for each class, with all its probabilities.
  const most = Math.max(300, Math.min(mostRows, Math.floor(2e6 / said.classes ** 2)))
  const step = Math.ceil(said.label.length / most)
  if (step <= 1) return said
  const keep = (_: number, row: number) => row % step === 0
  return {
    ...said,
    actual: said.actual.filter(keep),
    label: said.label.filter(keep),
    probabilities: said.probabilities.filter((_, at) => Math.floor(at / said.classes) % step === 0),
  }
}
