import { invalidInput, isPlatformError } from '../../../kernel/errors.ts'
import { copyToParquet, identifier, literal, parquet } from '../../../ports/tables/sql.ts'
import type { TableQuery, Tables, TableValue } from '../../../ports/tables/tables.ts'
import { carefulCast, parameters, plainCast, typeWords } from './cast.ts'
import { readError } from './csv-error.ts'
import { castOptions, type PlannedColumn } from './plan.ts'
import { jsonRelation, type SourceFile, textRelation } from './source.ts'

/** The table as the file has it: Parquet with one column per raw column, in the order of the file. */
export interface RawTable {
  path: string
  rows: number
}

export interface Work {
  tables: Tables
  /** A folder of this work's own. */
  folder: string
  signal?: AbortSignal
  quick?: boolean
  memoryBytes?: number
  onProgress?: (percent: number) => void
}

/** Reads the file (or its sample) once, into a raw table. A Parquet file is one already. */
export async function makeRawTable(work: Work, source: SourceFile, from: { path: string; mostRows?: number }): Promise<RawTable> {
  const { format } = source.options
  const path = format === 'parquet' ? from.path : `${work.folder}/raw.parquet`
  const relation = format === 'jsonl' ? jsonRelation(from.path) : textRelation(from.path, source.options, source.columns.length)
  const limit = from.mostRows ? ` LIMIT ${from.mostRows}` : ''
  const statements: TableQuery[] = []
  if (format !== 'parquet')
    statements.push({
      sql: copyToParquet(`SELECT * FROM ${relation}${limit}`, path, source.columns.length).replace('zstd', 'snappy'),
    })
  statements.push({ sql: `SELECT count(*) FROM ${parquet(path)}` })
  const results = await work.tables
    .run({
      folders: [work.folder],
      files: [from.path],
      statements,
      scratch: `${work.folder}/spill`,
      quick: work.quick,
      memoryBytes: work.memoryBytes,
      signal: work.signal,
      onProgress: work.onProgress,
    })
    .catch((error) => {
      // A file that cannot be read at all is the file's fault, whatever the engine calls it.
      const unreadable = isPlatformError(error) && error.code === 'internal' && format !== 'csv'
      throw readError(
        unreadable ? invalidInput('unreadable', { engine: String((error.cause as Error | undefined)?.message ?? '') }) : error,
        { ...source.options, filename: source.filename },
      )
    })
  const rows = Number(results.at(-1)!.rows[0]![0])
  if (rows === 0) throw invalidInput('The file has a header and no rows below it.', { rows: 0 })
  return { path, rows }
}

/** A value that is not of its column's type. `row` counts from 1, the header not included. */
export interface BadValue {
  column: PlannedColumn
  count: number
  row: number
  value: string
}

const columnsAtOnce = 250

/**
 * Looks through every value of every column: which columns the plain cast reads, and which values are not of their column's type at all.
 * A few hundred columns at a time, since the engine needs memory for every expression of a statement.
 */
export async function checkValues(
  work: Work,
  raw: RawTable,
  source: Pick<SourceFile, 'options'>,
  columns: readonly PlannedColumn[],
): Promise<BadValue[]> {
  const options = castOptions(source.options)
  const unsure: PlannedColumn[] = []
  for (let from = 0; from < columns.length; from += columnsAtOnce) {
    const plain = columns
      .slice(from, from + columnsAtOnce)
      .map((column) => ({ column, cast: plainCast(column.raw, column.kind, column.reading, options) }))
    const tested = plain.filter(({ cast }) => cast?.bad)
    const counts =
      tested.length === 0
        ? []
        : await query(
            work,
            raw,
            tested.map(({ cast }) => `count(*) FILTER (${cast!.bad})`),
            [],
          )
    for (const { column, cast } of plain) {
      const bad = tested.findIndex((one) => one.column === column)
      column.careful = cast === null || (bad >= 0 && Number(counts[bad]) > 0)
      if (column.careful) unsure.push(column)
    }
  }
  const bad: BadValue[] = []
  for (let from = 0; from < unsure.length; from += columnsAtOnce) {
    const { values, add } = parameters()
    const tested = unsure.slice(from, from + columnsAtOnce).flatMap((column) => {
      const test =
        column.action === 'pseudonymise' ? null : carefulCast(column.raw, column.kind, column.reading, options, add).bad
      return test ? [{ column, test }] : []
    })
    if (tested.length === 0) continue
    const found = await query(
      work,
      raw,
      tested.flatMap(({ column, test }) => [
        `count(*) FILTER (${test})`,
        `min(file_row_number) FILTER (${test})`,
        `arg_min(${identifier(column.raw)}::VARCHAR, file_row_number) FILTER (${test})`,
      ]),
      values,
    )
    for (const [at, { column }] of tested.entries()) {
      const [count, row, value] = found.slice(3 * at, 3 * at + 3)
      if (Number(count) > 0) bad.push({ column, count: Number(count), row: Number(row) + 1, value: String(value).slice(0, 80) })
    }
  }
  return bad
}

async function query(work: Work, raw: RawTable, measures: readonly string[], params: readonly TableValue[]): Promise<unknown[]> {
  const [found] = await work.tables.run({
    folders: [work.folder],
    files: [raw.path],
    statements: [
      { sql: `SELECT ${measures.join(', ')} FROM read_parquet(${literal(raw.path)}, file_row_number = true)`, params },
    ],
    scratch: `${work.folder}/spill`,
    quick: work.quick,
    memoryBytes: work.memoryBytes,
    signal: work.signal,
  })
  return found!.rows[0]!
}

/** A type that was only guessed gives way to the values: such columns are read as categories. Says which, and why. */
export function giveWay(bad: readonly BadValue[]): { message: string; facts: Record<string, unknown> }[] {
  return bad.map(({ column, count, row, value }) => {
    const { type } = column.reading
    column.reading = { ...column.reading, type: 'category', date: null, decimalComma: false, thousands: false }
    column.careful = true
    return {
      message: `Column "${column.name}" looked like ${type}, but row ${row} holds "${value}": it is read as a category.`,
      facts: { column: column.name, row, value, count, insteadOf: type },
    }
  })
}

/** The one sentence about the first value that does not fit what the person chose. */
export function badValueError(bad: readonly BadValue[]): Error {
  const first = [...bad].sort((a, b) => a.row - b.row)[0]!
  const more = bad.reduce((sum, { count }) => sum + count, 0) - 1
  return invalidInput(
    `Row ${first.row}, column "${first.column.from}": "${first.value}" is not ${typeWords(first.column.reading.type)}.${
      more > 0
        ? ` ${more} more such value${more === 1 ? '' : 's'} in ${bad.length === 1 ? 'this column' : `${bad.length} columns`}.`
        : ''
    } Choose another type, or name it as a missing value.`,
    { row: first.row, column: first.column.from, value: first.value, type: first.column.reading.type, more },
  )
}
