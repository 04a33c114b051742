import { PlatformError } from '../../kernel/errors.ts'
import type { Principal } from '../../kernel/principal.ts'
import type { Files } from '../../ports/files/files.ts'
import { identifier, parquet } from '../../ports/tables/sql.ts'
import type { Tables } from '../../ports/tables/tables.ts'
import { importTable } from '../datasets/import/import-table.ts'
import type { Column, Source } from '../datasets/schema.ts'
import type { Uploads } from '../datasets/uploads.ts'

const mostBytes = 256 * 2 ** 20
/** Rows of a sample that are replayed. */
const mostRows = 2000

/** Rows on which an original and what is served are compared, as a table. */
export interface Sample {
  path: string
  rows: number
  columns: Column[]
}

/** Reads the user's rows by the one reader of tables. */
export async function readSample(
  { files, tables, uploads }: { files: Files; tables: Tables; uploads: Pick<Uploads, 'open'> },
  by: Principal,
  source: Source,
  folder: string,
  signal?: AbortSignal,
): Promise<Sample> {
  const file = await uploads.open(by, source)
  if (file.isFolder || file.sizeBytes > mostBytes)
    throw new PlatformError('too_large', `A sample is one file of at most ${mostBytes / 2 ** 20} MB.`, { field: 'sample' })
  const work = { tables, folder: await files.makeFolder(folder, 'sample'), signal, progress: () => {} }
  const { path, rows, columns } = await importTable(work, file, { pseudonymKey: null })
  return { path, rows, columns }
}

/** Lays a sample as a channel of a job. */
export async function laySample(files: Files, sample: Sample, to: string): Promise<void> {
  await files.makeFolder(to)
  const slash = sample.path.lastIndexOf('/')
  await files.copy({ root: sample.path.slice(0, slash), path: sample.path.slice(slash + 1) }, { root: to, path: 'data.parquet' })
  const columns = sample.columns.map(({ name, type, nullable }) => ({ name, type, nullable }))
  await files.writeJson(to, 'schema.json', { columns, rows: sample.rows, rowId: '__row' })
}

/** The first rows as objects of some columns, texts where the model takes texts. */
export async function sampleRows(
  tables: Tables,
  sample: Sample,
  columns: readonly { name: string; isText: boolean }[],
  folder: string,
): Promise<Record<string, unknown>[]> {
  const selected = columns.map(({ name, isText }) => (isText ? `CAST(${identifier(name)} AS VARCHAR)` : identifier(name)))
  const [result] = await tables.run({
    folders: [folder],
    statements: [{ sql: `SELECT ${selected.join(', ')} FROM ${parquet(sample.path)} LIMIT ${mostRows}` }],
  })
  return result!.rows.map((row) => Object.fromEntries(columns.map(({ name }, i) => [name, row[i]])))
}
