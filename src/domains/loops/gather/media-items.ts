import { literal } from '../../../ports/tables/sql.ts'
import type { TableQuery, TableResult } from '../../../ports/tables/tables.ts'
import type { ManifestItem } from '../../datasets/media/manifest.ts'

type Run = (statements: readonly TableQuery[]) => Promise<TableResult[]>

/** Where the images and sounds of a run are from: lists of `ManifestItem` by line. */
export interface MediaFiles {
  columns: readonly string[]
  /** The items of the data that the champion learnt from; none where that is not known. */
  known: string | null
  /** What captures kept, named as it is to be named here. */
  live: string
}

const listed = (path: string): string =>
  `read_json(${literal(path)}, format = 'newline_delimited', columns = {path: 'VARCHAR', sha256: 'VARCHAR', "sizeBytes": 'BIGINT', "contentType": 'VARCHAR'})`

/** `items`: every item once, by content, under the name that it has already; `named`: under what names the known ones were. */
export async function layMediaItems(run: Run, { known, live }: MediaFiles): Promise<void> {
  const there = known === null ? `SELECT * FROM ${listed(live)} WHERE false` : `SELECT * FROM ${listed(known)}`
  await run([
    { sql: `CREATE TEMP TABLE there AS ${there}` },
    {
      sql: `CREATE TEMP TABLE items AS WITH once AS (SELECT sha256, min(path) AS path, any_value("sizeBytes") AS "sizeBytes",
        any_value("contentType") AS "contentType" FROM there GROUP BY sha256)
        SELECT * FROM once UNION ALL SELECT sha256, path, "sizeBytes", "contentType" FROM ${listed(live)} WHERE sha256 NOT IN (SELECT sha256 FROM once)`,
    },
    { sql: 'CREATE TEMP TABLE named AS SELECT t.path AS was, i.path AS now FROM there t JOIN items i ON i.sha256 = t.sha256' },
  ])
}

/** A known item by the one name of its content. */
export const knownItem = (path: string): string => `(SELECT any_value(now) FROM named WHERE was = ${path})`
/** A captured file, which is a JSON text with its hash, as an item; nothing where its bytes were not kept. */
export const liveItem = (captured: string): string =>
  `(SELECT any_value(path) FROM items WHERE items.sha256 = (TRY_CAST(${captured} AS JSON) ->> '$.sha256'))`

const pageRows = 50_000

/** The items that the rows of a query name (one column). */
export async function itemsNamed(run: Run, paths: string): Promise<ManifestItem[]> {
  await run([
    {
      sql: `CREATE TEMP TABLE used AS SELECT path, sha256, "sizeBytes", "contentType", row_number() OVER () AS n FROM items WHERE path IN (${paths})`,
    },
  ])
  const found: ManifestItem[] = []
  for (let from = 0; ; from += pageRows) {
    const [page] = await run([
      {
        sql: `SELECT path, sha256, "sizeBytes", "contentType" FROM used WHERE n > ${from} AND n <= ${from + pageRows} ORDER BY n`,
      },
    ])
    for (const [path, sha256, sizeBytes, contentType] of page!.rows)
      found.push({
        path: String(path),
        sha256: String(sha256),
        sizeBytes: Number(sizeBytes),
        contentType: String(contentType),
      })
    if (page!.rows.length < pageRows) return found
  }
}
