import type { ModelSignature } from './signature.ts'

/** The class that a row of probabilities means: binary by the threshold, multi-class by the first largest. */
export function labelIndex(signature: ModelSignature, values: Float32Array, offset: number): number {
  if (signature.task === 'binary') {
    const positive = positiveIndex(signature)
    return values[offset + positive]! >= (signature.threshold ?? 0.5) ? positive : 1 - positive
  }
  return firstLargest(values, offset, signature.classes?.length ?? 0)
}

/** The same for binary, compiled: positive from the threshold on. */
export function binaryRule(signature: ModelSignature): (values: Float32Array, offset: number) => number {
  const positive = positiveIndex(signature)
  const threshold = signature.threshold ?? 0.5
  return (values, offset) => (values[offset + positive]! >= threshold ? positive : 1 - positive)
}

export function firstLargest(values: Float32Array, offset: number, width: number): number {
  let best = 0
  for (let k = 1; k < width; k++) if (values[offset + k]! > values[offset + best]!) best = k
  return best
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
