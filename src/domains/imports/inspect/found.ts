import type { Task } from '../../goals/schema.ts'
import type { FormatName } from '../schema.ts'
import type { OnnxFacts } from './onnx.ts'

/** What looking at a model's file tells. Null is what the file does not say. */
export interface Found {
  format: FormatName
  /** The file within the bundle; the folder of config.json for `transformers`, '' at the top. */
  file: string
  /** Of a kind that can run code when it is loaded: only the sandbox ever loads it. */
  marked: 'pickle' | 'code' | null
  /** What it is called. */
  algorithm: string
  task: Task | null
  classes: string[] | null
  /** Its inputs by name, in its order. */
  columns: { name: string; type: string | null }[] | null
  /** How many columns it takes, where that is known without their names. */
  width: number | null
  licence?: string | null
  /** For the record: what else was read. */
  facts: Record<string, unknown>
  notes: string[]
  onnx?: OnnxFacts
}
