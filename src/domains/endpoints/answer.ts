import { unprocessable } from '../../kernel/errors.ts'
import type { RawScores } from '../../ports/inference/inference.ts'
import { labelIndex, positiveIndex } from '../../ports/inference/label.ts'
import { compilePrediction } from '../../ports/inference/row-prediction.ts'
import type { ModelSignature } from '../../ports/inference/signature.ts'

/** The JSON text of one row's prediction: label and probabilities, a value, or what else the task gives. */
export type AnswerText = (scores: RawScores, row: number, id: string) => string

/** Compiles the answer of a signature into text directly: names are quoted once, not for each request. */
export function compileAnswer(signature: ModelSignature): AnswerText {
  if (signature.outputs || !plainTasks.has(signature.task)) return compileAnyAnswer(signature)
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

const plainTasks: ReadonlySet<string> = new Set(['binary', 'multiclass', 'regression'])

function compileAnyAnswer(signature: ModelSignature): AnswerText {
  const predict = compilePrediction(signature)
  return (scores, row, id) => {
    for (let i = row * scores.width; i < (row + 1) * scores.width; i++) finite(scores.values[i]!, row)
    return JSON.stringify({ id, ...predict(scores, row) })
  }
}

/** JSON has no word for what is not a finite number, and nobody could use it. */
function finite(value: number, row: number): number {
  if (Number.isFinite(value)) return value
  throw unprocessable(
    `Row ${row} has no answer: the model says ${value}, because a value in it is too far from what training saw. Look for a wrong unit or a slipped point.`,
    { row, problem: 'value' },
  )
}
