import type { RowPrediction } from '../../../ports/inference/row-prediction.ts'
import { type ModelSignature, outputPlaces, type SignatureColumn } from '../../../ports/inference/signature.ts'
import type { ValueKind } from './expression.ts'

export type PipelineType = 'number' | 'integer' | 'boolean' | 'datetime' | 'category' | 'text' | 'image' | 'audio' | 'list'

/** A column that a model's answer makes: `<step>.<name>`. */
export interface AnsweredColumn {
  name: string
  type: PipelineType
  of(prediction: RowPrediction & Record<string, unknown>): unknown
}

/** The columns that a model's answers make. */
export function answeredColumns(signature: ModelSignature): AnsweredColumn[] {
  const { task, classes } = signature
  const column = (name: string, type: PipelineType, of: AnsweredColumn['of']): AnsweredColumn => ({ name, type, of })
  if (task === 'generation' || signature.decoding) return [column('text', 'text', ({ text }) => text)]
  if (signature.turns) return [column('turns', 'list', ({ turns }) => turns)]
  if (task === 'tokens') return [column('spans', 'list', ({ spans }) => spans)]
  return outputPlaces(signature).flatMap(({ name, width }) => {
    if (name === 'probabilities')
      return [
        task === 'multilabel'
          ? column('labels', 'list', ({ labels }) => labels)
          : column('label', 'category', ({ label }) => label),
        ...(classes ?? []).map((one) => column(`probabilities.${one}`, 'number', ({ probabilities }) => probabilities?.[one])),
      ]
    if (name === 'prediction' && width === 1) return [column('value', 'number', ({ value }) => value)]
    if (name === 'prediction') return [column('values', 'list', ({ values }) => values)]
    if (name === 'cluster' || name === 'distances') return [column('cluster', 'integer', ({ cluster }) => cluster)]
    if (name === 'score')
      return [
        column('score', 'number', ({ score }) => score),
        ...(signature.threshold === null ? [] : [column('isAnomaly', 'boolean', ({ isAnomaly }) => isAnomaly)]),
      ]
    if (name === 'objects') return [column('objects', 'list', ({ objects }) => objects)]
    if (name === 'mask') return [column('areas', 'list', ({ areas }) => areas)]
    if (name === 'vector') return [column('vector', 'list', ({ vector }) => vector)]
    return width === 1 ? [column(name, 'number', ({ outputs }) => outputs?.[name])] : []
  })
}

const texts: ReadonlySet<string> = new Set(['category', 'text', 'id'])
const numbers: ReadonlySet<string> = new Set(['number', 'integer'])

/** Whether a column can be what a model reads. */
export function fits(column: PipelineType, input: SignatureColumn): boolean {
  if (input.tensor === 'image' || input.tensor === 'audio') return column === input.tensor
  if (input.tensor !== 'numbers') return texts.has(column)
  if (numbers.has(input.type)) return numbers.has(column)
  return column === input.type
}

/** What an expression takes a column for; null where it can do nothing with it. */
export function kindOf(type: PipelineType): ValueKind | null {
  if (type === 'number' || type === 'integer' || type === 'boolean') return 'number'
  return type === 'category' || type === 'text' || type === 'datetime' ? 'text' : null
}
