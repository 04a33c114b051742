/** What a model said about each of a set of rows, and what was true. Rows are in the same order in every array. */
export interface ClassPredictions {
  kind: 'classes'
  /** Number of classes; with two, class 1 is the positive one. */
  classes: number
  actual: Int32Array
  /** The label that the model gave (with its own threshold). */
  label: Int32Array
  /** [rows, classes], row-major. */
  probabilities: Float64Array
}

export interface NumberPredictions {
  kind: 'numbers'
  actual: Float64Array
  predicted: Float64Array
}

export type Predictions = ClassPredictions | NumberPredictions

/**
 * One metric of a set of predictions as a function of how often each row counts: all once (no argument), or as often
 * as a resample drew it. What can be sorted or summed beforehand is done once, so that a bootstrap pays one pass a resample.
 */
export type WeightedMetric = (counts?: Uint32Array) => number
