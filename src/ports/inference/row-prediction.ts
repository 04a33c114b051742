import { invalidInput } from '../../kernel/errors.ts'
import type { RawScores } from './inference.ts'
import { binaryRule, firstLargest } from './label.ts'
import { type ModelSignature, type OutputPlace, outputPlaces } from './signature.ts'
import { compileSpatialAnswer, type SpatialAnswer } from './spatial/answers.ts'
import { type Span, spansOf } from './tokens/words.ts'
import { type Turn, turnText } from './turns/plan.ts'

/** What a client is told about one row. Which fields there are is a matter of the signature alone. */
export interface RowPrediction extends SpatialAnswer {
  /** Binary, multi-class: the class. */
  label?: string
  /** Multi-label: the classes at or above their thresholds, in the signature's order; may be none. */
  labels?: string[]
  probabilities?: Record<string, number>
  /** Regression: the number. */
  value?: number
  /** Several numbers, as a forecast's steps. */
  values?: number[]
  /** Clustering: the group (from 0; -1 is none of them), and how far the row is from each. */
  cluster?: number
  distances?: number[]
  /** Anomaly: the larger, the stranger; from the signature's threshold on it is one. */
  score?: number
  isAnomaly?: boolean
  /** Projection, embedding: the coordinates. */
  vector?: number[]
  /** Token classification: the marked places of the text. */
  spans?: Span[]
  /** Transcription and other texts; of a recording with its parts in seconds. */
  text?: string
  segments?: { start: number; end: number; text: string }[]
  /** Diarisation: who speaks when, in seconds. */
  turns?: Turn[]
  /** Of a model that reads tokens and says how many there were. */
  tokens?: { prompt: number; generated: number }
  /** Whatever else the graph says, by the name of its output. */
  outputs?: Record<string, number | number[]>
}

/** Outputs that are told in the image's own pixels. */
const spatialOutputs: Record<string, string> = { detection: 'objects', segmentation: 'mask' }

type Put = (into: RowPrediction, scores: RawScores, at: number) => void

/** Compiles the rule that turns raw scores into what a client is told. */
export function compilePrediction(signature: ModelSignature): (scores: RawScores, row: number) => RowPrediction {
  const places = outputPlaces(signature)
  const puts = places.map((place) => ({ put: writerOf(signature, place, places), offset: place.offset }))
  return (scores, row) => {
    const prediction: RowPrediction = { ...scores.answers?.[row] }
    for (const { put, offset } of puts) put(prediction, scores, row * scores.width + offset)
    return prediction
  }
}

/**
 * Compiles what a row's scores decide, as text: the label, the labels, the group, whether it is an anomaly. Null where the signature decides nothing,
 * only measures. Equal decisions are equal texts.
 */
export function compileDecision(signature: ModelSignature): ((scores: RawScores, row: number) => string) | null {
  const predict = compilePrediction(signature)
  const names = new Set(outputPlaces(signature).map(({ name }) => name))
  const decided: ((prediction: RowPrediction) => unknown) | null = signature.decoding
    ? ({ text }) => text
    : signature.turns
      ? ({ turns }) => turns?.map(turnText)
      : signature.task === 'multilabel'
        ? ({ labels }) => labels
        : names.has('cluster') || signature.task === 'clustering'
          ? ({ cluster }) => cluster
          : names.has('probabilities')
            ? ({ label }) => label
            : names.has('score') && signature.threshold !== null
              ? ({ isAnomaly }) => isAnomaly
              : null
  return decided && ((scores, row) => decisionText(decided(predict(scores, row))))
}

/** A decision as text: of a list the whole list, of anything else how it is written. */
export const decisionText = (decision: unknown): string =>
  Array.isArray(decision) ? JSON.stringify(decision.map(String)) : String(decision)

