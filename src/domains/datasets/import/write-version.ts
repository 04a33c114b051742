import { copyToParquet, identifier, literal, parquet } from '../../../ports/tables/sql.ts'
import type { Column } from '../schema.ts'
import type { ColumnStatistics } from '../store.ts'
import { parameters } from './cast.ts'
import { type PlannedColumn, valueExpression } from './plan.ts'
import { pseudonymOf } from './pseudonym.ts'
import type { RawTable, Work } from './raw-table.ts'
import type { SourceFile } from './source.ts'

export interface WrittenTable {
  path: string
  rows: number
  statistics: Record<string, ColumnStatistics>
}

/** Writes the table of a version: `__row` from 0 in the order of the file, then every column as its type. */
export async function writeTable(
  work: Work,
  raw: RawTable,
  { options }: Pick<SourceFile, 'options'>,
  columns: readonly PlannedColumn[],
  pseudonymKey: string | null,
): Promise<WrittenTable> {
  const path = `${work.folder}/table.parquet`
  const { values, add } = parameters()
  const selected = columns.map((column) => {
    const value = valueExpression(column, options, add)
    const stored = column.action === 'pseudonymise' ? pseudonymOf(`${value}::VARCHAR`, pseudonymKey!, add) : value
    return `${stored} AS ${identifier(column.name)}`
  })
  const select = `SELECT file_row_number AS __row, ${selected.join(', ')} FROM read_parquet(${literal(raw.path)}, file_row_number = true)`
  await work.tables.run({
    folders: [work.folder],
    files: [raw.path],
    statements: [{ sql: copyToParquet(select, path, columns.length + 1), params: values }],
    scratch: `${work.folder}/spill`,
    memoryBytes: work.memoryBytes,
    signal: work.signal,
    onProgress: work.onProgress,
  })
  return {
    path,
    rows: raw.rows,
    statistics: await tableStatistics(
      work,
      path,
      columns.map(({ name }) => name),
    ),
  }
}

/** Missing and distinct values of every column, in one scan. */
export async function tableStatistics(
  work: Work,
  path: string,
  names: readonly string[],
): Promise<Record<string, ColumnStatistics>> {
  const statistics: Record<string, ColumnStatistics> = {}
  for (let from = 0; from < names.length; from += 250) {
    const some = names.slice(from, from + 250)
    const measures = some.flatMap((name) => [
      `count(*) - count(${identifier(name)})`,
      `approx_count_distinct(${identifier(name)})`,
    ])
    const [found] = await work.tables.run({
      folders: [work.folder],
      files: [path],
      statements: [{ sql: `SELECT ${measures.join(', ')} FROM ${parquet(path)}` }],
      memoryBytes: work.memoryBytes,
      signal: work.signal,
    })
    for (const [at, name] of some.entries())
      statistics[name] = { missing: Number(found!.rows[0]![2 * at]), distinct: Number(found!.rows[0]![2 * at + 1]) }
  }
  return statistics
}

/** A column looked like a key in the rows that were read first; over all rows it may repeat. */
export async function settleIdentifiers(work: Work, table: WrittenTable, columns: readonly Column[]): Promise<Column[]> {
  const ids = columns.filter(({ type }) => type === 'id').map(({ name }) => name)
  if (ids.length === 0) return [...columns]
  const [found] = await work.tables.run({
    folders: [work.folder],
    files: [table.path],
    statements: [
      {
        sql: `SELECT ${ids.flatMap((id) => [`count(DISTINCT ${identifier(id)}) = count(${identifier(id)})`, `typeof(any_value(${identifier(id)}))`]).join(', ')} FROM ${parquet(table.path)}`,
      },
    ],
    scratch: `${work.folder}/spill`,
    memoryBytes: work.memoryBytes,
    signal: work.signal,
  })
  return columns.map((column) => {
    const at = ids.indexOf(column.name)
    if (at < 0 || found!.rows[0]![2 * at] === true) return column
    const whole = found!.rows[0]![2 * at + 1] === 'BIGINT'
    return {
      ...column,
      type: whole ? 'integer' : 'category',
      personalData: column.personalData?.kind === 'identifier' ? null : column.personalData,
    }
  })
}
