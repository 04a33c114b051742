import type * as z from 'zod'
import { PlatformError, preconditionFailed } from '../../kernel/errors.ts'
import { type Page, type PageQuery, toPage } from '../../kernel/paging.ts'
import type { Principal } from '../../kernel/principal.ts'
import { type BlobStore, hashesIn } from '../../ports/blobs/blob-store.ts'
import type { Files } from '../../ports/files/files.ts'
import type { Media } from '../../ports/media/media.ts'
import type { Metadata } from '../../ports/metadata/metadata.ts'
import type { Outbound } from '../../ports/outbound/outbound.ts'
import { type Access, nameTakenIsConflict } from '../auth/access.ts'
import { audit } from '../auth/audit.ts'
import type { Search } from '../auth/search.ts'
import type { Uploads } from '../datasets/uploads.ts'
import type { JobQueue } from '../jobs/handler.ts'
import { importJob } from './import-job.ts'
import type { HubSource, Weights, WeightsCreated, WeightsInput } from './schema.ts'
import { listWeights, toWeights, type WeightsRow, weightsById, weightsTables } from './store.ts'

export interface WeightsNeeds {
  metadata: Metadata
  access: Access
  search: Search
  jobs: JobQueue
  uploads: Pick<Uploads, 'open' | 'forget'>
  blobs: BlobStore
  files: Files
  media: Pick<Media, 'unpack'>
  outbound: Outbound
}

export type WeightsService = ReturnType<typeof weightsService>

/** Which weights a training begins with: enough to lay them, now and when the training is made again. */
export interface PinnedWeights {
  id: string
  name: string
  /** Absent for weights that were brought. */
  kind?: 'model-version'
  licence: string
  origin?: string
  commit?: string
  files: { path: string; sha256: string }[]
}

/** Weights that people bring: a folder of safetensors and settings, where it is from and under which licence. */
export function weightsService({ metadata, access, search, jobs, uploads, blobs, files, media, outbound }: WeightsNeeds) {
  const { db } = metadata
  search.registerTable('weights', { noun: 'weights', permission: 'weights:read' })
  jobs.register(importJob({ files, blobs, media, uploads, outbound }))
  const find = (by: Principal, ref: string, project?: string) =>
    access.resolve<WeightsRow>('weights', by, ref, project, { noun: 'set of weights' })

  async function create(by: Principal, input: z.output<typeof WeightsInput>): Promise<z.infer<typeof WeightsCreated>> {
    const project = await access.projectFor(by, input.project, 'weights:write')
    // Whatever is wrong with the source is said now.
    if ('hub' in input.source) await requireReach(outbound, input.source.hub)
    else await uploads.open(by, input.source)
    const resource = await access.newResource('wts', by, project, input)
    const row: WeightsRow = {
      ...resource,
      state: 'importing',
      job_id: null,
      licence: input.licence,
      origin: input.origin,
      architecture: null,
      parameters: null,
      size_bytes: 0,
      files: '[]',
      notes: '[]',
      provenance: null,
    }
    const insert = metadata.transaction(async (tx) => {
      await weightsTables(tx).insertInto('weights').values(row).execute()
      const job = await jobs.enqueue(tx, by, {
        kind: 'weights.import',
        name: `Import weights ${row.name}`,
        projectId: project.id,
        spec: { weights: row.id, source: input.source },
        visibility: input.visibility === 'private' ? 'private' : 'team',
      })
      await weightsTables(tx).updateTable('weights').set({ job_id: job }).where('id', '=', row.id).execute()
      await audit(tx, by, 'weights.create', {
        target: row.id,
        project: project.id,
        facts: { name: row.name, licence: row.licence, origin: row.origin },
      })
      return job
    })
    const job = await nameTakenIsConflict('weights', input.name, insert)
    jobs.wake()
    return { weights: await get(by, row.id), job }
  }

  async function list(by: Principal, query: PageQuery & { project?: string }): Promise<Page<Weights>> {
    const project = query.project === undefined ? undefined : (await access.projectFor(by, query.project)).id
    const rows = await listWeights(db, access.visibleTo(by, 'weights'), { ...query, project })
    const page = toPage(rows, query.limit, (row) => [row.created_at, row.id])
    return { ...page, items: page.items.map(toWeights) }
  }

  async function get(by: Principal, ref: string, project?: string): Promise<Weights> {
    return toWeights(await weightsById(db, (await find(by, ref, project)).id))
  }

  async function remove(by: Principal, ref: string, project?: string): Promise<void> {
    const row = await find(by, ref, project)
    await access.authorize(by, 'weights:write', row)
    await metadata.transaction(async (tx) => {
      await weightsTables(tx).updateTable('weights').set({ deleted_at: Date.now() }).where('id', '=', row.id).execute()
      await audit(tx, by, 'weights.delete', { target: row.id, project: row.project_id, facts: { name: row.name } })
    })
  }

  /** The files of weights, for a training that begins with them. */
  async function pin(by: Principal, ref: string, project?: string): Promise<PinnedWeights> {
    const weights = await get(by, ref, project)
    if (weights.state !== 'ready')
      throw preconditionFailed(
        weights.state === 'importing'
          ? `The weights "${weights.name}" are still being imported. Wait for their job ${weights.job} to end.`
          : `The weights "${weights.name}" could not be imported. See their job ${weights.job}.`,
        { weights: weights.id, state: weights.state },
      )
    const { id, name, licence, origin, provenance } = weights
    return {
      id,
      name,
      licence,
      origin,
      ...(provenance && { commit: provenance.commit }),
      files: weights.files.map(({ path, sha256 }) => ({ path, sha256 })),
    }
  }

  async function* blobsInUse(): AsyncGenerator<string> {
    for (const row of await weightsTables(db).selectFrom('weights').select('files').execute()) yield* hashesIn(row.files)
  }

  return { create, list, get, remove, pin, blobsInUse }
}

/** Offline, the way that is left is said with the refusal. */
async function requireReach(outbound: Outbound, { address, repository }: z.output<typeof HubSource>): Promise<void> {
  await outbound.requireAllowed(address).catch((error: unknown) => {
    if (!(error instanceof PlatformError)) throw error
    throw preconditionFailed(
      `${error.message} To bring "${repository}" all the same, download its folder on a machine that may and add that.`,
      { ...error.facts, field: 'source' },
    )
  })
}

/** Lays weights as the channel `weights` of a job. */
export async function layWeights(
  { files, blobs }: { files: Files; blobs: BlobStore },
  weights: PinnedWeights,
  data: string,
): Promise<void> {
  for (const { path, sha256 } of weights.files) {
    const at = `weights/${path}`
    await files.makeFolder(data, at.slice(0, at.lastIndexOf('/')))
    await blobs.materialise(sha256, files.resolvePath(data, at))
  }
}
