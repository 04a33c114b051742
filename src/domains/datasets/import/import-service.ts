import { randomBytes } from 'node:crypto'
import type * as z from 'zod'
import { conflict, invalidInput, PlatformError, preconditionFailed } from '../../../kernel/errors.ts'
import type { Events } from '../../../kernel/events.ts'
import { newId } from '../../../kernel/ids.ts'
import type { Principal } from '../../../kernel/principal.ts'
import type { BlobInfo, BlobStore } from '../../../ports/blobs/blob-store.ts'
import type { Files } from '../../../ports/files/files.ts'
import type { Incoming } from '../../../ports/incoming/incoming.ts'
import type { Media } from '../../../ports/media/media.ts'
import type { Db, Metadata } from '../../../ports/metadata/metadata.ts'
import type { Tables } from '../../../ports/tables/tables.ts'
import { type Access, nameTakenIsConflict } from '../../auth/access.ts'
import { audit } from '../../auth/audit.ts'
import type { SettingsService } from '../../auth/settings.ts'
import type { JobContext, JobHandler, JobQueue } from '../../jobs/handler.ts'
import type { Estimate } from '../../jobs/schema.ts'
import { type Inspection, inspect, toDetection } from '../detect/detect.ts'
import type { TableEstimates } from '../estimates.ts'
import { detectMedia, refuseMediaTarget } from '../media/detect-media.ts'
import { importMedia, refuseMediaTypes } from '../media/import-media.ts'
import { manifestName } from '../media/manifest.ts'
import type { DatasetInput, DatasetVersion, Detection, ReadOptions, Source, VersionInput } from '../schema.ts'
import type { Scratch } from '../scratch.ts'
import { nextVersionNumber, versionById } from '../store.ts'
import { type DatasetRow, datasetTables, type VersionRow } from '../tables.ts'
import { refuseTarget } from '../target.ts'
import type { Uploads } from '../uploads.ts'
import { type ImportedTable, importTable } from './import-table.ts'

export interface ImportNeeds {
  metadata: Metadata
  access: Access
  settings: SettingsService
  events: Events
  jobs: JobQueue
  tables: Tables
  blobs: BlobStore
  incoming: Incoming
  media: Media
  files: Files
  uploads: Uploads
  scratch: Scratch
  estimates: TableEstimates
}

type Wish = Pick<z.output<typeof DatasetInput>, 'source' | 'options' | 'columns'>

interface ImportSpec {
  dataset: string
  version: string
  source: Source
  options?: Partial<ReadOptions>
  columns?: z.output<typeof DatasetInput>['columns']
}

/** Tells those above that a version is there. */
export type Announce = (state: string, spec: { dataset: string; version: string }, projectId: string) => void

/** What a finished table job leaves to be published. */
export interface NewTable extends Omit<ImportedTable, 'path' | 'options'> {
  sha256: string
  sizeBytes: number
  original: VersionRow['original']
  /** The items that its columns of media name. */
  manifest?: BlobInfo & { items: number }
}

/** Looking at a file of the most columns takes this much. */
const memoryBytes = 1536 * 1024 ** 2

