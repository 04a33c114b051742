import type * as z from 'zod'
import type { Prediction } from '../endpoints/schema.ts'
import type { Predictions } from '../evaluation/statistics/predictions.ts'
import type { Signature } from '../registry/schema.ts'

/** What the model said of some rows; with a truth where it is known. */
export interface Answer {
  said: Partial<z.infer<typeof Prediction>>
  truth: string | number | null
}

/** Answers whose truth is known, as metrics take them. */
export function judgedAnswers(signature: Signature, answers: readonly Answer[]): Predictions {
  const { classes } = signature
  if (classes === null) {
    const known = answers.filter(({ said, truth }) => typeof said.value === 'number' && Number.isFinite(Number(truth)))
    return {
      kind: 'numbers',
      actual: Float64Array.from(known, ({ truth }) => Number(truth)),
      predicted: Float64Array.from(known, ({ said }) => said.value!),
    }
  }
  const at = new Map(classes.map((name, k) => [name, k]))
  const known = answers.filter(({ said, truth }) => at.has(said.label ?? '') && at.has(String(truth)))
  return {
    kind: 'classes',
    classes: classes.length,
    actual: Int32Array.from(known, ({ truth }) => at.get(String(truth))!),
    label: Int32Array.from(known, ({ said }) => at.get(said.label!)!),
    probabilities: probabilitiesOf(classes, known),
  }
}

/** [rows, classes], in the order of the signature. */
export function probabilitiesOf(classes: readonly string[], answers: readonly Answer[]): Float64Array {
  const all = new Float64Array(answers.length * classes.length)
  answers.forEach(({ said }, row) => {
    for (const [k, name] of classes.entries()) all[row * classes.length + k] = said.probabilities?.[name] ?? 0
  })
  return all
}

export const rowsOf = (predictions: Predictions): number => predictions.actual.length
