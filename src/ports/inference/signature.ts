import { invalidInput } from '../../kernel/errors.ts'
import type { TextDecoding } from './texts/decoding.ts'
import type { TurnsPlan } from './turns/plan.ts'

/** By what a package of one model is answered for: its graph, a Python worker, or llama.cpp where it writes text. */
export const provenBy = ['onnx', 'python', 'gguf'] as const
/** The same, several packages as steps, or a server elsewhere. */
export const servedBy = [...provenBy, 'pipeline', 'external'] as const
export type ServedBy = (typeof servedBy)[number]

export const tensors = ['numbers', 'strings', 'values', 'image', 'audio', 'tokens'] as const

/** Inputs that are prepared one by one, off the event loop, before the graph sees them. */
export const mediaTensors: ReadonlySet<string> = new Set(['image', 'audio', 'tokens'])

/** One raw column that a model's graph reads (docs/job-contract.md, "Raw inputs of a model graph"). */
export interface SignatureColumn {
  name: string
  type: string
  tensor: (typeof tensors)[number]
  index: number
  nullable: boolean
  /** The model itself answers no row without it: a missing value is refused, not warned of. */
  required?: boolean
  /** The model itself answers none but its categories: another word is refused, not warned of. */
  closed?: boolean
  min?: number | null
  max?: number | null
  categories?: string[] | null
  categoriesTruncated?: boolean
  /** Tensors (`values`): the sizes of one row's; they lie among the graph's numbers from `index` on, in row-major order. */
  shape?: number[]
  /** Images: height and width that `preprocess.onnx` gives, and colours (1 or 3). */
  size?: [number, number]
  channels?: number
  /** Images whose answer has places: how a rectangle lies in the square that the network sees. */
  fit?: 'pad' | 'stretch' | 'crop'
  /** Audio: samples per second, and the fixed number of samples (absent: as many as the sound has). */
  sampleRate?: number
  samples?: number | null
  /** Text as tokens: the most tokens of a row, and the id that fills shorter rows. */
  maxLength?: number
  pad?: number
  /** Text as tokens, made word by word: the graph tells something of each word. */
  words?: boolean
  /** Between several columns of text that are read as one; missing ones are left out. */
  separator?: string
  /** Put before each text. */
  prefix?: string
}

/** One named output of a graph: so many values per row. */
export interface SignatureOutput {
  name: string
  width: number
}

/** What a package says of its inputs and outputs: the part of signature.json that serving reads. */
export interface ModelSignature {
  task: string
  classes: string[] | null
  positive: string | null
  threshold: number | null
  /** Multi-label: from which probability on each class is one of the labels, in the order of `classes`. */
  thresholds?: number[] | null
  /** Detection: of boxes of one class that overlap by more, only the best is told. */
  nms?: number
  inputs: SignatureColumn[]
  /** The graph's outputs where they are not just those of the task (`probabilities`, or `prediction`). */
  outputs?: SignatureOutput[]
  /** Where the answer is a text: how it is written. */
  decoding?: TextDecoding
  /** The most rows of one run, where an answer depends on the other rows of its run. */
  rowsPerRun?: number
  /** Diarisation: how recordings are divided. */
  turns?: TurnsPlan
  /** What is told beside the answer, under `outputs`: columns of a pipeline. */
  beside?: { name: string; kind: 'number' | 'text' | 'boolean' | 'list' }[]
}

export interface ModelShape {
  numberColumns: number
  stringColumns: number
  /** Values per row: of all outputs together. */
  width: number
  /** The outputs by name, in the order in which their values follow one another within a row; absent where there is only the task's own. */
  outputs?: SignatureOutput[]
  /** Inputs that are prepared one by one; columns of text that are read as one are one input, named as the first. */
  media?: SignatureColumn[]
  decoding?: TextDecoding
  /** The most rows of one run, where the signature says so. */
  rowsPerRun?: number
  turns?: TurnsPlan
}

/** The tensor widths that a signature implies. */
export function shapeOf(signature: ModelSignature): ModelShape {
  const { outputs } = signature
  const [text] = textColumns(signature)
  const media = signature.inputs.filter(
    (input) => mediaTensors.has(input.tensor) && (input.tensor !== 'tokens' || input === text),
  )
  return {
    numberColumns: signature.inputs.reduce((sum, input) => sum + numbersOf(input), 0),
    stringColumns: signature.inputs.filter((input) => input.tensor === 'strings').length,
    width: outputs ? outputs.reduce((sum, { width }) => sum + width, 0) : taskWidth(signature),
    ...(outputs && { outputs }),
    ...(media.length > 0 && { media }),
    ...(signature.decoding && { decoding: signature.decoding }),
    ...(signature.rowsPerRun && { rowsPerRun: signature.rowsPerRun }),
    ...(signature.turns && { turns: signature.turns }),
  }
}

/** How many of a graph's numbers a column takes. */
export const numbersOf = ({ tensor, shape }: SignatureColumn): number =>
  tensor === 'numbers' ? 1 : tensor === 'values' ? (shape ?? []).reduce((product, size) => product * size, 1) : 0

/** The columns of text that become tokens, in their order. */
export const textColumns = (signature: ModelSignature): SignatureColumn[] =>
  signature.inputs.filter(({ tensor }) => tensor === 'tokens').sort((a, b) => a.index - b.index)

export interface OutputPlace extends SignatureOutput {
  /** Where its values begin within a row. */
  offset: number
}

/** Where each output's values lie within a row of scores. */
export function outputPlaces(signature: ModelSignature): OutputPlace[] {
  const outputs = signature.outputs ?? [
    { name: signature.task === 'regression' ? 'prediction' : 'probabilities', width: taskWidth(signature) },
  ]
  let offset = 0
  return outputs.map(({ name, width }) => {
    if (!Number.isInteger(width) || width < 1)
      throw invalidInput(`The signature's output "${name}" has no whole number of values per row.`, { output: name })
    const place = { name, width, offset }
    offset += width
    return place
  })
}

/** How many of a row's values are the answer itself; vectors that a package says beside it (`left_vector`) are not. */
export function answerWidth(signature: ModelSignature): number {
  const places = outputPlaces(signature)
  const [first] = places
  if (first && (first.name === 'probabilities' || first.name === 'prediction')) return first.width
  return places.reduce((sum, { width }) => sum + width, 0)
}

const taskWidth = ({ task, classes }: ModelSignature): number => (task === 'regression' ? 1 : (classes?.length ?? 0))
