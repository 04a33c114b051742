import type { RawScores } from './inference.ts'
import type { ModelSignature } from './signature.ts'

/** What a client is told about one row. */
export interface RowPrediction {
  label?: string
  probabilities?: Record<string, number>
  value?: number
}

/** The class that a row of probabilities means: binary by the threshold, multi-class by the first largest. */
export function labelIndex(signature: ModelSignature, values: Float32Array, offset: number): number {
  const classes = signature.classes ?? []
  if (signature.task === 'binary') {
    const positive = positiveIndex(signature)
    return values[offset + positive]! >= (signature.threshold ?? 0.5) ? positive : 1 - positive
  }
  let best = 0
  for (let k = 1; k < classes.length; k++) if (values[offset + k]! > values[offset + best]!) best = k
  return best
}

/** Compiles the rule that turns raw scores into labels and probabilities, or values for a regression. */
export function compileLabeller(signature: ModelSignature): (scores: RawScores, row: number) => RowPrediction {
  if (signature.task === 'regression') return (scores, row) => ({ value: scores.values[row * scores.width]! })
  const classes = signature.classes ?? []
  if (signature.task === 'binary') positiveIndex(signature)
  return (scores, row) => {
    const offset = row * scores.width
    const probabilities: Record<string, number> = {}
    for (let k = 0; k < classes.length; k++) probabilities[classes[k]!] = scores.values[offset + k]!
    return { label: classes[labelIndex(signature, scores.values, offset)]!, probabilities }
  }
}

/** Index of the positive class among the classes of a binary signature. */
export function positiveIndex(signature: ModelSignature): number {
  const index = signature.positive === null ? 1 : (signature.classes ?? []).indexOf(signature.positive)
  if (signature.classes?.length !== 2 || index < 0) {
    throw new Error(
      `A binary signature needs two classes, one of them "${signature.positive}", not ${signature.classes?.join(', ')}.`,
    )
  }
  return index
}
