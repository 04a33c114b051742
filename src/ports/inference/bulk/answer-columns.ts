import type { RowPrediction } from '../row-prediction.ts'
import { type ModelSignature, outputPlaces } from '../signature.ts'

/** What kind of column of a table it makes; lists and objects are their JSON text. */
export type AnswerKind = 'category' | 'number' | 'integer' | 'boolean' | 'text'

/** A column of answers. */
export interface AnswerColumn {
  name: string
  kind: AnswerKind
  of(prediction: RowPrediction & Record<string, unknown>): string | number | boolean | null
}

/** More classes than these are one column of JSON instead of a column each. */
const mostClassColumns = 100

/** The columns that a model's answers make, in their order. Classes that differ only in case are told apart: tables know no case. */
export function answerColumns(signature: ModelSignature): AnswerColumn[] {
  const taken = new Set<string>()
  return columnsOf(signature).map((column) => {
    let { name } = column
    for (let n = 2; taken.has(name.toLowerCase()); n++) name = `${column.name}_${n}`
    taken.add(name.toLowerCase())
    return { ...column, name }
  })
}

const columnsOf = (signature: ModelSignature): AnswerColumn[] => [
  ...ownColumns(signature),
  ...(signature.beside ?? []).map(({ name, kind }) => {
    const told = ({ outputs }: RowPrediction) => (outputs as Record<string, unknown> | undefined)?.[name]
    return kind === 'list' ? json(name, told) : column(name, kind, told)
  }),
]

function ownColumns(signature: ModelSignature): AnswerColumn[] {
  const { task, classes } = signature
  if (task === 'generation')
    return [
      column('text', 'text', ({ text }) => text),
      column('finish_reason', 'category', ({ finishReason }) => finishReason),
      column('tokens', 'integer', ({ tokens }) => (tokens as { generated?: number } | undefined)?.generated),
    ]
  if (signature.decoding)
    return [
      column('text', 'text', ({ text }) => text),
      ...(signature.decoding.window ? [json('segments', ({ segments }) => segments)] : []),
    ]
  if (task === 'seq2seq') return [column('text', 'text', ({ text }) => text)]
  if (signature.turns) return [json('turns', ({ turns }) => turns)]
  if (task === 'tokens') return [json('spans', ({ spans }) => spans)]
  return outputPlaces(signature).flatMap(({ name, width }) => {
    if (task === 'detection' && name === 'objects') return [json('objects', ({ objects }) => objects)]
    if (task === 'segmentation' && name === 'mask')
      return [json('areas', ({ areas }) => areas), column('mask', 'text', ({ mask }) => mask)]
    if (name === 'probabilities') return [...decided(task), ...probabilities(classes ?? namesOf(width))]
    if (name === 'prediction')
      return [width === 1 ? column('value', 'number', ({ value }) => value) : json('values', ({ values }) => values)]
    if (name === 'cluster') return [column('cluster', 'integer', ({ cluster }) => cluster)]
    if (name === 'distances')
      return [
        ...(outputPlaces(signature).some((place) => place.name === 'cluster')
          ? []
          : [column('cluster', 'integer', ({ cluster }) => cluster)]),
        json('distances', ({ distances }) => distances),
      ]
    if (name === 'score' && width === 1)
      return [
        column('score', 'number', ({ score }) => score),
        ...(signature.threshold === null ? [] : [column('is_anomaly', 'boolean', ({ isAnomaly }) => isAnomaly)]),
      ]
    if (name === 'vector') return [json('vector', ({ vector }) => vector)]
    const other = ({ outputs }: RowPrediction) => outputs?.[name]
    return [width === 1 ? column(name, 'number', other as (p: RowPrediction) => number | undefined) : json(name, other)]
  })
}

const namesOf = (width: number): string[] => Array.from({ length: width }, (_, k) => String(k))

function decided(task: string): AnswerColumn[] {
  if (task === 'multilabel') return [json('labels', ({ labels }) => labels)]
  if (task === 'clustering') return [column('cluster', 'integer', ({ cluster }) => cluster)]
  return [column('label', 'category', ({ label }) => label)]
}

const probabilities = (classes: readonly string[]): AnswerColumn[] =>
  classes.length > mostClassColumns
    ? [json('probabilities', (prediction) => prediction.probabilities)]
    : classes.map((name) => column(`probability_${name}`, 'number', (prediction) => prediction.probabilities?.[name]))

function column(name: string, kind: AnswerKind, read: (prediction: Parameters<AnswerColumn['of']>[0]) => unknown): AnswerColumn {
  return { name, kind, of: (prediction) => (read(prediction) ?? null) as string | number | boolean | null }
}

const json = (name: string, read: (prediction: Parameters<AnswerColumn['of']>[0]) => unknown): AnswerColumn =>
  column(name, 'text', (prediction) => {
    const value = read(prediction)
    return value === undefined ? null : JSON.stringify(value)
  })

/** Whether answers are classes with probabilities or one number and nothing else: such columns are made without an object for each row. */
export const isPlainAnswer = ({ task, outputs, classes }: ModelSignature): boolean =>
  !outputs &&
  (task === 'regression' || ((task === 'binary' || task === 'multiclass') && (classes?.length ?? 0) <= mostClassColumns))

/** How DuckDB stores a kind of answer. */
export const answerSqlType: Record<AnswerKind, string> = {
  category: 'VARCHAR',
  text: 'VARCHAR',
  number: 'FLOAT',
  integer: 'BIGINT',
  boolean: 'BOOLEAN',
}
