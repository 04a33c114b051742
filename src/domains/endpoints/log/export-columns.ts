import { identifier } from '../../../ports/tables/sql.ts'
import { harmlessHeader, harmlessText } from '../../datasets/export.ts'
import { typedInput } from '../truth/join.ts'
import { fieldTexts } from './captured-sql.ts'
import type { LogShape } from './filters.ts'

/** A query of captured rows (with `score` and `truth`) as the columns of a file: what was asked, what was answered, what turned out. */
export function exportSelect(
  rows: string,
  { signature, key, kind }: LogShape,
  format: 'csv' | 'parquet',
): { select: string; columns: number } {
  const names = [...signature.inputs.map(({ name }) => name), ...(isBeside({ signature, key }) ? [key!] : [])]
  const own: [name: string, sql: string, isText: boolean][] = [
    ['__id', 'id', true],
    [
      '__at',
      format === 'csv' ? `strftime(make_timestamp("at" * 1000), '%Y-%m-%dT%H:%M:%S.%gZ')` : 'make_timestamp("at" * 1000)',
      false,
    ],
    ['__variant', 'variant', true],
    ['__version', 'version', true],
    ...signature.inputs.map(({ name, type, tensor }, i): [string, string, boolean] => [
      name,
      typedInput(`texts[${i + 1}]`, type, tensor),
      tensor !== 'numbers',
    ]),
    ...names
      .slice(signature.inputs.length)
      .map((name, i): [string, string, boolean] => [name, `texts[${signature.inputs.length + i + 1}]`, true]),
    ...said(kind),
    ['__score', 'score', false],
    ['__prediction', 'prediction::VARCHAR', true],
    ['__truth', kind ? kind.toColumn('truth') : 'truth', kind?.score !== 'numbers'],
  ]
  const columns = own.map(([name, sql, isText]) =>
    format === 'csv' ? `${isText ? harmlessText(`(${sql})`) : sql} AS ${harmlessHeader(name)}` : `${sql} AS ${identifier(name)}`,
  )
  const texts = names.length > 0 ? fieldTexts('row_values', names) : '[]'
  return { select: `SELECT ${columns.join(', ')} FROM (SELECT *, ${texts} AS texts FROM (${rows}))`, columns: columns.length }
}

const isBeside = ({ signature, key }: Pick<LogShape, 'signature' | 'key'>): boolean =>
  key !== null && !signature.inputs.some(({ name }) => name === key)

function said(kind: LogShape['kind']): [string, string, boolean][] {
  if (kind?.score === 'classes') return [['__label', `prediction ->> '/label'`, true]]
  if (kind?.score === 'numbers') return [['__value', `TRY_CAST((prediction ->> '/value') AS DOUBLE)`, false]]
  return []
}
