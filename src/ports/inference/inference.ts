import type { RunTiming } from '../../kernel/request-trace.ts'
import type { Family, RuntimeName } from '../engines/runtimes.ts'
import type { TableScorer, TableScoring } from './bulk/table-scorer.ts'
import type { AnyEncoder } from './encode.ts'
import type { MeasuredModel } from './measure/measured-model.ts'
import type { RawGraph } from './raw/raw-graph.ts'
import type { ModelSignature, SignatureColumn, SignatureOutput } from './signature.ts'
import type { TextDecoding } from './texts/decoding.ts'
import type { RowAnswer } from './texts/in-turn.ts'
import type { WordsOfText } from './tokens/words.ts'
import type { TreeExplainer } from './trees/open-tree-explainer.ts'
import type { TurnsPlan } from './turns/plan.ts'
import type { WorkerPool } from './worker-pool.ts'

/** Raw inputs of one call, laid out as the package's signature says (docs/job-contract.md). Row-major. */
export interface RawBatch {
  rows: number
  /** float64 [rows, numberColumns]; NaN is missing. */
  numbers: Float64Array
  /** [rows, stringColumns]; '' is missing. */
  strings: string[]
  /** What the rows hold beside numbers and strings, where the signature has such inputs. */
  items?: PreparedItem[]
}

/** The image, sound or tokens of one row as its graph takes them; or, for a Python worker, the fields as they came. */
export interface PreparedItem {
  /** uint8 [height, width, channels]. */
  image?: Uint8Array
  /** float32 [samples]. */
  audio?: Float32Array
  tokens?: Int32Array
  /** The text that `tokens` are of, with its words, where the graph tells something of each. */
  words?: WordsOfText
  /** The size of the upright image that `image` was made of. */
  frame?: Frame
  fields?: Record<string, string | null>
}

export interface Frame {
  height: number
  width: number
}

export interface RawScores {
  /** Values per row: classes, 1 for a regression, or those of all the signature's outputs one after another. */
  width: number
  /** float32 [rows, width]. */
  values: Float32Array
  /** By row, where rows are images: their own sizes, in which places are told. */
  frames?: (Frame | undefined)[]
  /** By row, where the graph tells something of each word. */
  words?: (WordsOfText | undefined)[]
  /** Of a model that writes or divides recordings: what is said of each row, instead of values. */
  answers?: RowAnswer[]
}

export interface PredictOptions {
  /** Nobody waits any more. */
  signal?: AbortSignal | undefined
  /** Filled in with when the model took the call up, where somebody follows it. */
  timing?: RunTiming | undefined
}

/** A loaded model. Calls of one event-loop turn are run together. */
export interface LoadedModel {
  readonly kind: 'onnx' | 'python' | 'gguf' | 'external'
  /** Where it runs: in this process, in worker threads, or in a process of its own. */
  readonly place: 'inline' | 'threads' | 'process'
  /** What takes long (texts) is given up when `signal` says that nobody waits. */
  predict(batch: RawBatch, options?: PredictOptions): Promise<RawScores>
  /** The same at once, where the model needs no waiting; null for more rows than one run takes. What it is given may be used again afterwards. */
  predictNow?(batch: RawBatch): RawScores | null
  readonly memoryBytes: number
  /** Where it runs in workers: their number may change. */
  readonly workers?: WorkerPool
  /** Answers what was accepted, then lets go of the model. */
  close(): Promise<void>
}

export interface OnnxModelFile {
  file: string
  numberColumns: number
  stringColumns: number
  width: number
  /** Where there are more than the task's own output. */
  outputs?: SignatureOutput[]
  /** Inputs that are prepared one by one. */
  media?: SignatureColumn[]
  /** Where the graph is an encoder, beside which lies a decoder that writes texts. */
  decoding?: TextDecoding
  /** The most rows of one run, where an answer depends on the other rows of its run. */
  rowsPerRun?: number
  /** Where the graph hears voices, with which recordings are divided among speakers. */
  turns?: TurnsPlan
  /** built: by this platform's own engines. imported: from outside, so it never shares our process. */
  trust: 'built' | 'imported'
}

/** A package whose graph could not be proven: its fitted pipeline answers from a sandboxed Python process. */
export interface PythonPackage {
  /** Holds the package's files and `native/`. */
  folder: string
  signature: ModelSignature
  /** The engines that made it; those for tables unless told. */
  engine?: { family: Family; runtime: RuntimeName }
}

export interface LoadOptions {
  /**
   * In a worker thread however small it is, and many rows a run: for work that asks thousands of times while others are served.
   * `unless-instant`: here all the same where a row takes less time than a message to a thread.
   */
  apart?: boolean | 'unless-instant'
}

/** What turns a package's rows into what its model takes. */
export interface EncoderPackage {
  /** Holds the package's files (preprocess.onnx, tokenizer.json). */
  folder: string
  signature: ModelSignature
  trust: 'built' | 'imported'
  served: 'onnx' | 'python'
}

export interface Inference {
  /** Opens what reads rows for a package: numbers and strings at once, images, sounds and long texts off the event loop. */
  openEncoder(model: EncoderPackage): Promise<AnyEncoder>
  /** Loads a package's graph from a local file. Trusted packages run in this process, imported ones in their own. */
  load(model: OnnxModelFile, options?: LoadOptions): Promise<LoadedModel>
  /** Contributions of the features to a graph's trees, by their paths; null where the graph is not one ensemble that keeps its covers. */
  explainTrees(model: OnnxModelFile): Promise<TreeExplainer | null>
  loadPython(model: PythonPackage): Promise<LoadedModel>
  /** Opens a graph as it is, asked by its own tensors, in a process of its own. */
  openRaw(file: string): Promise<RawGraph>
  /** Opens a package in a process of its own, as it would be served, to see how fast it is and what it takes. */
  openMeasured(model: EncoderPackage & Pick<PythonPackage, 'engine'>): Promise<MeasuredModel>
  /** Opens a graph over cells to answer whole tables, by the column, in processes of its own. */
  scoreTable(scoring: TableScoring): Promise<TableScorer>
  close(): Promise<void>
}
