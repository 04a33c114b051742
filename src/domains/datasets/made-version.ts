import { newId } from '../../kernel/ids.ts'
import type { Principal } from '../../kernel/principal.ts'
import type { BlobStore } from '../../ports/blobs/blob-store.ts'
import type { Db } from '../../ports/metadata/metadata.ts'
import { audit } from '../auth/audit.ts'
import type { JobQueue } from '../jobs/handler.ts'
import { type NewTable, newVersionRow, publishVersion } from './import/import-service.ts'
import type { Work } from './import/raw-table.ts'
import { settleIdentifiers, tableStatistics } from './import/write-version.ts'
import type { Column } from './schema.ts'
import { nextVersionNumber } from './store.ts'
import { datasetTables } from './tables.ts'

/** Takes over a table that the platform itself has written (with `__row`, in the types of its columns): its bytes and what is known of its columns. */
export async function keepTable(
  { blobs }: { blobs: BlobStore },
  work: Work,
  { path, rows, columns }: { path: string; rows: number; columns: readonly Column[] },
): Promise<NewTable> {
  const statistics = await tableStatistics(
    work,
    path,
    columns.map(({ name }) => name),
  )
  const known = columns.map((column) => ({ ...column, nullable: (statistics[column.name]?.missing ?? 0) > 0 }))
  const settled = await settleIdentifiers(work, { path, rows, statistics }, known)
  return { rows, columns: settled, statistics, warnings: [], original: null, ...(await blobs.putFile(path)) }
}

/** A version of a data set from such a table, whole and at once, in the transaction of what made it. */
export async function insertMadeVersion(
  tx: Db,
  jobs: JobQueue,
  by: Principal,
  made: {
    dataset: { id: string; project: string }
    table: NewTable
    jobId: string
    note: string
    derivedFrom: { version: string; how: string } | null
  },
): Promise<{ version: string; number: number }> {
  const version = newId('dsv')
  const number = await nextVersionNumber(tx, made.dataset.id)
  await datasetTables(tx)
    .insertInto('dataset_versions')
    .values(
      newVersionRow(by, {
        id: version,
        dataset_id: made.dataset.id,
        number,
        job_id: made.jobId,
        note: made.note,
        derived_from: made.derivedFrom && JSON.stringify(made.derivedFrom),
      }),
    )
    .execute()
  const context = { spec: { dataset: made.dataset.id, version }, principal: by, projectId: made.dataset.project }
  await publishVersion(tx, context, made.table, jobs)
  await audit(tx, by, 'datasets.add-version', {
    target: made.dataset.id,
    project: made.dataset.project,
    facts: { version, number, job: made.jobId },
  })
  return { version, number }
}
