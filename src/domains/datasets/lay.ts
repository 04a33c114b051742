import { notFound, preconditionFailed } from '../../kernel/errors.ts'
import type { BlobStore } from '../../ports/blobs/blob-store.ts'
import type { Files } from '../../ports/files/files.ts'
import { copyToParquet, identifier, parquet } from '../../ports/tables/sql.ts'
import type { Tables } from '../../ports/tables/tables.ts'
import { isMediaColumn, layItems } from './media/lay-items.ts'
import { manifestName } from './media/manifest.ts'
import type { Column } from './schema.ts'
import { filesOf } from './store.ts'
import type { VersionRow } from './tables.ts'

export interface LayNeeds {
  blobs: BlobStore
  files: Files
  tables: Tables
}

/** So many rows, drawn by chance. */
export interface LaidSample {
  rows: number
  seed: number
}

/** The one file of a version's table. */
export function tableFile(row: VersionRow): { sha256: string; rows: number; sizeBytes: number } {
  const file = filesOf(row)[0]
  if (row.state !== 'ready' || !file)
    throw preconditionFailed(
      row.state === 'importing'
        ? 'This version is still being imported. Wait for its job to end.'
        : 'This version could not be imported.',
      { version: row.id, state: row.state, job: row.job_id },
    )
  return file
}

/** The list of a version's items; null where it is a plain table. */
export function manifestFile(row: VersionRow): { sha256: string; sizeBytes: number; items: number } | null {
  const file = filesOf(row).find(({ path }) => path === manifestName)
  return file ? { sha256: file.sha256, sizeBytes: file.sizeBytes, items: file.rows } : null
}

/** Where the table engine finds a blob: in the store itself, or a copy in `folder` when the store is elsewhere. */
export async function localTable(
  { blobs }: Pick<LayNeeds, 'blobs'>,
  sha256: string,
  folder: () => Promise<string>,
): Promise<string> {
  const path = blobs.localPath(sha256)
  if (path) {
    if (!(await blobs.stat(sha256))) throw notFound('blob', sha256)
    return path
  }
  const copy = `${await folder()}/${sha256}.parquet`
  await blobs.materialise(sha256, copy)
  return copy
}

/** Lays a table as a channel of a job: Parquet and schema.json, and below `media/` the items that its rows name (docs/job-contract.md). */
export async function layTable(
  { blobs, files, tables }: LayNeeds,
  table: { sha256: string; rows: number; columns: readonly Column[]; manifest: { sha256: string } | null },
  folder: string,
  { only, sample }: { only?: readonly string[]; sample?: LaidSample } = {},
): Promise<void> {
  await files.makeFolder(folder)
  const columns = only ? table.columns.filter(({ name }) => only.includes(name)) : table.columns
  const path = `${folder}/data.parquet`
  if (!sample && columns.length === table.columns.length) await blobs.materialise(table.sha256, path)
  else {
    const source = await localTable({ blobs }, table.sha256, async () => folder)
    const names = ['__row', ...columns.map(({ name }) => identifier(name))].join(', ')
    // The same rows for the same seed, however the engine reads the file.
    const drawn = sample ? ` ORDER BY hash(__row + ${Math.trunc(sample.seed)}) LIMIT ${Math.trunc(sample.rows)}` : ''
    await tables.run({
      folders: [folder],
      files: [source],
      statements: [{ sql: copyToParquet(`SELECT ${names} FROM ${parquet(source)}${drawn}`, path, columns.length + 1) }],
    })
    if (source.startsWith(`${folder}/`)) await files.remove(folder, `${table.sha256}.parquet`)
  }
  await files.writeJson(folder, 'schema.json', {
    columns: columns.map(({ name, type, nullable }) => ({ name, type, nullable })),
    rows: sample ? Math.min(table.rows, sample.rows) : table.rows,
    rowId: '__row',
  })
  const named = columns.filter(isMediaColumn).map(({ name }) => name)
  if (table.manifest && named.length > 0)
    await layItems({ blobs, files, tables }, { path, columns: named, manifest: table.manifest.sha256 }, folder)
}
