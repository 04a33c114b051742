import { invalidInput } from '../../../kernel/errors.ts'
import { literal, parquet } from '../../../ports/tables/sql.ts'
import type { Tables } from '../../../ports/tables/tables.ts'
import type { Column } from '../../datasets/schema.ts'
import type { DatasetsService } from '../../datasets/service.ts'
import type { JobContext } from '../../jobs/handler.ts'
import type { TransformSpec } from '../store.ts'
import { type LayDocumentsNeeds, layDocuments } from './lay-documents.ts'
import type { DocumentsRead, LaidColumn, LaidRows } from './spec.ts'

export interface LayRowsNeeds extends LayDocumentsNeeds {
  datasets: Pick<DatasetsService, 'uploads' | 'layVersion' | 'layPart' | 'readSource' | 'layItems'>
}

/** Of what was noticed, so much is told with the result. */
const mostNotes = 100

interface Kept {
  rows: number
  columns: Column[] | null
  manifest: LaidRows['manifest']
  notes: string[]
  documents: DocumentsRead | null
}

/** Lays the rows of a transform beside its checkpoints, once: a later attempt finds them there. */
export async function layRows(
  needs: LayRowsNeeds,
  context: JobContext<TransformSpec>,
  { asksMedia }: { asksMedia: boolean },
): Promise<LaidRows> {
  const { files, tables } = needs
  const { checkpointFolder, signal, spec } = context
  const folder = await files.makeFolder(checkpointFolder, 'rows')
  const upload = await plainParquet(needs, context)
  if (upload)
    return { ...(await described(tables, upload, signal)), path: upload, folder, manifest: null, notes: [], documents: null }
  if (!(await files.exists(folder, 'laid.json'))) await lay(needs, context, folder, asksMedia)
  const kept = (await files.readJson(folder, 'laid.json')) as Kept
  const path = `${folder}/data.parquet`
  const { rows, columns } = await described(tables, path, signal, kept.columns)
  if (spec.table === null && rows !== kept.rows) throw invalidInput('The rows changed while they were read.')
  return { path, rows, columns, folder, manifest: kept.manifest, notes: kept.notes, documents: kept.documents }
}

/** A Parquet file that was sent is read where it lies: it is a table already. */
async function plainParquet(
  { datasets, tables, files }: LayRowsNeeds,
  { spec, principal, folder, signal }: JobContext<TransformSpec>,
): Promise<string | null> {
  if (!('upload' in spec.input) || spec.input.options?.format === 'media') return null
  const file = await datasets.uploads.open(principal, { upload: spec.input.upload })
  const to = `${await files.makeFolder(folder, 'look')}/sample.txt`
  const { kind } = await tables.sample({ from: file.path, to, maxBytes: 4096, signal })
  return kind === 'parquet' ? file.path : null
}

async function lay(needs: LayRowsNeeds, context: JobContext<TransformSpec>, folder: string, asksMedia: boolean): Promise<void> {
  const { files, datasets } = needs
  const { spec } = context
  // What an attempt left half-way is laid anew.
  await files.remove(folder)
  await files.makeFolder(folder)
  if (spec.table) {
    const { split, versionId, columns, manifest } = spec.table
    if (split) await datasets.layPart(split.id, split.part, folder)
    else await datasets.layVersion(versionId, folder)
    await files.writeJson(folder, 'laid.json', { rows: 0, columns, manifest, notes: [], documents: null } satisfies Kept)
    return
  }
  if ('dataset' in spec.input) throw invalidInput('The rows are of no version.')
  const documents = asksMedia ? null : await layDocuments(needs, context, folder)
  if (documents) {
    await files.writeJson(folder, 'laid.json', { ...documents, manifest: null, notes: [] } satisfies Kept)
    return
  }
  const { options, documents: _, ...source } = spec.input
  const { table } = await datasets.readSource({ ...context, spec: { source, options } })
  await files.move(
    { root: context.folder, path: table.path.slice(context.folder.length + 1) },
    { root: folder, path: 'data.parquet' },
  )
  const media = table.columns.filter(({ type }) => type === 'image' || type === 'audio').map(({ name }) => name)
  if (table.manifest && media.length > 0)
    await datasets.layItems({ path: `${folder}/data.parquet`, columns: media, manifest: table.manifest.sha256 }, folder)
  const { rows, columns, manifest = null } = table
  const notes = table.warnings.slice(0, mostNotes).map(({ message }) => message)
  await files.writeJson(folder, 'laid.json', { rows, columns, manifest, notes, documents: null } satisfies Kept)
}

async function described(
  tables: Tables,
  path: string,
  signal: AbortSignal,
  known: readonly Column[] | null = null,
): Promise<Pick<LaidRows, 'rows' | 'columns'>> {
  const [types, counted] = await tables
    .run({
      files: [path],
      signal,
      statements: [{ sql: `DESCRIBE SELECT * FROM ${parquet(path)}` }, { sql: `SELECT count(*) FROM ${parquet(path)}` }],
    })
    .catch((error) => {
      if (error.code !== 'internal' && error.code !== 'invalid_input') throw error
      throw invalidInput('The file says that it is Parquet, and cannot be read as such. Write it again.')
    })
  const columns = types!.rows
    .map(([name, sqlType]): LaidColumn => {
      const column = known?.find((one) => one.name === String(name)) ?? null
      return { name: String(name), sqlType: String(sqlType), column }
    })
    .filter(({ name, column }) => known === null || column !== null || name === '__row')
  if (known === null && columns.some(({ name }) => name.toLowerCase() === 'file_row_number'))
    throw invalidInput(
      'A Parquet file may not have a column "file_row_number": the name is needed while it is read. Rename it.',
      {
        column: 'file_row_number',
      },
    )
  const rows = Number(counted!.rows[0]![0])
  if (rows === 0) throw invalidInput('There are no rows to predict.', { rows: 0 })
  return { rows, columns }
}

/** Where the row groups of a Parquet file begin, ascending, and after the last one. */
export async function rowGroups(tables: Tables, path: string, signal: AbortSignal): Promise<number[]> {
  const [found] = await tables.run({
    files: [path],
    signal,
    statements: [
      {
        sql: `SELECT DISTINCT row_group_id, row_group_num_rows FROM parquet_metadata(${literal(path)}) ORDER BY row_group_id`,
      },
    ],
  })
  const starts = [0]
  for (const [, rows] of found!.rows) starts.push(starts.at(-1)! + Number(rows))
  return starts
}
