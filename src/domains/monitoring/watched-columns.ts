import { identifier, literal } from '../../ports/tables/sql.ts'
import type { Signature } from '../registry/schema.ts'
import type { NumberBaseline } from './baseline.ts'

/** A column that is watched, and where SQL finds it. */
export interface WatchedColumn {
  name: string
  role: 'input' | 'prediction'
  kind: 'number' | 'category'
  format: NumberBaseline['format']
  /** DOUBLE or VARCHAR in a table of the data set's own types; null where such a table has none (predictions). */
  ofTable: string | null
  /** The same in captured requests: `row_values` holds the row, `prediction` its answer, both JSON. */
  ofCapture: string
}

/** What is watched of a model: its inputs (free text by its length; images and sounds are not) and what it answers. */
export function watchedColumns(signature: Signature): WatchedColumn[] {
  const inputs = signature.inputs.filter(({ tensor }) => tensor !== 'image' && tensor !== 'audio')
  return [...inputs.map(watchedInput), ...watchedPrediction(signature)]
}

function watchedInput({ name, type, tensor }: Signature['inputs'][number]): WatchedColumn {
  const column = identifier(name)
  const captured = `(row_values ->> ${literal(pointer(name))})`
  const common = { name, role: 'input' as const }
  if (type === 'text') {
    const length = (text: string) => `length(NULLIF(${text}, ''))::DOUBLE`
    return { ...common, kind: 'number', format: 'length', ofTable: length(`${column}::VARCHAR`), ofCapture: length(captured) }
  }
  if (tensor === 'strings') {
    return {
      ...common,
      kind: 'category',
      format: 'number',
      ofTable: `NULLIF(${column}::VARCHAR, '')`,
      ofCapture: `NULLIF(${captured}, '')`,
    }
  }
  if (type === 'datetime') {
    const ms = (text: string) => `epoch_ms(TRY_CAST(${text} AS TIMESTAMPTZ))::DOUBLE`
    return { ...common, kind: 'number', format: 'datetime', ofTable: ms(column), ofCapture: ms(captured) }
  }
  if (type === 'boolean') {
    const flag = (text: string) => `TRY_CAST(TRY_CAST(${text} AS BOOLEAN) AS INTEGER)::DOUBLE`
    return { ...common, kind: 'number', format: 'number', ofTable: flag(column), ofCapture: flag(captured) }
  }
  return {
    ...common,
    kind: 'number',
    format: 'number',
    ofTable: `TRY_CAST(${column} AS DOUBLE)`,
    ofCapture: `TRY_CAST(${captured} AS DOUBLE)`,
  }
}

/** What is watched of the answers; nothing where they are neither a number nor one of a few words. */
function watchedPrediction({ task, positive, classes, decoding }: Signature): WatchedColumn[] {
  const common = { role: 'prediction' as const, ofTable: null, format: 'number' as const }
  const answered = (path: string) => `TRY_CAST((prediction ->> ${literal(path)}) AS DOUBLE)`
  if (task === 'regression') return [{ ...common, name: 'predicted value', kind: 'number', ofCapture: answered('/value') }]
  if (task === 'multiclass')
    return [{ ...common, name: 'predicted class', kind: 'category', ofCapture: `(prediction ->> '/label')` }]
  if (decoding)
    return [
      {
        ...common,
        name: 'written characters',
        kind: 'number',
        format: 'length',
        ofCapture: `length(prediction ->> '/text')::DOUBLE`,
      },
    ]
  if (task !== 'binary') return []
  const yes = positive ?? classes?.[1] ?? ''
  return [{ ...common, name: `probability of ${yes}`, kind: 'number', ofCapture: answered(`/probabilities${pointer(yes)}`) }]
}

/** A field as a JSON pointer (RFC 6901). */
export const pointer = (name: string): string => `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`

/** Names of the watched columns in the tables that are counted. */
export const watchedAlias = (position: number): string => `w${position}`