/** From a file to a version of a data set: looked at while the person waits, read whole by a job. */
export function importService(needs: ImportNeeds) {
  const { metadata, access, settings, events, jobs, tables, blobs, incoming, uploads, scratch, estimates } = needs

  async function look<T>(
    by: Principal,
    wish: Wish,
    then: {
      table(inspection: Inspection, folder: string): Promise<T> | T
      media(detection: z.output<typeof Detection>, fileBytes: number): T
    },
  ): Promise<T> {
    await access.authorize(by, 'datasets:write')
    const file = await uploads.open(by, wish.source)
    return scratch.within(async (folder) => {
      if (await holdsMedia(file)) return then.media(await detectMedia(needs, { folder }, file.path, wish), file.sizeBytes)
      refuseMediaTypes(wish.columns ?? [])
      return then.table(await inspect({ tables, folder, quick: true, memoryBytes }, file, wish.options, wish.columns), folder)
    })
  }

  /** A folder or an archive: what is in it are items, not rows. */
  const holdsMedia = async (file: { path: string; isFolder: boolean }): Promise<boolean> =>
    file.isFolder || (await needs.media.archiveKind(file.path)) !== null

  const detect = (by: Principal, wish: Wish): Promise<z.output<typeof Detection>> =>
    look(by, wish, {
      table: (inspection, folder) => toDetection({ tables, folder, quick: true, memoryBytes }, inspection),
      media: (detection) => detection,
    })

  const sizeOf = (by: Principal, wish: Wish, target: string | null): Promise<number> =>
    look(by, wish, {
      table(inspection) {
        refuseBadTarget(inspection, target)
        return inspection.source.sizeBytes
      },
      media(detection, fileBytes) {
        refuseMediaTarget(detection, target)
        return workOf(detection.media!, fileBytes)
      },
    })

  /** A new data set. What is wrong with the file is said here, as far as its beginning shows it; then a job reads it. */
  async function create(
    by: Principal,
    input: z.output<typeof DatasetInput>,
  ): Promise<{ datasetId: string; versionId: string; jobId: string }> {
    const project = await access.projectFor(by, input.project, 'datasets:write')
    await refuseTakenName(by, project.id, input.name)
    const sizeBytes = await sizeOf(by, input, input.target)
    const estimate = await estimates.import(sizeBytes)
    const row: DatasetRow = { ...(await access.newResource('ds', by, project, input)), target: input.target, dictionary: '{}' }
    const insert = metadata.transaction(async (tx) => {
      await datasetTables(tx).insertInto('datasets').values(row).execute()
      const started = await startVersion(tx, by, row, input, { note: '', estimate, sizeBytes })
      await audit(tx, by, 'datasets.create', {
        target: row.id,
        project: row.project_id,
        facts: { name: row.name, source: sourceFacts(input.source) },
      })
      return { datasetId: row.id, ...started }
    })
    const made = await nameTakenIsConflict('data set', input.name, insert)
    jobs.wake()
    return made
  }

  async function refuseTakenName(by: Principal, projectId: string, name: string): Promise<void> {
    const taken = await datasetTables(metadata.db)
      .selectFrom('datasets')
      .select('id')
      .where(access.visibleTo(by, 'datasets'))
      .where('project_id', '=', projectId)
      .where('name', '=', name)
      .executeTakeFirst()
    if (taken)
      throw conflict(`There is already a data set called "${name}" here. Choose another name, or add a version to it.`, {
        name,
        field: 'name',
        dataset: taken.id,
      })
  }

  async function addVersion(
    by: Principal,
    dataset: DatasetRow,
    input: z.output<typeof VersionInput>,
  ): Promise<{ versionId: string; jobId: string }> {
    await access.authorize(by, 'datasets:write', dataset)
    const sizeBytes = await sizeOf(by, input, null)
    const estimate = await estimates.import(sizeBytes)
    const made = await metadata.transaction(async (tx) => {
      const started = await startVersion(tx, by, dataset, input, { note: input.note, estimate, sizeBytes })
      await audit(tx, by, 'datasets.add-version', {
        target: dataset.id,
        project: dataset.project_id,
        facts: { version: started.versionId },
      })
      return started
    })
    jobs.wake()
    return made
  }

  async function startVersion(
    tx: Db,
    by: Principal,
    dataset: DatasetRow,
    wish: Wish,
    { note, estimate, sizeBytes }: { note: string; estimate: Estimate; sizeBytes: number },
  ): Promise<{ versionId: string; jobId: string }> {
    const versionId = newId('dsv')
    const number = await nextVersionNumber(tx, dataset.id)
    const spec: ImportSpec = {
      dataset: dataset.id,
      version: versionId,
      source: wish.source,
      options: wish.options,
      columns: wish.columns,
    }
    const jobId = await jobs.enqueue(tx, by, {
      kind: 'dataset.import',
      name: `Import ${dataset.name} v${number}`,
      projectId: dataset.project_id,
      spec: spec as unknown as Record<string, unknown>,
      estimate,
      size: sizeBytes,
    })
    const row = newVersionRow(by, { id: versionId, dataset_id: dataset.id, number, job_id: jobId, note })
    await datasetTables(tx).insertInto('dataset_versions').values(row).execute()
    return { versionId, jobId }
  }

  /** The project's own key for pseudonyms, made when first needed. It never leaves the server. */
  async function pseudonymKey(projectId: string): Promise<string> {
    const read = () =>
      datasetTables(metadata.db).selectFrom('pseudonym_keys').select('key').where('project_id', '=', projectId).executeTakeFirst()
    const known = await read()
    if (known) return known.key
    await datasetTables(metadata.db)
      .insertInto('pseudonym_keys')
      .values({ project_id: projectId, key: randomBytes(32).toString('hex'), created_at: Date.now() })
      .onConflict((c) => c.column('project_id').doNothing())
      .execute()
    return (await read())!.key
  }

  /** Reads what somebody sent, or a file or folder of the server, as a table in the context's folder; its items become blobs. */
  async function read({
    spec,
    principal,
    folder,
    signal,
    projectId,
    progress,
  }: Pick<JobContext, 'principal' | 'folder' | 'signal' | 'projectId' | 'progress'> & { spec: Wish }): Promise<{
    file: { filename: string; sha256: string | null; sizeBytes: number }
    table: ImportedTable & { manifest?: BlobInfo & { items: number } }
  }> {
    const found = await uploads.open(principal, spec.source)
    let file = found
    if ('serverPath' in spec.source && !found.isFolder) {
      // The file is copied first: what is hashed is what is read, whatever happens to the folder meanwhile.
      const path = `${folder}/original`
      const copied = await incoming.copyAllowed(found.path, (await settings.get()).importFolders, path, signal)
      file = { ...copied, path, filename: found.filename, isFolder: false }
    }
    const wish = {
      options: spec.options,
      columns: spec.columns,
      pseudonymKey: spec.columns?.some(({ action }) => action === 'pseudonymise') ? await pseudonymKey(projectId) : null,
    }
    const work = { folder, signal, progress: (stage: string, done: number, of: number | null) => progress(stage, done, of) }
    const table = (await holdsMedia(file))
      ? await importMedia(needs, work, file.path, wish)
      : await importTable({ tables, ...work }, file, wish)
    return { file, table }
  }

  const announce: Announce = (state, { dataset, version }, projectId) => {
    if (state !== 'succeeded') return
    events.emit('dataset.version-created', { datasetId: dataset, versionId: version, projectId })
    jobs.wake()
  }

  const handler: JobHandler<ImportSpec, NewTable> = {
    kind: 'dataset.import',
    async run(context) {
      const { file, table } = await read(context)
      const { path, options, ...rest } = table
      // A folder has no bytes of its own: it is known by the list of what was in it.
      const sha256 = file.sha256 ?? table.manifest?.sha256
      const original = JSON.stringify({ filename: file.filename, sha256, sizeBytes: file.sizeBytes, options })
      return { ...rest, ...(await blobs.putFile(path)), original }
    },
    publish: (tx, context, table) => publishVersion(tx, context, table, jobs),
    unpublish: (tx, { spec }) => forgetVersion(tx, spec.dataset, spec.version),
    requeued: refuseRetry,
    async ended({ projectId, spec, state }) {
      announce(state, spec, projectId)
      if (state === 'succeeded' && 'upload' in spec.source) await uploads.forget(spec.source.upload)
    },
    maxAttempts: 3,
  }
  jobs.register(handler)

  return { detect, create, addVersion, read, pseudonymKey, announce, refuseTakenName }
}

