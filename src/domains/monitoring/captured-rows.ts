import { copyToParquet, literal, parquet } from '../../ports/tables/sql.ts'
import type { Tables } from '../../ports/tables/tables.ts'
import { type WatchedColumn, watchedAlias } from './watched-columns.ts'

export interface Counted {
  rows: number
  /** A query whose columns are the watched ones. */
  source: string
  folders: string[]
}

/** Lays what an endpoint was asked in a window as a table of the watched columns: only what this version answered. */
export async function layCapturedRows(
  tables: Tables,
  about: {
    columns: readonly WatchedColumn[]
    versionId: string
    captures: { folder: string; paths: string[] }
    fromMs: number
    toMs: number
    folder: string
    signal: AbortSignal
  },
): Promise<Counted> {
  const { columns, captures, folder, signal } = about
  if (captures.paths.length === 0) return { rows: 0, source: '', folders: [] }
  const file = `${folder}/now.parquet`
  const requests = `SELECT body, predictions FROM ${jsonLines(captures.paths)}
    WHERE "at" >= ${Math.floor(about.fromMs)} AND "at" < ${Math.ceil(about.toMs)} AND version = ${literal(about.versionId)}`
  const rows = `SELECT unnest(CASE WHEN json_exists(body, '$.rows') THEN json_extract(body, '$.rows[*]') ELSE [json_extract(body, '$.row')] END) AS row_values,
      unnest(json_extract(predictions, '$[*]')) AS prediction FROM (${requests})`
  const watched = columns.map((column, i) => `${column.ofCapture} AS ${watchedAlias(i)}`).join(', ')
  const results = await tables.run({
    folders: [captures.folder, folder],
    scratch: folder,
    signal,
    statements: [
      { sql: copyToParquet(`SELECT ${watched} FROM (${rows})`, file, columns.length) },
      { sql: `SELECT count(*) FROM ${parquet(file)}` },
    ],
  })
  return { rows: results[1]!.rows[0]![0] as number, source: `SELECT * FROM ${parquet(file)}`, folders: [folder] }
}

const jsonLines = (paths: readonly string[]): string =>
  `read_json([${paths.map(literal).join(', ')}], format = 'newline_delimited', ignore_errors = true, maximum_object_size = 134217728,
    columns = {'at': 'BIGINT', version: 'VARCHAR', body: 'JSON', predictions: 'JSON'})`
