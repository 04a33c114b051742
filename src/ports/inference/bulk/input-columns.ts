import { invalidInput } from '../../../kernel/errors.ts'
import { identifier, literal } from '../../tables/sql.ts'
import type { ModelSignature, SignatureColumn } from '../signature.ts'

/** How a table's columns are read as a model's inputs, in SQL. Of numbers, NaN is missing and an infinity is no value of the column's type. */
export interface InputColumns {
  numbers: string[]
  strings: string[]
  /** By number: what a bad value is told as. */
  badNumbers: string[]
  /** The table's columns that are read. */
  names: string[]
}

/** A column of the table, with the type that the table engine names. */
export interface SourceColumnType {
  /** The model's input. */
  name: string
  /** What the table calls it. */
  column: string
  sqlType: string
}

/** Reads a table as the raw inputs of a graph; refuses one that lacks a column. */
export function inputColumns(signature: ModelSignature, columns: readonly SourceColumnType[]): InputColumns {
  const sources = new Map(columns.map((column) => [column.name, column]))
  refuseAbsent(signature, sources)
  const inOrder = (tensor: string) => signature.inputs.filter((one) => one.tensor === tensor).sort((a, b) => a.index - b.index)
  const numbers = inOrder('numbers')
  return {
    numbers: numbers.map((input) => {
      const value = numberOf(input, sources.get(input.name) ?? null)
      return input.required ? `(CASE WHEN isnan(${value}) THEN ${bad} ELSE ${value} END)` : value
    }),
    strings: inOrder('strings').map(({ name }) => {
      const source = sources.get(name)
      return source ? `coalesce(${textOf(source)}, '')` : "''"
    }),
    badNumbers: numbers.map(({ name, type }) => {
      const source = sources.get(name)
      if (!source) return 'NULL'
      const { column } = source
      return `${literal(`Column "${column}": "`)} || coalesce(left(${identifier(column)}::VARCHAR, 80), '') || ${literal(`" is not ${words[type] ?? 'a number'}.`)}`
    }),
    names: [...sources.values()].map(({ column }) => column),
  }
}

function refuseAbsent({ inputs }: ModelSignature, sources: ReadonlyMap<string, SourceColumnType>): void {
  // One that was missing now and then in training may be left out, as in a request.
  const absent = inputs.filter(({ name, nullable }) => !sources.has(name) && !nullable).map(({ name }) => name)
  if (absent.length === 0) return
  throw invalidInput(
    `The rows lack ${absent.length === 1 ? 'the column' : 'columns'} that the model reads: ${absent.slice(0, 10).join(', ')}. Choose rows with the columns of its training.`,
    { columns: absent, column: absent[0] },
  )
}

const words: Record<string, string> = {
  integer: 'a whole number',
  boolean: 'true or false',
  datetime: 'a date',
}

const floats = /^(DOUBLE|FLOAT)$/
const decimals = /^DECIMAL/
const integers = /^U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)$/
const times = /^(DATE|TIMESTAMP)/
const missing = "'NaN'::DOUBLE"
const bad = "'Infinity'::DOUBLE"

function numberOf({ type }: SignatureColumn, source: SourceColumnType | null): string {
  if (source === null) return missing
  const { sqlType } = source
  const column = identifier(source.column)
  if (type === 'datetime') return dateOf(column, sqlType)
  if (type === 'boolean') return booleanOf(column, sqlType)
  const value = plainNumber(column, sqlType)
  if (type !== 'integer' || integers.test(sqlType) || sqlType === 'BOOLEAN') return value
  return `(CASE WHEN isnan(${value}) OR ${value} = floor(${value}) THEN ${value} ELSE ${bad} END)`
}

function plainNumber(column: string, sqlType: string): string {
  if (sqlType === 'DOUBLE') return `coalesce(${column}, ${missing})`
  if (floats.test(sqlType) || decimals.test(sqlType) || integers.test(sqlType)) return `coalesce(${column}::DOUBLE, ${missing})`
  // Truth and dates are no numbers, as in a request.
  if (sqlType !== 'VARCHAR') return orMissing(column, bad)
  return orMissing(`nullif(trim(${column}), '')`, `coalesce(TRY_CAST(${column} AS DOUBLE), ${bad})`)
}

const orMissing = (value: string, otherwise: string): string =>
  `(CASE WHEN ${value} IS NULL THEN ${missing} ELSE ${otherwise} END)`

function booleanOf(column: string, sqlType: string): string {
  if (sqlType === 'BOOLEAN') return `coalesce(${column}::INTEGER::DOUBLE, ${missing})`
  if (sqlType === 'VARCHAR')
    return orMissing(
      `nullif(trim(${column}), '')`,
      `(CASE WHEN lower(trim(${column})) IN ('true', '1') THEN 1.0 WHEN lower(trim(${column})) IN ('false', '0') THEN 0.0 ELSE ${bad} END)`,
    )
  const value = plainNumber(column, sqlType)
  return `(CASE WHEN isnan(${value}) OR ${value} IN (0, 1) THEN ${value} ELSE ${bad} END)`
}

function dateOf(column: string, sqlType: string): string {
  if (times.test(sqlType)) return `coalesce(epoch_us(${column}::TIMESTAMP) / 1000.0, ${missing})`
  if (sqlType === 'VARCHAR')
    return orMissing(`nullif(trim(${column}), '')`, `coalesce(epoch_us(TRY_CAST(${column} AS TIMESTAMP)) / 1000.0, ${bad})`)
  return orMissing(column, bad)
}

/** Text as it is; a number that stands for a category as it is written. */
const textOf = ({ column, sqlType }: SourceColumnType): string =>
  sqlType === 'VARCHAR' ? identifier(column) : `${identifier(column)}::VARCHAR`