export function newVersionRow(
  by: Principal,
  facts: Pick<VersionRow, 'id' | 'dataset_id' | 'number' | 'job_id' | 'note'> & Partial<VersionRow>,
): VersionRow {
  return {
    state: 'importing',
    rows: null,
    columns: '[]',
    files: '[]',
    original: null,
    derived_from: null,
    warnings: '[]',
    statistics: '{}',
    created_by: by.userId ?? '',
    created_at: Date.now(),
    ...facts,
  }
}

/** In the transaction that marks the job succeeded: the version is there, whole. */
export async function publishVersion(
  tx: Db,
  { spec, principal, projectId }: Pick<JobContext<{ dataset: string; version: string }>, 'spec' | 'principal' | 'projectId'>,
  table: NewTable,
  jobs: JobQueue,
): Promise<Record<string, unknown>> {
  const version = await versionById(tx, spec.version)
  if (!version)
    throw new PlatformError('conflict', 'The data set was deleted while its file was read.', { dataset: spec.dataset })
  const file = { path: 'data.parquet', sha256: table.sha256, sizeBytes: table.sizeBytes, rows: table.rows }
  await datasetTables(tx)
    .updateTable('dataset_versions')
    .set({
      state: 'ready',
      rows: table.rows,
      columns: JSON.stringify(table.columns),
      files: JSON.stringify([file, ...(table.manifest ? [manifestFile(table.manifest)] : [])]),
      original: table.original,
      warnings: JSON.stringify(table.warnings.slice(0, 200)),
      statistics: JSON.stringify(table.statistics),
    })
    .where('id', '=', spec.version)
    .execute()
  await datasetTables(tx).updateTable('datasets').set({ updated_at: Date.now() }).where('id', '=', spec.dataset).execute()
  const dataset = await datasetTables(tx).selectFrom('datasets').select('name').where('id', '=', spec.dataset).executeTakeFirst()
  // Everybody looks at the profile next; it is made while they come.
  await jobs.enqueue(tx, principal, {
    kind: 'dataset.profile',
    name: `Profile ${dataset?.name ?? ''} v${version.number}`,
    projectId,
    spec: { dataset: spec.dataset, version: spec.version, target: null },
  })
  return { dataset: spec.dataset, version: spec.version, rows: table.rows, columns: table.columns.length }
}

