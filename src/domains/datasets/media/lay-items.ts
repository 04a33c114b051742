import { notFound } from '../../../kernel/errors.ts'
import type { BlobStore } from '../../../ports/blobs/blob-store.ts'
import type { Files } from '../../../ports/files/files.ts'
import { identifier, parquet } from '../../../ports/tables/sql.ts'
import type { Tables } from '../../../ports/tables/tables.ts'
import type { Column } from '../schema.ts'
import { readManifest } from './manifest.ts'

export const isMediaColumn = ({ type }: Pick<Column, 'type'>): boolean => type === 'image' || type === 'audio'

const lanes = 16
const pageRows = 100_000

/** Lays the items that a laid table's rows name below `media/`, and no others: what is sealed is not beside what is learned from. */
export async function layItems(
  { blobs, files, tables }: { blobs: BlobStore; files: Files; tables: Tables },
  table: { path: string; columns: readonly string[]; manifest: string },
  folder: string,
): Promise<void> {
  const wanted = await pathsIn(tables, table)
  const root = await files.makeFolder(folder, 'media')
  const made = new Set<string>()
  for await (const items of readManifest(blobs, table.manifest)) {
    const mine = items.filter(({ path }) => wanted.delete(path))
    for (const { path } of mine) {
      const parent = path.slice(0, Math.max(0, path.lastIndexOf('/')))
      if (parent && !made.has(parent)) made.add(parent) && (await files.makeFolder(root, parent))
    }
    let next = 0
    const lane = async () => {
      for (let at = next++; at < mine.length; at = next++)
        await blobs.materialise(mine[at]!.sha256, files.resolvePath(root, mine[at]!.path))
    }
    await Promise.all(Array.from({ length: Math.min(lanes, mine.length) }, lane))
  }
  const [absent] = wanted
  if (absent !== undefined) throw notFound('item of this version', absent)
}

/** Every different path in the columns of media. */
async function pathsIn(tables: Tables, { path, columns }: { path: string; columns: readonly string[] }): Promise<Set<string>> {
  const each = columns.map(
    (name) => `SELECT ${identifier(name)} AS p FROM ${parquet(path)} WHERE ${identifier(name)} IS NOT NULL`,
  )
  const wanted = new Set<string>()
  await tables.session({ files: [path] }, async (run) => {
    await run([{ sql: `CREATE TEMP TABLE paths AS SELECT p, row_number() OVER () AS n FROM (${each.join(' UNION ')})` }])
    for (let from = 0; ; from += pageRows) {
      const [page] = await run([{ sql: `SELECT p FROM paths WHERE n > ${from} AND n <= ${from + pageRows}` }])
      for (const [one] of page!.rows) wanted.add(String(one))
      if (page!.rows.length < pageRows) return
    }
  })
  return wanted
}
