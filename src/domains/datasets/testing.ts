import { join } from 'node:path'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Principal } from '../../kernel/principal.ts'
import { openFilesystemBlobs } from '../../ports/blobs/filesystem.ts'
import type { Executor } from '../../ports/executors/executor.ts'
import { localFiles } from '../../ports/files/local.ts'
import { localIncoming } from '../../ports/incoming/local.ts'
import { openMedia } from '../../ports/media/open.ts'
import type { Metadata } from '../../ports/metadata/metadata.ts'
import type { Tables } from '../../ports/tables/tables.ts'
import { costService } from '../cost/service.ts'
import { jobTables } from '../jobs/tables.ts'
import { jobsTestMigrations, jobsWorld } from '../jobs/testing.ts'
import { datasetsMigrations } from './migrations.ts'
import { DatasetInput, type Split } from './schema.ts'
import { type DatasetsService, datasetsService } from './service.ts'

export const datasetsTestMigrations = [...jobsTestMigrations, ...datasetsMigrations]

export type DatasetsWorld = Awaited<ReturnType<typeof datasetsWorld>>

/** For tests of this domain and of those above: data sets on a migrated database, with a worker that runs their jobs. Close it. */
export async function datasetsWorld(
  metadata: Metadata,
  { executor, tables, folder }: { executor: Executor; tables: Tables; folder: string },
) {
  const files = localFiles()
  const media = openMedia()
  const runtimes = {
    list: async () => [],
    ensure: async () => {
      throw new Error('No Python is needed here.')
    },
  }
  const world = await jobsWorld(metadata, { executor, runtimes, files, folder })
  const blobs = await openFilesystemBlobs({ root: join(folder, 'blobs') })
  const datasets: DatasetsService = datasetsService({
    metadata,
    access: world.auth.access,
    settings: world.auth.settings,
    search: world.auth.search,
    events: world.events,
    jobs: world.jobs.queue,
    cost: costService({ jobs: world.jobs }),
    tables,
    blobs,
    files,
    media,
    incoming: await localIncoming({ root: join(folder, 'incoming') }),
    folder: join(folder, 'scratch'),
    thumbnails: join(folder, 'thumbnails'),
  })
  const worker = world.jobs.startWorker({ slots: 2 })

  async function upload(by: Principal, filename: string, bytes: Buffer | string): Promise<string> {
    const body = Buffer.from(bytes)
    const { id } = await datasets.uploads.create(by, { filename, sizeBytes: body.length })
    await datasets.uploads.write(by, id, 0, Readable.from([body]))
    return id
  }

  /** Uploads, imports, and waits; throws what the import says. */
  async function add(name: string, bytes: Buffer | string, more: Record<string, unknown> = {}, by: Principal = world.admin) {
    const source = { upload: await upload(by, `${name}.csv`, bytes) }
    const { dataset, job } = await datasets.create(by, DatasetInput.parse({ name, source, ...more }))
    const ended = await world.jobs.ended(job, AbortSignal.timeout(60_000))
    if (ended.failure) throw Object.assign(new Error(JSON.parse(ended.failure).message), JSON.parse(ended.failure))
    return datasets.pin(by, dataset.id)
  }

  async function split(input: Parameters<DatasetsService['ensureSplit']>[1], by: Principal = world.admin): Promise<Split> {
    const made = await datasets.ensureSplit(by, input)
    if (made.job) await world.jobs.ended(made.job, AbortSignal.timeout(60_000))
    return datasets.split(by, made.id)
  }

  /** Waits until no job is queued or runs: an import is followed by the profile of what it made. */
  async function settled(): Promise<void> {
    const unfinished = () =>
      jobTables(metadata.db).selectFrom('jobs').select('id').where('state', 'in', ['queued', 'running']).executeTakeFirst()
    for (let job = await unfinished(); job; job = await unfinished()) await world.jobs.ended(job.id, AbortSignal.timeout(60_000))
  }

  return {
    ...world,
    datasets,
    settled,
    blobs,
    files,
    upload,
    add,
    split,
    async close() {
      await sleep(20)
      await worker.close()
      await media.close()
    },
  }
}
