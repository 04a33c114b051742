import { invalidInput } from '../../kernel/errors.ts'
import type { RawScores } from '../../ports/inference/inference.ts'
import { labelIndex, positiveIndex } from '../../ports/inference/label.ts'
import type { ModelSignature } from '../../ports/inference/signature.ts'

/** The JSON text of one row's prediction: label and probabilities, or a value. */
export type AnswerText = (scores: RawScores, row: number, id: string) => string

/** Compiles the answer of a signature into text directly: names are quoted once, not for each request. */
export function compileAnswer(signature: ModelSignature): AnswerText {
  if (signature.task === 'regression') {
    return (scores, row, id) => `{"id":"${id}","value":${finite(scores.values[row]!, row)}}`
  }
  if (signature.task === 'binary') positiveIndex(signature)
  const names = (signature.classes ?? []).map((name) => JSON.stringify(name))
  return (scores, row, id) => {
    const offset = row * scores.width
    let text = `{"id":"${id}","label":${names[labelIndex(signature, scores.values, offset)]},"probabilities":{`
    for (let k = 0; k < names.length; k++) text += `${k === 0 ? '' : ','}${names[k]}:${finite(scores.values[offset + k]!, row)}`
    return `${text}}}`
  }
}

/** JSON has no word for what is not a finite number, and nobody could use it. */
function finite(value: number, row: number): number {
  if (Number.isFinite(value)) return value
  throw invalidInput(
    `Row ${row} has no answer: the model says ${value}, because a value in it is too far from what training saw. Look for a wrong unit or a slipped point.`,
    { row },
  )
}
