import type { OnnxModelFile } from '../inference.ts'
import type { ModelSignature } from '../signature.ts'
import type { InputColumns } from './input-columns.ts'

/** A column of the result that comes from the table itself. */
export interface KeptColumn {
  /** SQL over the table's columns. */
  sql: string
  name: string
}

/** Some rows of a Parquet file, to be answered into a file of their own. */
export interface TablePart {
  source: string
  /** From this row of the file on, to before this one. */
  from: number
  to: number
  /** Where the part is written, as Parquet. */
  out: string
}

/** What is the same for all parts of a table. */
export interface ScoringPlan {
  inputs: InputColumns
  /** The table's columns that `keep` reads. */
  reads: readonly string[]
  keep: readonly KeptColumn[]
  /** Put before the names of the answers. */
  prefix: string
  /** The column for why a row has no answer; null: such a row ends the work. */
  reason: string | null
}

export interface LaneOpening {
  model: OnnxModelFile
  signature: ModelSignature
  plan: ScoringPlan
  /** Folders that may be read and written. */
  folders: readonly string[]
  files: readonly string[]
  memoryBytes: number
}

export type LaneCall = { ask: 'open'; opening: LaneOpening } | { ask: 'score'; part: TablePart }

export interface PartAnswered {
  rows: number
  bad: number
}

/** How a lane runs the graph. */
export interface LaneOpened {
  runs: 'trees' | 'onnx'
}
