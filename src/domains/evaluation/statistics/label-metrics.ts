import type { ClassPredictions, WeightedMetric } from './predictions.ts'

export const labelMetrics = [
  'accuracy',
  'balanced_accuracy',
  'precision',
  'recall',
  'f1',
  'f1_macro',
  'f1_weighted',
  'mcc',
] as const
export type LabelMetric = (typeof labelMetrics)[number]

export const isLabelMetric = (metric: string): metric is LabelMetric => (labelMetrics as readonly string[]).includes(metric)

/** Metrics of labels, as scikit-learn defines them (zero_division=0). Precision, recall and F1 are of the positive class, or macro beyond two classes. */
export function labelMetric(metric: LabelMetric, { classes, actual, label }: ClassPredictions): WeightedMetric {
  const compute = fromMatrix[metric]
  const cell = new Int32Array(actual.length)
  for (let i = 0; i < actual.length; i++) cell[i] = actual[i]! * classes + label[i]!
  return (counts) => {
    const matrix = new Float64Array(classes * classes)
    for (let i = 0; i < cell.length; i++) matrix[cell[i]!]! += counts ? counts[i]! : 1
    return compute(tally(matrix, classes))
  }
}

interface Tally {
  classes: number
  total: number
  hits: number[]
  /** How often each class was true, and how often it was said. */
  actual: number[]
  said: number[]
}

function tally(matrix: Float64Array, classes: number): Tally {
  const all = Array.from({ length: classes }, (_, k) => k)
  const sum = (values: number[]) => values.reduce((a, b) => a + b, 0)
  const actual = all.map((row) => sum(all.map((column) => matrix[row * classes + column]!)))
  const said = all.map((column) => sum(all.map((row) => matrix[row * classes + column]!)))
  return { classes, total: sum(actual), hits: all.map((k) => matrix[k * classes + k]!), actual, said }
}

const ratio = (above: number, below: number): number => (below === 0 ? 0 : above / below)
const precisionOf = (t: Tally, k: number): number => ratio(t.hits[k]!, t.said[k]!)
const recallOf = (t: Tally, k: number): number => ratio(t.hits[k]!, t.actual[k]!)
const f1Of = (t: Tally, k: number): number => ratio(2 * t.hits[k]!, t.actual[k]! + t.said[k]!)

/** The mean over the classes that were true or said at least once. */
function macro(t: Tally, of: (t: Tally, k: number) => number): number {
  const present = t.hits.map((_, k) => k).filter((k) => t.actual[k]! + t.said[k]! > 0)
  return ratio(
    present.reduce((sum, k) => sum + of(t, k), 0),
    present.length,
  )
}

const positiveOrMacro = (of: (t: Tally, k: number) => number) => (t: Tally) => (t.classes === 2 ? of(t, 1) : macro(t, of))

const fromMatrix: Record<LabelMetric, (t: Tally) => number> = {
  accuracy: (t) =>
    ratio(
      t.hits.reduce((a, b) => a + b, 0),
      t.total,
    ),
  balanced_accuracy(t) {
    const present = t.hits.map((_, k) => k).filter((k) => t.actual[k]! > 0)
    return ratio(
      present.reduce((sum, k) => sum + recallOf(t, k), 0),
      present.length,
    )
  },
  precision: positiveOrMacro(precisionOf),
  recall: positiveOrMacro(recallOf),
  f1: positiveOrMacro(f1Of),
  f1_macro: (t) => macro(t, f1Of),
  f1_weighted: (t) =>
    ratio(
      t.hits.reduce((sum, _, k) => sum + f1Of(t, k) * t.actual[k]!, 0),
      t.total,
    ),
  /** Gorodkin 2004, the correlation of two label vectors with any number of classes. */
  mcc(t) {
    const hits = t.hits.reduce((a, b) => a + b, 0)
    const cross = t.hits.reduce((sum, _, k) => sum + t.actual[k]! * t.said[k]!, 0)
    const spreadSaid = t.total ** 2 - t.said.reduce((sum, n) => sum + n * n, 0)
    const spreadActual = t.total ** 2 - t.actual.reduce((sum, n) => sum + n * n, 0)
    return ratio(hits * t.total - cross, Math.sqrt(spreadSaid * spreadActual))
  },
}