/** A file of its own costs as much as these many bytes of a table. What was not looked at is taken to be like the rest. */
const bytesPerItem = 50_000
const workOf = ({ items, sizeBytes, cut }: { items: number; sizeBytes: number; cut: boolean }, fileBytes: number): number =>
  (sizeBytes + bytesPerItem * items) * (cut ? Math.max(1, fileBytes / Math.max(1, sizeBytes)) : 1)

const manifestFile = ({ sha256, sizeBytes, items }: BlobInfo & { items: number }): DatasetVersion['files'][number] => ({
  path: manifestName,
  sha256,
  sizeBytes,
  rows: items,
})

/** What failed left nothing that a second run could fill. */
export async function refuseRetry(): Promise<void> {
  throw preconditionFailed('This left no version that could be filled now. Add the file, or ask for the change, again.')
}

/** A version that never came to be leaves nothing; nor does a data set that would have had only this one. */
export async function forgetVersion(tx: Db, datasetId: string, versionId: string): Promise<void> {
  await datasetTables(tx).deleteFrom('dataset_versions').where('id', '=', versionId).where('state', '!=', 'ready').execute()
  const left = await datasetTables(tx)
    .selectFrom('dataset_versions')
    .select('id')
    .where('dataset_id', '=', datasetId)
    .executeTakeFirst()
  if (!left) await datasetTables(tx).deleteFrom('datasets').where('id', '=', datasetId).execute()
}

function refuseBadTarget(inspection: Inspection, target: string | null): void {
  if (target === null) return
  const column = inspection.columns.find(({ name }) => name === target)
  if (!column)
    throw invalidInput(
      `There is no column "${target}" to predict. The file has ${inspection.columns
        .slice(0, 12)
        .map(({ name }) => `"${name}"`)
        .join(', ')}.`,
      {
        field: 'target',
        column: target,
      },
    )
  const counted = inspection.complete && (column.kind === 'text' || column.kind === 'string')
  refuseTarget({
    name: target,
    type: column.reading.type,
    rows: inspection.rows,
    missing: counted ? (inspection.missing.get(target) ?? null) : null,
    distinct: counted ? (inspection.distinct.get(target) ?? null) : null,
  })
}

const sourceFacts = (source: Source) => ('upload' in source ? { upload: source.upload } : { serverPath: source.serverPath })
