import { conflict } from '../../../kernel/errors.ts'
import type { Events } from '../../../kernel/events.ts'
import { newId } from '../../../kernel/ids.ts'
import type { Principal } from '../../../kernel/principal.ts'
import type { BlobInfo } from '../../../ports/blobs/blob-store.ts'
import type { Db, Metadata } from '../../../ports/metadata/metadata.ts'
import { type Access, type Guarded, nameTakenIsConflict } from '../../auth/access.ts'
import { audit } from '../../auth/audit.ts'
import type { Visibility } from '../../auth/schema.ts'
import type { JobQueue } from '../../jobs/handler.ts'
import { manifestName } from '../media/manifest.ts'
import type { Column, DatasetVersion } from '../schema.ts'
import { type ColumnStatistics, nextVersionNumber } from '../store.ts'
import { type DatasetRow, datasetTables } from '../tables.ts'
import { newVersionRow } from './import-service.ts'

/** A table that a job of another domain made, with `__row` from 0, to become a version of a data set. */
export interface MadeTable extends BlobInfo {
  rows: number
  columns: Column[]
  statistics: Record<string, ColumnStatistics>
  /** The items that its columns of media name. */
  manifest: (BlobInfo & { items: number }) | null
  /** The version whose rows they are, where they are one's. */
  from: string | null
  how: string
}

/** Where it goes: a further version of a data set, or a data set of its own. */
export type MadeTableTarget =
  | { dataset: string }
  | { name: string; projectId: string; visibility: Visibility; target: string | null }

/** Versions whose rows were made here: the rows of another version with more columns. */
export function derivedVersions({
  metadata,
  access,
  events,
  jobs,
}: {
  metadata: Metadata
  access: Access
  events: Events
  jobs: JobQueue
}) {
  /** Refuses early what `publish` would. */
  async function mayAdd(by: Principal, ref: string, project?: string): Promise<Guarded & { name: string }> {
    const row = await access.resolve<DatasetRow>('datasets', by, ref, project, { noun: 'data set' })
    await access.authorize(by, 'datasets:write', row)
    return row
  }

  /** In the transaction that ends the job: the version is there, whole. */
  async function publish(
    tx: Db,
    by: Principal,
    to: MadeTableTarget,
    table: MadeTable,
  ): Promise<{ dataset: string; version: string }> {
    const dataset = 'dataset' in to ? await still(tx, to.dataset) : await create(tx, by, to)
    const versionId = newId('dsv')
    const number = await nextVersionNumber(tx, dataset.id)
    const files: DatasetVersion['files'] = [
      { path: 'data.parquet', sha256: table.sha256, sizeBytes: table.sizeBytes, rows: table.rows },
      ...(table.manifest
        ? [
            {
              path: manifestName,
              sha256: table.manifest.sha256,
              sizeBytes: table.manifest.sizeBytes,
              rows: table.manifest.items,
            },
          ]
        : []),
    ]
    await datasetTables(tx)
      .insertInto('dataset_versions')
      .values(
        newVersionRow(by, {
          id: versionId,
          dataset_id: dataset.id,
          number,
          job_id: null,
          note: table.how.slice(0, 2000),
          state: 'ready',
          rows: table.rows,
          columns: JSON.stringify(table.columns),
          files: JSON.stringify(files),
          derived_from: table.from ? JSON.stringify({ version: table.from, how: table.how }) : null,
          statistics: JSON.stringify(table.statistics),
        }),
      )
      .execute()
    await datasetTables(tx).updateTable('datasets').set({ updated_at: Date.now() }).where('id', '=', dataset.id).execute()
    await audit(tx, by, 'datasets.add-version', {
      target: dataset.id,
      project: dataset.project_id,
      facts: { version: versionId, how: table.how.slice(0, 200) },
    })
    await jobs.enqueue(tx, by, {
      kind: 'dataset.profile',
      name: `Profile ${dataset.name} v${number}`,
      projectId: dataset.project_id,
      spec: { dataset: dataset.id, version: versionId, target: null },
    })
    return { dataset: dataset.id, version: versionId }
  }

  async function still(tx: Db, id: string): Promise<DatasetRow> {
    const row = await datasetTables(tx)
      .selectFrom('datasets')
      .selectAll()
      .where('id', '=', id)
      .where('deleted_at', 'is', null)
      .executeTakeFirst()
    if (row) return row
    throw conflict('The data set was deleted while its new version was made.', { dataset: id })
  }

  async function create(
    tx: Db,
    by: Principal,
    { name, projectId, visibility, target }: Exclude<MadeTableTarget, { dataset: string }>,
  ): Promise<DatasetRow> {
    const resource = await access.newResource('ds', by, { id: projectId }, { name, visibility })
    const row: DatasetRow = { ...resource, target, dictionary: '{}' }
    await nameTakenIsConflict('data set', name, datasetTables(tx).insertInto('datasets').values(row).execute())
    await audit(tx, by, 'datasets.create', { target: row.id, project: projectId, facts: { name } })
    return row
  }

  return {
    mayAdd,
    publish,
    /** After the transaction. */
    announce(made: { dataset: string; version: string }, projectId: string): void {
      events.emit('dataset.version-created', { datasetId: made.dataset, versionId: made.version, projectId })
      jobs.wake()
    },
  }
}
