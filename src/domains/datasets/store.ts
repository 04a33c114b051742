import { type RawBuilder, type SqlBool, sql } from 'kysely'
import { decodeCursor, type PageQuery } from '../../kernel/paging.ts'
import { toIso } from '../../kernel/time.ts'
import type { Db } from '../../ports/metadata/metadata.ts'
import { mentions, ownerName, toResource } from '../auth/access.ts'
import { gatheredColumn } from './media/column-names.ts'
import type { Column, Dataset, DatasetVersion, Split } from './schema.ts'
import { type DatasetRow, datasetTables, type SplitRow, type VersionRow } from './tables.ts'

export type NamedDatasetRow = DatasetRow & { owner_name: string }
export type Dictionary = Record<string, { description?: string; unit?: string | null }>
export interface ColumnStatistics {
  missing: number
  /** Approximate above a few thousand. */
  distinct: number
}

/** Newest first, one more than the limit. */
export async function listDatasets(
  db: Db,
  visible: RawBuilder<SqlBool>,
  query: PageQuery & { project?: string; q?: string },
): Promise<NamedDatasetRow[]> {
  const after = query.cursor ? decodeCursor(query.cursor) : null
  const rows = await datasetTables(db)
    .selectFrom('datasets')
    .selectAll('datasets')
    .select(ownerName('datasets'))
    .where(visible)
    .$if(query.project !== undefined, (q) => q.where('project_id', '=', query.project!))
    .$if(query.q !== undefined, (q) => q.where(mentions('datasets', query.q!)))
    .$if(after !== null, (q) => q.where(sql<boolean>`(created_at, id) < (${after![0]}, ${after![1]})`))
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(query.limit + 1)
    .execute()
  return rows
}

export const versionById = (db: Db, id: string): Promise<VersionRow | undefined> =>
  datasetTables(db).selectFrom('dataset_versions').selectAll().where('id', '=', id).executeTakeFirst()

export const versionsOf = (db: Db, datasetId: string): Promise<VersionRow[]> =>
  datasetTables(db)
    .selectFrom('dataset_versions')
    .selectAll()
    .where('dataset_id', '=', datasetId)
    .orderBy('number', 'desc')
    .execute()

/** The newest version and how many there are, for each data set. */
export async function newestVersions(
  db: Db,
  datasetIds: readonly string[],
): Promise<Map<string, { newest: VersionRow; count: number }>> {
  const found = new Map<string, { newest: VersionRow; count: number }>()
  if (datasetIds.length === 0) return found
  const rows = await datasetTables(db)
    .selectFrom('dataset_versions')
    .selectAll()
    .select(sql<number>`count(*) over (partition by dataset_id)`.as('versions'))
    .select(
      sql<number>`row_number() over (partition by dataset_id order by case state when 'ready' then 0 else 1 end, number desc)`.as(
        'nth',
      ),
    )
    .where('dataset_id', 'in', datasetIds)
    .execute()
  for (const { versions, nth, ...row } of rows)
    if (Number(nth) === 1) found.set(row.dataset_id, { newest: row, count: Number(versions) })
  return found
}

export async function nextVersionNumber(tx: Db, datasetId: string): Promise<number> {
  const row = await datasetTables(tx)
    .selectFrom('dataset_versions')
    .select((eb) => eb.fn.max('number').as('last'))
    .where('dataset_id', '=', datasetId)
    .executeTakeFirst()
  return Number(row?.last ?? 0) + 1
}

export const splitById = (db: Db, id: string): Promise<SplitRow | undefined> =>
  datasetTables(db).selectFrom('splits').selectAll().where('id', '=', id).executeTakeFirst()

export const columnsOf = (row: VersionRow): Column[] => JSON.parse(row.columns) as Column[]
export const statisticsOf = (row: VersionRow): Record<string, ColumnStatistics> =>
  JSON.parse(row.statistics) as Record<string, ColumnStatistics>
export const filesOf = (row: VersionRow): DatasetVersion['files'] => JSON.parse(row.files) as DatasetVersion['files']

/** The wire form; descriptions and units come from the data set's dictionary, which may be edited. */
export function toVersion(row: VersionRow, dictionary: Dictionary = {}): DatasetVersion {
  return {
    id: row.id,
    dataset: row.dataset_id,
    number: row.number,
    state: row.state,
    job: row.job_id,
    rows: row.rows,
    columns: columnsOf(row).map((column) => ({
      ...column,
      description: dictionary[column.name]?.description ?? column.description,
      unit: dictionary[column.name]?.unit ?? column.unit,
    })),
    files: filesOf(row),
    original: row.original ? JSON.parse(row.original) : null,
    derivedFrom: row.derived_from ? JSON.parse(row.derived_from) : null,
    warnings: JSON.parse(row.warnings),
    note: row.note,
    createdAt: toIso(row.created_at),
  }
}

export const dictionaryOf = (row: DatasetRow): Dictionary => JSON.parse(row.dictionary) as Dictionary

const kindOf = (columns: readonly Column[]): Dataset['kind'] =>
  columns.some(({ type }) => type === 'image') ? 'images' : columns.some(({ type }) => type === 'audio') ? 'audio' : 'table'

export function toDataset(row: NamedDatasetRow, versions: { newest: VersionRow; count: number } | undefined): Dataset {
  return {
    ...toResource(row),
    kind: versions ? kindOf(columnsOf(versions.newest)) : 'table',
    target: row.target,
    latest: versions ? toVersion(versions.newest, dictionaryOf(row)) : null,
    versions: versions?.count ?? 0,
  }
}

export interface PartFile {
  part: 'train' | 'validation'
  rows: number
  sha256: string
  sizeBytes: number
}
export const partsOf = (row: SplitRow): PartFile[] => JSON.parse(row.parts) as PartFile[]

/** The columns that the parts of a split hold: all but those that name the part, from which no model may learn. */
export const columnsInParts = (split: Pick<SplitRow, 'part_column'>, version: VersionRow): Column[] =>
  columnsOf(version).filter(({ name }) => name !== split.part_column && name !== gatheredColumn)

export function toSplit(row: SplitRow, sealedRows: number | null): Split {
  const open = partsOf(row).map(({ part, rows }) => ({ part, rows, sealed: false }))
  return {
    id: row.id,
    dataset: row.dataset_id,
    version: row.version_id,
    kind: row.kind,
    target: row.target,
    groupColumn: row.group_column,
    timeColumn: row.time_column,
    partColumn: row.part_column,
    seed: row.seed,
    folds: row.folds,
    state: row.state,
    job: row.job_id,
    parts: sealedRows === null ? open : [...open, { part: 'test', rows: sealedRows, sealed: true }],
    leaks: JSON.parse(row.leaks),
    createdAt: toIso(row.created_at),
  }
}
