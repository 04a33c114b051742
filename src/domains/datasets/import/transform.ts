import type * as z from 'zod'
import { newId } from '../../../kernel/ids.ts'
import type { Principal } from '../../../kernel/principal.ts'
import type { BlobStore } from '../../../ports/blobs/blob-store.ts'
import type { Metadata } from '../../../ports/metadata/metadata.ts'
import type { ColumnType, Tables } from '../../../ports/tables/tables.ts'
import type { Access } from '../../auth/access.ts'
import { audit } from '../../auth/audit.ts'
import type { JobHandler, JobQueue } from '../../jobs/handler.ts'
import type { TableEstimates } from '../estimates.ts'
import { localTable, manifestFile, tableFile } from '../lay.ts'
import { refuseMediaTypes } from '../media/import-media.ts'
import { isMediaColumn } from '../media/lay-items.ts'
import type { Column, ColumnChange, Transform } from '../schema.ts'
import { columnsOf, nextVersionNumber, versionById } from '../store.ts'
import { type DatasetRow, datasetTables, type VersionRow } from '../tables.ts'
import type { RawKind } from './cast.ts'
import { type Announce, forgetVersion, type NewTable, newVersionRow, publishVersion, refuseRetry } from './import-service.ts'
import { type PlannedColumn, refuseUnknownChanges, settledColumn } from './plan.ts'
import { badValueError, checkValues, type Work } from './raw-table.ts'
import { settleIdentifiers, writeTable } from './write-version.ts'

export interface TransformNeeds {
  metadata: Metadata
  access: Access
  jobs: JobQueue
  tables: Tables
  blobs: BlobStore
  pseudonymKey(projectId: string): Promise<string>
  announce: Announce
  estimates: TableEstimates
}

interface TransformSpec {
  dataset: string
  version: string
  from: string
  columns: z.output<typeof ColumnChange>[]
}

/** A new version from an old one: columns dropped, renamed, given another type, or made pseudonyms. The old one stays as it is. */
export function transformService({ metadata, access, jobs, tables, blobs, pseudonymKey, announce, estimates }: TransformNeeds) {
  async function start(
    by: Principal,
    dataset: DatasetRow,
    from: VersionRow,
    change: z.output<typeof Transform>,
  ): Promise<{ versionId: string; jobId: string }> {
    await access.authorize(by, 'datasets:write', dataset)
    tableFile(from)
    planTransform(columnsOf(from), change.columns)
    const cells = (from.rows ?? 0) * columnsOf(from).length
    const estimate = await estimates.transform(cells)
    const made = await metadata.transaction(async (tx) => {
      const versionId = newId('dsv')
      const number = await nextVersionNumber(tx, dataset.id)
      const spec: TransformSpec = { dataset: dataset.id, version: versionId, from: from.id, columns: change.columns }
      const jobId = await jobs.enqueue(tx, by, {
        kind: 'dataset.transform',
        name: `Transform ${dataset.name} v${from.number} to v${number}`,
        projectId: dataset.project_id,
        spec: spec as unknown as Record<string, unknown>,
        estimate,
        size: cells,
      })
      const derived_from = JSON.stringify({ version: from.id, how: describe(change.columns) })
      const row = newVersionRow(by, {
        id: versionId,
        dataset_id: dataset.id,
        number,
        job_id: jobId,
        note: change.note,
        derived_from,
      })
      await datasetTables(tx).insertInto('dataset_versions').values(row).execute()
      await audit(tx, by, 'datasets.transform', {
        target: dataset.id,
        project: dataset.project_id,
        facts: { from: from.id, version: versionId },
      })
      return { versionId, jobId }
    })
    jobs.wake()
    return made
  }

  const handler: JobHandler<TransformSpec, NewTable> = {
    kind: 'dataset.transform',
    async run({ spec, folder, signal, progress, projectId }) {
      const from = (await versionById(metadata.db, spec.from))!
      const file = tableFile(from)
      const raw = { path: await localTable({ blobs }, file.sha256, async () => folder), rows: file.rows }
      const columns = planTransform(columnsOf(from), spec.columns)
      const work = (name: string, at: number): Work => ({
        tables,
        folder,
        signal,
        onProgress: (percent) => progress(name, at + percent / 2, 100),
      })
      const source = { options: { format: 'parquet' as const } }
      const bad = await checkValues(work('check', 0), raw, source, columns)
      if (bad.length > 0) throw badValueError(bad)
      const key = spec.columns.some(({ action }) => action === 'pseudonymise') ? await pseudonymKey(projectId) : null
      const { path, ...table } = await writeTable(work('write', 50), raw, source, columns, key)
      const before = new Map(columnsOf(from).map((column) => [column.name, column]))
      const named = columns.map(
        (column): Column => ({
          ...before.get(column.from)!,
          name: column.name,
          type: column.reading.type,
          nullable: (table.statistics[column.name]?.missing ?? 0) > 0,
          personalData: column.personalData,
        }),
      )
      const settled = await settleIdentifiers(work('write', 90), { path, ...table }, named)
      const manifest = settled.some(isMediaColumn) ? manifestFile(from) : null
      const stored = await blobs.putFile(path)
      return { ...table, columns: settled, warnings: [], original: null, ...stored, ...(manifest && { manifest }) }
    },
    publish: (tx, context, table) => publishVersion(tx, context, table, jobs),
    unpublish: (tx, { spec }) => forgetVersion(tx, spec.dataset, spec.version),
    requeued: refuseRetry,
    ended: async ({ projectId, spec, state }) => announce(state, spec, projectId),
  }
  jobs.register(handler)

  return { start }
}

const kinds: Record<ColumnType, RawKind> = {
  number: 'number',
  integer: 'integer',
  boolean: 'boolean',
  datetime: 'datetime',
  category: 'string',
  text: 'string',
  id: 'id',
  image: 'string',
  audio: 'string',
}

function planTransform(columns: readonly Column[], changes: readonly z.output<typeof ColumnChange>[]): PlannedColumn[] {
  refuseUnknownChanges(columns, changes)
  refuseMediaTypes(changes, columns)
  return settledColumn(
    columns.map((column) => ({ raw: column.name, name: column.name, kind: kinds[column.type] })),
    changes,
    ({ name }) => {
      const { type, personalData } = columns.find((one) => one.name === name)!
      return { reading: { type, missing: 'none', decimalComma: false, thousands: false, date: null }, personalData }
    },
  )
}

function describe(changes: readonly z.output<typeof ColumnChange>[]): string {
  const of = (what: (change: z.output<typeof ColumnChange>) => boolean) => changes.filter(what).map(({ name }) => name)
  const parts = [
    ['drop', of(({ action }) => action === 'drop')],
    ['pseudonymise', of(({ action }) => action === 'pseudonymise')],
    ['rename', of(({ rename, action }) => action === 'keep' && rename !== undefined)],
    ['retype', of(({ type, action }) => action === 'keep' && type !== undefined)],
  ] as const
  return parts
    .filter(([, names]) => names.length > 0)
    .map(([what, names]) => `${what} ${names.slice(0, 5).join(', ')}${names.length > 5 ? ` and ${names.length - 5} more` : ''}`)
    .join('; ')
}
