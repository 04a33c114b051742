import { sql } from 'kysely'
import type * as z from 'zod'
import { invalidInput, notFound } from '../../kernel/errors.ts'
import type { Events } from '../../kernel/events.ts'
import { isId } from '../../kernel/ids.ts'
import { type Page, type PageQuery, toPage } from '../../kernel/paging.ts'
import type { Principal } from '../../kernel/principal.ts'
import type { StreamReply } from '../../kernel/route.ts'
import type { BlobStore } from '../../ports/blobs/blob-store.ts'
import type { Files } from '../../ports/files/files.ts'
import type { Incoming } from '../../ports/incoming/incoming.ts'
import type { Media } from '../../ports/media/media.ts'
import type { Db, Metadata } from '../../ports/metadata/metadata.ts'
import type { Tables } from '../../ports/tables/tables.ts'
import { type Access, nameTakenIsConflict } from '../auth/access.ts'
import { audit } from '../auth/audit.ts'
import type { ResourcePatch } from '../auth/schema.ts'
import type { Search } from '../auth/search.ts'
import type { SettingsService } from '../auth/settings.ts'
import type { CostService } from '../cost/service.ts'
import type { JobQueue } from '../jobs/handler.ts'
import { bin, datasetBlobs } from './bin.ts'
import { type ColumnValues, columnValues } from './column-values.ts'
import { datasetLineage } from './dataset-lineage.ts'
import { tableEstimates } from './estimates.ts'
import { exportTable } from './export.ts'
import { derivedVersions } from './import/derived.ts'
import { importService } from './import/import-service.ts'
import type { Work } from './import/raw-table.ts'
import { transformService } from './import/transform.ts'
import { tableStatistics } from './import/write-version.ts'
import { type LaidSample, layTable, localTable, manifestFile, tableFile } from './lay.ts'
import { lineageGraph } from './lineage.ts'
import { exportArchive } from './media/export-archive.ts'
import { mediaItems } from './media/items.ts'
import { layItems } from './media/lay-items.ts'
import { profileService } from './profile/profile-service.ts'
import { readRows } from './rows.ts'
import { rowsAt } from './rows-at.ts'
import type {
  Column,
  Dataset,
  DatasetInput,
  DatasetVersion,
  DictionaryPatch,
  ExportQuery,
  Profile,
  Rows,
  RowsQuery,
  Transform,
  VersionInput,
} from './schema.ts'
import { scratchFolders } from './scratch.ts'
import { type Opening, sealedParts } from './sealed.ts'
import { splitService } from './split/split-service.ts'
import { columnsOf, dictionaryOf, listDatasets, newestVersions, toDataset, toVersion, versionById, versionsOf } from './store.ts'
import { type DatasetRow, datasetTables, type VersionRow } from './tables.ts'
import { uploadService } from './uploads.ts'

export interface DatasetsNeeds {
  metadata: Metadata
  access: Access
  settings: SettingsService
  search: Search
  events: Events
  jobs: JobQueue
  cost: Pick<CostService, 'estimate'>
  tables: Tables
  blobs: BlobStore
  files: Files
  incoming: Incoming
  media: Media
  /** Folder for scratch files. */
  folder: string
  /** Folder for small pictures; what is in it can be made again. */
  thumbnails: string
}

export type DatasetsService = ReturnType<typeof datasetsService>