function writerOf(signature: ModelSignature, { name, width, offset }: OutputPlace, places: readonly OutputPlace[]): Put {
  if (spatialOutputs[signature.task] === name) {
    const answer = compileSpatialAnswer(signature, { name, width, offset })
    return (into, scores, at) => Object.assign(into, answer(scores, Math.floor(at / scores.width)))
  }
  if (signature.task === 'tokens') return spansWriter(signature, name, places)
  if (name === 'probabilities') return probabilitiesWriter(signature, width, places)
  if (name === 'prediction')
    return width === 1
      ? (into, { values }, at) => {
          into.value = values[at]!
        }
      : (into, { values }, at) => {
          into.values = listOf(values, at, width)
        }
  if (name === 'cluster')
    return (into, { values }, at) => {
      into.cluster = values[at]!
    }
  if (name === 'distances') {
    const decides = signature.task === 'clustering' && !places.some((place) => place.name === 'cluster')
    return (into, { values }, at) => {
      into.distances = listOf(values, at, width)
      if (decides) into.cluster = firstSmallest(values, at, width)
    }
  }
  if (name === 'score' && width === 1)
    return (into, { values }, at) => {
      into.score = values[at]!
      // As floats are compared in the label rule: float32 widened, the threshold as it is.
      if (signature.threshold !== null) into.isAnomaly = values[at]! >= signature.threshold
    }
  if (name === 'vector')
    return (into, { values }, at) => {
      into.vector = listOf(values, at, width)
    }
  return (into, { values }, at) => {
    into.outputs ??= {}
    into.outputs[name] = width === 1 ? values[at]! : listOf(values, at, width)
  }
}

/** The spans that the tags of words say; the confidence beside them is told with each. */
function spansWriter({ classes }: ModelSignature, name: string, places: readonly OutputPlace[]): Put {
  const tags = places.find((place) => place.name === 'tags')
  const sure = places.find((place) => place.name === 'confidence')
  if (!tags || !sure)
    throw invalidInput('A package that marks words must have the outputs "tags" and "confidence".', {
      outputs: places.map((one) => one.name),
    })
  if (name !== 'tags') return () => {}
  return (into, { values, words, width }, at) => {
    const row = Math.floor(at / width)
    const text = words?.[row]
    if (!text) return
    const start = row * width
    into.spans = spansOf(text, classes ?? [], {
      tag: (token) => values[start + tags.offset + token]!,
      confidence: (token) => values[start + sure.offset + token]!,
    })
  }
}

function probabilitiesWriter(signature: ModelSignature, width: number, places: readonly OutputPlace[]): Put {
  const classes = signature.classes ?? Array.from({ length: width }, (_, k) => String(k))
  if (classes.length !== width)
    throw invalidInput(`The signature names ${classes.length} classes, but its output "probabilities" has ${width}.`, {
      output: 'probabilities',
    })
  const decide = deciderOf(signature, classes, places)
  return (into, { values }, at) => {
    decide(into, values, at)
    const probabilities: Record<string, number> = {}
    for (let k = 0; k < width; k++) probabilities[classes[k]!] = values[at + k]!
    into.probabilities = probabilities
  }
}

function deciderOf(
  signature: ModelSignature,
  classes: readonly string[],
  places: readonly OutputPlace[],
): (into: RowPrediction, values: Float32Array, at: number) => void {
  if (signature.task === 'multilabel') {
    const thresholds = thresholdsOf(signature)
    return (into, values, at) => {
      into.labels = classes.filter((_, k) => values[at + k]! >= thresholds[k]!)
    }
  }
  if (signature.task === 'clustering') {
    if (places.some((place) => place.name === 'cluster' || place.name === 'distances')) return () => {}
    return (into, values, at) => {
      into.cluster = firstLargest(values, at, classes.length)
    }
  }
  const indexOf = signature.task === 'binary' ? binaryRule(signature) : null
  return (into, values, at) => {
    into.label = classes[indexOf ? indexOf(values, at) : firstLargest(values, at, classes.length)]!
  }
}

/** From which probability on each class is a label; a half where the signature does not say. */
function thresholdsOf({ classes, thresholds }: ModelSignature): number[] {
  const given = thresholds ?? (classes ?? []).map(() => 0.5)
  if (given.length !== classes?.length)
    throw invalidInput(`The signature has ${given.length} thresholds for ${classes?.length ?? 0} classes.`, {
      field: 'thresholds',
    })
  return given
}

const listOf = (values: Float32Array, at: number, width: number): number[] => Array.from(values.subarray(at, at + width))

function firstSmallest(values: Float32Array, at: number, width: number): number {
  let best = 0
  for (let k = 1; k < width; k++) if (values[at + k]! < values[at + best]!) best = k
  return best
}
