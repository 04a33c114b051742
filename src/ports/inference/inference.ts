/** Raw inputs of one call, laid out as the package's signature says (docs/job-contract.md). Row-major. */
export interface RawBatch {
  rows: number
  /** float64 [rows, numberColumns]; NaN is missing. */
  numbers: Float64Array
  /** [rows, stringColumns]; '' is missing. */
  strings: string[]
}

export interface RawScores {
  /** Values per row: classes, or 1 for a regression. */
  width: number
  /** float32 [rows, width]. */
  values: Float32Array
}

/** A loaded model. Calls of one event-loop turn are run together. */
export interface LoadedModel {
  readonly kind: 'onnx' | 'python'
  predict(batch: RawBatch): Promise<RawScores>
  readonly memoryBytes: number
  close(): Promise<void>
}

export interface Inference {
  /** Loads a package's graph from local files. Trusted packages run in this process, imported ones in their own. */
  load(model: {
    file: string
    numberColumns: number
    stringColumns: number
    width: number
    trust: 'built' | 'imported'
  }): Promise<LoadedModel>
  close(): Promise<void>
}