/** Data sets: what people bring in, as immutable versions; their rows, profiles, splits and lineage. */
export function datasetsService(needs: DatasetsNeeds) {
  const { metadata, access, tables, blobs, files, incoming, settings } = needs
  const { db } = metadata
  const scratch = scratchFolders({ files, root: needs.folder })
  const uploads = uploadService({ metadata, access, settings, incoming })
  const estimates = tableEstimates(needs.cost)
  const imports = importService({ ...needs, uploads, scratch, estimates })
  const transforms = transformService({ ...needs, ...imports, estimates })
  const derived = derivedVersions(needs)
  const profiles = profileService({ ...needs, scratch, estimates })
  const splits = splitService({ ...needs, pinRow, estimates })
  const items = mediaItems({ ...needs, scratch, pinRow })
  const sealed = sealedParts(needs)
  const lineage = lineageGraph()
  lineage.contribute(datasetLineage({ metadata, access }))
  needs.search.registerTable('datasets', { noun: 'dataset', permission: 'datasets:read' })
  const recycling = bin({ metadata })

  const find = (by: Principal, ref: string, project?: string, options: { inBin?: boolean } = {}) =>
    access.resolve<DatasetRow>('datasets', by, ref, project, { noun: 'data set', ...options })

  /** A version by id or number; the newest that is ready when none is named. */
  async function versionRow(dataset: DatasetRow, ref?: string): Promise<VersionRow> {
    const all = datasetTables(db).selectFrom('dataset_versions').selectAll().where('dataset_id', '=', dataset.id)
    if (ref !== undefined) {
      const named = isId(ref) ? all.where('id', '=', ref) : all.where('number', '=', Number(/^v?(\d{1,9})$/.exec(ref)?.[1] ?? -1))
      const row = await named.executeTakeFirst()
      if (!row) throw notFound(`version of the data set "${dataset.name}"`, ref)
      return row
    }
    const row = await all.orderBy(sql`case state when 'ready' then 0 else 1 end`).orderBy('number', 'desc').executeTakeFirst()
    if (!row) throw notFound('version of the data set', dataset.name)
    return row
  }

  async function pinRow(by: Principal, ref: string, version?: string, project?: string) {
    const dataset = await find(by, ref, project)
    await access.authorize(by, 'datasets:read', dataset)
    return { dataset, version: await versionRow(dataset, version) }
  }

  async function shown(row: DatasetRow & { owner_name: string }): Promise<Dataset> {
    return toDataset(row, (await newestVersions(db, [row.id])).get(row.id))
  }

  /** One version, for good: what is built on it stays built on it. Only a version that is ready can be pinned. */
  async function pin(
    by: Principal,
    ref: string,
    version?: string,
    project?: string,
  ): Promise<{ dataset: Dataset; version: DatasetVersion }> {
    const pinned = await pinRow(by, ref, version, project)
    tableFile(pinned.version)
    return {
      dataset: await shown(await find(by, pinned.dataset.id)),
      version: toVersion(pinned.version, dictionaryOf(pinned.dataset)),
    }
  }

  async function get(by: Principal, ref: string, project?: string): Promise<Dataset> {
    const row = await find(by, ref, project)
    await access.authorize(by, 'datasets:read', row)
    return shown(row)
  }

  async function list(by: Principal, query: PageQuery & { project?: string; q?: string; bin?: boolean }): Promise<Page<Dataset>> {
    const project = query.project === undefined ? undefined : (await access.projectFor(by, query.project)).id
    const rows = await listDatasets(db, access.visibleTo(by, 'datasets', { inBin: query.bin ?? false }), { ...query, project })
    const page = toPage(rows, query.limit, (row) => [row.created_at, row.id])
    const newest = await newestVersions(
      db,
      page.items.map(({ id }) => id),
    )
    return { ...page, items: page.items.map((row) => toDataset(row, newest.get(row.id))) }
  }

  async function create(by: Principal, input: z.output<typeof DatasetInput>) {
    const { datasetId, versionId, jobId } = await imports.create(by, input)
    return created(by, datasetId, versionId, jobId)
  }

  async function created(by: Principal, datasetId: string, versionId: string, job: string) {
    const dataset = await get(by, datasetId)
    return { dataset, version: toVersion((await versionById(db, versionId))!), job }
  }

  async function addVersion(by: Principal, ref: string, input: z.output<typeof VersionInput>, project?: string) {
    const dataset = await find(by, ref, project)
    const { versionId, jobId } = await imports.addVersion(by, dataset, input)
    return created(by, dataset.id, versionId, jobId)
  }

  async function versions(by: Principal, ref: string, project?: string): Promise<DatasetVersion[]> {
    const row = await find(by, ref, project)
    return (await versionsOf(db, row.id)).map((version) => toVersion(version, dictionaryOf(row)))
  }

  async function patch(
    by: Principal,
    ref: string,
    changes: z.output<typeof ResourcePatch> & { target?: string | null },
    project?: string,
  ): Promise<Dataset> {
    const row = await find(by, ref, project)
    await access.authorize(by, 'datasets:write', row)
    if (changes.target) {
      const version = await versionRow(row)
      if (version.state === 'ready' && !columnsOf(version).some(({ name }) => name === changes.target))
        throw invalidInput(`The data set has no column "${changes.target}".`, { field: 'target', column: changes.target })
    }
    const next = { ...(await access.patchResource(changes)), ...(changes.target !== undefined && { target: changes.target }) }
    const update = metadata.transaction(async (tx) => {
      await datasetTables(tx).updateTable('datasets').set(next).where('id', '=', row.id).execute()
      await audit(tx, by, 'datasets.change', { target: row.id, project: row.project_id, facts: { ...changes } })
    })
    await nameTakenIsConflict('data set', changes.name ?? row.name, update)
    return get(by, row.id)
  }

  /** Into the bin, for thirty days. */
  async function remove(by: Principal, ref: string, project?: string): Promise<void> {
    const row = await find(by, ref, project)
    await access.authorize(by, 'datasets:delete', row)
    await setDeleted(by, row, Date.now(), 'datasets.delete')
  }

  async function restore(by: Principal, ref: string, project?: string): Promise<Dataset> {
    const row = await find(by, ref, project, { inBin: true })
    await access.authorize(by, 'datasets:delete', row)
    await nameTakenIsConflict('data set', row.name, setDeleted(by, row, null, 'datasets.restore'))
    return get(by, row.id)
  }

  function setDeleted(by: Principal, row: DatasetRow, deleted_at: number | null, action: string): Promise<void> {
    return metadata.transaction(async (tx: Db) => {
      await datasetTables(tx)
        .updateTable('datasets')
        .set({ deleted_at, updated_at: Date.now() })
        .where('id', '=', row.id)
        .execute()
      await audit(tx, by, action, { target: row.id, project: row.project_id, facts: { name: row.name } })
    })
  }

  async function editDictionary(
    by: Principal,
    ref: string,
    change: z.output<typeof DictionaryPatch>,
    project?: string,
  ): Promise<Dataset> {
    const row = await find(by, ref, project)
    await access.authorize(by, 'datasets:write', row)
    const known = new Set(columnsOf(await versionRow(row)).map(({ name }) => name))
    const dictionary = dictionaryOf(row)
    for (const { name, description, unit } of change.columns) {
      if (!known.has(name)) throw invalidInput(`The data set has no column "${name}".`, { field: 'columns', column: name })
      dictionary[name] = {
        ...dictionary[name],
        ...(description !== undefined && { description }),
        ...(unit !== undefined && { unit }),
      }
    }
    await metadata.transaction(async (tx) => {
      await datasetTables(tx)
        .updateTable('datasets')
        .set({ dictionary: JSON.stringify(dictionary), updated_at: Date.now() })
        .where('id', '=', row.id)
        .execute()
      await audit(tx, by, 'datasets.dictionary', {
        target: row.id,
        project: row.project_id,
        facts: { columns: change.columns.map(({ name }) => name) },
      })
    })
    return get(by, row.id)
  }

  async function rows(
    by: Principal,
    ref: string,
    query: z.output<typeof RowsQuery> & { project?: string },
    signal?: AbortSignal,
  ): Promise<z.output<typeof Rows>> {
    const { version } = await pinRow(by, ref, query.version, query.project)
    const file = tableFile(version)
    return scratch.within(async (folder) => {
      const path = await localTable({ blobs }, file.sha256, async () => folder)
      return readRows(tables, { path, columns: columnsOf(version), rows: file.rows }, query, signal)
    })
  }

  async function exportRows(
    by: Principal,
    ref: string,
    query: z.output<typeof ExportQuery> & { project?: string },
    signal?: AbortSignal,
  ): Promise<StreamReply> {
    const { dataset, version } = await pinRow(by, ref, query.version, query.project)
    const file = tableFile(version)
    await metadata.transaction((tx) =>
      audit(tx, by, 'datasets.export', {
        target: dataset.id,
        project: dataset.project_id,
        facts: { version: version.id, format: query.format },
      }),
    )
    const name = `${dataset.name} v${version.number}`
    const table = { sha256: file.sha256, columns: columnsOf(version), name }
    const manifest = manifestFile(version)
    if (query.format !== 'archive')
      return exportTable({ tables, blobs, files, scratch }, table, query.format, query.columns, signal)
    if (!manifest)
      throw invalidInput('This is a table without images or recordings: export it as csv or parquet.', { field: 'format' })
    const rows = await exportTable({ tables, blobs, files, scratch }, table, 'csv', undefined, signal)
    return exportArchive(blobs, rows, { manifest: manifest.sha256, name })
  }

  /** The values of one column of a version, for callers that already decided who may see them. */
  async function valuesOf(versionId: string, name: string, most = 100): Promise<ColumnValues> {
    const version = await versionById(db, versionId)
    const column = version && columnsOf(version).find((one) => one.name === name)
    if (!column) throw notFound('column', name)
    const { sha256 } = tableFile(version)
    return scratch.within(async (folder) =>
      columnValues(tables, { path: await localTable({ blobs }, sha256, async () => folder), column }, most),
    )
  }

  async function profile(
    by: Principal,
    ref: string,
    query: { version?: string; target?: string; project?: string },
    signal?: AbortSignal,
  ): Promise<Profile> {
    const { dataset, version } = await pinRow(by, ref, query.version, query.project)
    tableFile(version)
    const target =
      query.target ?? (columnsOf(version).some(({ name }) => name === dataset.target) ? (dataset.target ?? undefined) : undefined)
    return profiles.profileOf(version.id, target, signal)
  }

  async function startProfile(
    by: Principal,
    ref: string,
    query: { version?: string; target?: string; project?: string },
  ): Promise<{ job: string }> {
    const { dataset, version } = await pinRow(by, ref, query.version, query.project)
    await access.authorize(by, 'datasets:write', dataset)
    return { job: await profiles.start(by, dataset, version, query.target ?? null) }
  }

  async function transform(by: Principal, ref: string, change: z.output<typeof Transform>, project?: string) {
    const { dataset, version } = await pinRow(by, ref, change.version, project)
    const { versionId, jobId } = await transforms.start(by, dataset, version, change)
    return created(by, dataset.id, versionId, jobId)
  }

  /** Rows of a version by number, for callers that already decided who may see them. */
  async function rowsOf(versionId: string, numbers: readonly number[]): Promise<{ columns: string[]; rows: unknown[][] }> {
    const version = await versionById(db, versionId)
    if (!version) throw notFound('data set version', versionId)
    const { sha256 } = tableFile(version)
    return scratch.within(async (folder) =>
      rowsAt(tables, { path: await localTable({ blobs }, sha256, async () => folder), columns: columnsOf(version) }, numbers),
    )
  }

  /** Lays a version's table as a channel of a job. */
  async function layVersion(versionId: string, folder: string, columns?: readonly string[]): Promise<void> {
    const version = await versionById(db, versionId)
    if (!version) throw notFound('data set version', versionId)
    const file = tableFile(version)
    const table = { sha256: file.sha256, rows: file.rows, columns: columnsOf(version), manifest: manifestFile(version) }
    await layTable(needs, table, folder, { only: columns })
  }

  /** Lays a few rows of a version, drawn by chance, as a channel of a job: with their items and no others. */
  async function laySample(versionId: string, folder: string, sample: LaidSample): Promise<void> {
    const version = await versionById(db, versionId)
    if (!version) throw notFound('data set version', versionId)
    const file = tableFile(version)
    const table = { sha256: file.sha256, rows: file.rows, columns: columnsOf(version), manifest: manifestFile(version) }
    await layTable(needs, table, folder, { sample })
  }

  /** A version's table where the table engine finds it, for callers that already decided who may see it. */
  async function withTable<T>(
    versionId: string,
    work: (table: { path: string; columns: Column[]; rows: number }) => Promise<T>,
  ): Promise<T> {
    const version = await versionById(db, versionId)
    if (!version) throw notFound('data set version', versionId)
    const { sha256, rows } = tableFile(version)
    return scratch.within(async (folder) =>
      work({ path: await localTable({ blobs }, sha256, async () => folder), columns: columnsOf(version), rows }),
    )
  }

  return {
    uploads,
    /** The project's own key for pseudonyms and hashes. It never leaves the server. */
    pseudonymKey: imports.pseudonymKey,
    detect: imports.detect,
    pin,
    get,
    list,
    create,
    addVersion,
    versions,
    patch,
    remove,
    restore,
    editDictionary,
    rows,
    exportRows,
    items,
    valuesOf,
    rowsOf,
    profile,
    startProfile,
    profileOf: profiles.profileOf,
    transform,
    layVersion,
    laySample,
    withTable,
    /** Reads what somebody sent, as a table in a job's folder. */
    readSource: imports.read,
    refuseTakenName: imports.refuseTakenName,
    /** Lays the items that the rows of a table in a folder name. */
    layItems: (table: { path: string; columns: readonly string[]; manifest: string }, folder: string) =>
      layItems(needs, table, folder),
    /** Missing and distinct values of a table's columns. */
    measureTable: (work: Work, path: string, names: readonly string[]) => tableStatistics(work, path, names),
    derived,
    split: splits.get,
    splits: splits.list,
    ensureSplit: splits.ensureSplit,
    splitLike: splits.splitLike,
    layPart: splits.layPart,
    openSealed: (tx: Db | null, by: Principal, splitId: string, opening: Opening, folder: string) =>
      sealed.openSealed(tx, by, splitId, opening, folder),
    openings: sealed.openings,
    lineage,
    blobsInUse: datasetBlobs({ metadata, blobs }),
    /** Removes what has been in the bin for thirty days, stale uploads, and what a crash left. */
    async tidy(): Promise<void> {
      await uploads.removeStale()
      await recycling.empty()
      await scratch.removeStale()
      await items.tidy()
    },
  }
}
