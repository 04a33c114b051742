import type { BlobStore } from '../../ports/blobs/blob-store.ts'
import type { Files } from '../../ports/files/files.ts'
import { copyToParquet, literal, parquet } from '../../ports/tables/sql.ts'
import type { Tables } from '../../ports/tables/tables.ts'
import type { DatasetsService } from '../datasets/service.ts'

/** A file of a script's code, kept as a blob. */
export interface CodeFile {
  path: string
  sha256: string
  sizeBytes: number
}

/** Lays a script's code as the channel `code`. */
export async function layCode(
  { files, blobs }: { files: Files; blobs: BlobStore },
  code: readonly CodeFile[],
  data: string,
): Promise<void> {
  for (const { path, sha256 } of code) {
    const at = `code/${path}`
    await files.makeFolder(data, at.slice(0, at.lastIndexOf('/')))
    await blobs.materialise(sha256, files.resolvePath(data, at))
  }
}

export interface LayForScriptNeeds {
  files: Files
  tables: Tables
  datasets: Pick<DatasetsService, 'layPart'>
}

/**
 * Lays one part of a split as a user's script expects a channel: a single file with a header and without our row numbers,
 * `<channel>/<channel>.csv` or `.parquet`. What the script's engine itself reads goes to `table/<channel>`.
 */
export async function layForScript(
  { files, tables, datasets }: LayForScriptNeeds,
  {
    splitId,
    part,
    channel,
    format,
  }: { splitId: string; part: 'train' | 'validation'; channel: string; format: 'csv' | 'parquet' },
  data: string,
): Promise<void> {
  const table = files.resolvePath(data, `table/${channel}`)
  await datasets.layPart(splitId, part, table)
  const folder = await files.makeFolder(data, channel)
  const source = `${table}/data.parquet`
  const path = files.resolvePath(folder, `${channel}.${format}`)
  const select = `SELECT * EXCLUDE (__row) FROM ${parquet(source)}`
  const sql =
    format === 'csv' ? `COPY (${select}) TO ${literal(path)} (FORMAT csv, HEADER true)` : copyToParquet(select, path, 50)
  await tables.run({ folders: [folder], files: [source], statements: [{ sql }] })
}
