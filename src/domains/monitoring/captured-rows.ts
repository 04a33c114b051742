import { copyToParquet, literal, parquet } from '../../ports/tables/sql.ts'
import type { Tables } from '../../ports/tables/tables.ts'
import { type CaptureFiles, capturedRows as rowsOf } from '../endpoints/log/captured-sql.ts'
import { type WatchedColumn, watchedAlias } from './watched-columns.ts'

export interface Counted {
  rows: number
  /** A query whose columns are `row_id` and the watched ones. */
  source: string
  folders: string[]
}

export interface Period {
  fromMs: number
  toMs: number
}

export interface Captured {
  versionId: string
  captures: CaptureFiles
  periods: readonly Period[]
  folder: string
  signal: AbortSignal
}

/** A file of captured requests may begin a moment after what its first line tells of. */
export const slackMs = 60_000

/** Lays what an endpoint was asked in a time as a table of the watched columns: only what this version answered. */
export async function layCapturedRows(
  tables: Tables,
  about: Captured & { columns: readonly WatchedColumn[]; name: string },
): Promise<Counted> {
  const { columns, captures, folder, signal } = about
  if (captures.paths.length === 0) return { rows: 0, source: '', folders: [] }
  const file = `${folder}/${about.name}.parquet`
  const watched = columns.map((column, i) => `${column.ofCapture} AS ${watchedAlias(i)}`)
  const results = await tables.run({
    folders: [captures.folder, folder],
    scratch: folder,
    signal,
    statements: [
      {
        sql: copyToParquet(
          `SELECT ${['row_number() OVER () AS row_id', ...watched].join(', ')} FROM (${capturedRows(about)})`,
          file,
          columns.length,
        ),
      },
      { sql: `SELECT count(*) FROM ${parquet(file)}` },
    ],
  })
  return { rows: results[1]!.rows[0]![0] as number, source: `SELECT * FROM ${parquet(file)}`, folders: [folder] }
}

/** A query with a row for each row that this version answered: `row_values` and `prediction`, both JSON, and `at`. */
export function capturedRows({ captures, periods, versionId }: Captured): string {
  const requests = `version = ${literal(versionId)}`
  return periods.map((period) => rowsOf(captures, { ...period, requests })).join(' UNION ALL ')
}
