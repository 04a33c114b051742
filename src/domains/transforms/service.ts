import type * as z from 'zod'
import { invalidInput, notFound, preconditionFailed } from '../../kernel/errors.ts'
import { newId } from '../../kernel/ids.ts'
import { type Page, type PageQuery, toPage } from '../../kernel/paging.ts'
import type { Principal } from '../../kernel/principal.ts'
import type { StreamReply } from '../../kernel/route.ts'
import { type BlobStore, hashesIn } from '../../ports/blobs/blob-store.ts'
import type { Files } from '../../ports/files/files.ts'
import type { Inference } from '../../ports/inference/inference.ts'
import type { Media } from '../../ports/media/media.ts'
import type { Metadata } from '../../ports/metadata/metadata.ts'
import { literal } from '../../ports/tables/sql.ts'
import type { Tables } from '../../ports/tables/tables.ts'
import type { Access } from '../auth/access.ts'
import { audit } from '../auth/audit.ts'
import type { Visibility } from '../auth/schema.ts'
import type { Search } from '../auth/search.ts'
import type { CostService } from '../cost/service.ts'
import type { DatasetsService } from '../datasets/service.ts'
import { refuseUnproven } from '../endpoints/deployment-rule.ts'
import type { EndpointsService } from '../endpoints/service.ts'
import type { JobQueue } from '../jobs/handler.ts'
import type { Job } from '../jobs/schema.ts'
import type { ModelVersion } from '../registry/schema.ts'
import type { RegistryService } from '../registry/service.ts'
import { transformJob } from './batch/run-job.ts'
import type { TableOfVersion } from './batch/spec.ts'
import type { Transform, TransformInput, TransformPreview, TransformResult } from './schema.ts'
import { listTransforms, type TransformRow, type TransformSpec, toTransform, transformById, transformTables } from './store.ts'

export interface TransformsNeeds {
  metadata: Metadata
  access: Access
  search: Search
  files: Files
  tables: Tables
  media: Pick<Media, 'archiveKind' | 'unpack' | 'document'>
  blobs: BlobStore
  inference: Pick<Inference, 'scoreTable'>
  jobs: { queue: JobQueue; cancel(by: Principal, ref: string): Promise<Job> }
  cost: Pick<CostService, 'estimate'>
  datasets: DatasetsService
  registry: Pick<RegistryService, 'resolveVersion' | 'versionById' | 'layPackage'>
  endpoints: Pick<EndpointsService, 'load' | 'mainVersion'>
  /** For files that must lie on this machine while they are read. */
  folder: string
}

export type TransformsService = ReturnType<typeof transformsService>

type Input = z.output<typeof TransformInput>

/** Batch transforms: a model over every row of a table, as a job. */
export function transformsService(needs: TransformsNeeds) {
  const { metadata, access, search, files, tables, blobs, jobs, datasets, registry, endpoints } = needs
  const { db } = metadata
  search.registerTable('transforms', { noun: 'transform', permission: 'transforms:read' })
  jobs.queue.register(transformJob({ ...needs, load: endpoints.load, madeBy }))

  const find = (by: Principal, ref: string, project?: string) =>
    access.resolve<TransformRow>('transforms', by, ref, project, { noun: 'transform' })

  async function create(by: Principal, input: Input): Promise<Transform> {
    const project = await access.projectFor(by, input.project, 'transforms:write')
    const served = input.endpoint === undefined ? null : await endpoints.mainVersion(by, input.endpoint, input.project)
    const version = await registry.resolveVersion(by, served?.version ?? input.model!, input.project)
    refuseUnproven(version)
    if (input.generation && version.task !== 'generation')
      throw invalidInput('Only a language model takes settings of how to write.', { field: 'generation' })
    if (input.prompt !== undefined && version.task !== 'generation')
      throw invalidInput('Only a language model takes a prompt. Other models are asked about the columns of the rows.', {
        field: 'prompt',
      })
    if (input.prompt !== undefined && input.inputs.prompt !== undefined)
      throw invalidInput('Say either what is asked about each row ("prompt"), or which column holds it ("inputs").', {
        field: 'prompt',
      })
    if (input.output.format === null && input.output.dataset === null)
      throw invalidInput('Say where the predictions should go: a file, a data set, or both.', { field: 'output' })
    const { table, said, size, visibility } = await rowsOf(by, input)
    await refuseOutput(by, project.id, input, table)
    const versionName = `${version.modelName}:${version.number}`
    const name =
      input.name ?? `${version.modelName} ${version.number} on ${said}`.replace(/[^\p{L}\p{N} ._()+-]/gu, '-').slice(0, 120)
    const resource = await access.newResource('trf', by, project, {
      ...input,
      name,
      visibility: narrower(input.visibility, visibility),
    })
    const { name: _, project: __, tags: ___, description: ____, ...asked } = input
    const spec: TransformSpec = {
      ...asked,
      visibility: resource.visibility,
      transform: resource.id,
      versionId: version.id,
      versionName,
      table,
    }
    const estimate = await needs.cost.estimate({ kind: 'transform.run', size, prior: priorOf(version, size) })
    await metadata.transaction(async (tx) => {
      const job_id = await jobs.queue.enqueue(tx, by, {
        kind: 'transform.run',
        name: `Predict ${said} with ${versionName}`,
        projectId: project.id,
        spec: spec as unknown as Record<string, unknown>,
        estimate,
        size,
        visibility: resource.visibility,
      })
      const row: TransformRow = {
        ...resource,
        state: 'queued',
        job_id,
        model_id: version.model,
        model_name: version.modelName,
        version_id: version.id,
        version_number: version.number,
        endpoint_id: served?.endpoint ?? null,
        rows_said: said,
        spec: JSON.stringify(spec),
        result: null,
        failure: null,
        finished_at: null,
      }
      await transformTables(tx).insertInto('transforms').values(row).execute()
      await audit(tx, by, 'transforms.create', {
        target: row.id,
        project: project.id,
        facts: { version: version.id, rows: said, dataset: table?.versionId ?? null },
      })
    })
    jobs.queue.wake()
    return wire(resource.id)
  }

  /** Where the rows are from; whoever asks must be let to read them. */
  async function rowsOf(
    by: Principal,
    { input, project }: Input,
  ): Promise<{ table: TableOfVersion | null; said: string; size: number; visibility: Visibility }> {
    if (!('dataset' in input)) {
      const source = 'upload' in input ? { upload: input.upload } : { serverPath: input.serverPath }
      await access.authorize(by, 'datasets:write')
      const file = await datasets.uploads.open(by, source)
      return { table: null, said: file.filename, size: Math.max(1, Math.round(file.sizeBytes / 100)), visibility: 'team' }
    }
    if ((input.split === undefined) !== (input.part === undefined))
      throw invalidInput('"split" and "part" go together: which rows of which split.', { field: 'input.part' })
    const { dataset, version } = await datasets.pin(by, input.dataset, input.version, project)
    const split = input.split === undefined ? null : await datasets.split(by, input.split)
    if (split && split.version !== version.id)
      throw invalidInput(`The split is of another version of "${dataset.name}".`, { field: 'input.split' })
    const manifest = version.files.find(({ path }) => path === 'manifest.jsonl')
    return {
      table: {
        datasetId: dataset.id,
        versionId: version.id,
        split: split && { id: split.id, part: input.part! },
        columns: version.columns.filter(({ name }) => name !== split?.partColumn),
        target: dataset.target,
        manifest: manifest ? { sha256: manifest.sha256, sizeBytes: manifest.sizeBytes, items: manifest.rows } : null,
      },
      said: `${dataset.name} v${version.number}${split ? ` (${input.part})` : ''}`,
      size: split ? (split.parts.find(({ part }) => part === input.part)?.rows ?? 1) : (version.rows ?? 1),
      visibility: dataset.visibility,
    }
  }

  async function refuseOutput(by: Principal, projectId: string, { output }: Input, table: TableOfVersion | null): Promise<void> {
    if (output.dataset === null) return
    if ('name' in output.dataset) {
      await access.authorize(by, 'datasets:write')
      return datasets.refuseTakenName(by, projectId, output.dataset.name)
    }
    if (!table)
      throw invalidInput('A file that was sent is of no data set, so there is none to add a version to. Name a new one.', {
        field: 'output.dataset',
      })
    if (table.split)
      throw invalidInput('A further version of a data set holds all its rows, not one part of a split. Name a new data set.', {
        field: 'output.dataset',
      })
    await datasets.derived.mayAdd(by, table.datasetId)
  }

  async function wire(id: string): Promise<Transform> {
    const row = await transformById(db, id)
    if (!row) throw notFound('transform', id)
    return toTransform(row)
  }

  async function list(
    by: Principal,
    query: PageQuery & { project?: string; endpoint?: string; model?: string },
  ): Promise<Page<Transform>> {
    const project = query.project === undefined ? undefined : (await access.projectFor(by, query.project)).id
    const idOf = async (table: 'endpoints' | 'models', ref?: string) =>
      ref === undefined ? undefined : (await access.resolve(table, by, ref, query.project)).id
    const [endpoint, model] = [await idOf('endpoints', query.endpoint), await idOf('models', query.model)]
    const rows = await listTransforms(db, access.visibleTo(by, 'transforms'), { ...query, project, endpoint, model })
    const page = toPage(rows, query.limit, (row) => [row.created_at, row.id])
    return { ...page, items: page.items.map(toTransform) }
  }

  async function cancel(by: Principal, ref: string, project?: string): Promise<Transform> {
    const row = await find(by, ref, project)
    await access.authorize(by, 'transforms:write', row)
    await jobs.cancel(by, row.job_id)
    return wire(row.id)
  }

  async function remove(by: Principal, ref: string, project?: string): Promise<void> {
    const row = await find(by, ref, project)
    await access.authorize(by, 'transforms:write', row)
    const { state } = await wire(row.id)
    if (state === 'queued' || state === 'running')
      throw preconditionFailed('This transform is still at work. Cancel it first.', { transform: row.id, state })
    await metadata.transaction(async (tx) => {
      await transformTables(tx).updateTable('transforms').set({ deleted_at: Date.now() }).where('id', '=', row.id).execute()
      await audit(tx, by, 'transforms.delete', { target: row.id, project: row.project_id, facts: { name: row.name } })
    })
  }

  async function fileOf(by: Principal, ref: string, project?: string) {
    const row = await find(by, ref, project)
    await access.authorize(by, 'transforms:read', row)
    const transform = await wire(row.id)
    const file = transform.result?.file
    if (!file)
      throw preconditionFailed(
        transform.state === 'succeeded'
          ? 'This transform made a version of a data set and no file. Export that.'
          : `There is no result: the transform is ${transform.state}.${transform.failure ? ` ${transform.failure}` : ''}`,
        { transform: row.id, state: transform.state },
      )
    return { row, file, transform }
  }

  async function download(by: Principal, ref: string, project?: string): Promise<StreamReply> {
    const { row, file } = await fileOf(by, ref, project)
    await metadata.transaction((tx) =>
      audit(tx, by, 'transforms.download', { target: row.id, project: row.project_id, facts: { sha256: file.sha256 } }),
    )
    return {
      contentType: contentTypes[file.format],
      body: await blobs.get(file.sha256),
      sizeBytes: file.sizeBytes,
      filename: `${row.name}.${file.format}`,
    }
  }

  /** A page of the result as it lies in its file. */
  async function preview(
    by: Principal,
    ref: string,
    { offset, limit, project }: { offset: number; limit: number; project?: string },
    signal?: AbortSignal,
  ): Promise<z.infer<typeof TransformPreview>> {
    const { file, transform } = await fileOf(by, ref, project)
    return withFile(file.sha256, file.format, async (path) => {
      const from = {
        parquet: `read_parquet(${literal(path)})`,
        csv: `read_csv(${literal(path)}, header = true, all_varchar = true)`,
        jsonl: `read_json(${literal(path)}, format = 'newline_delimited')`,
      }[file.format]
      const [found] = await tables.run({
        files: [path],
        quick: true,
        signal,
        statements: [{ sql: `SELECT * FROM ${from} LIMIT ${limit} OFFSET ${offset}` }],
      })
      return { columns: found!.columns, rows: found!.rows, total: transform.result!.rows }
    })
  }

  async function withFile<T>(sha256: string, format: string, work: (path: string) => Promise<T>): Promise<T> {
    const local = blobs.localPath(sha256)
    if (local) return work(local)
    const folder = await files.makeFolder(needs.folder, newId('req'))
    try {
      const path = `${folder}/result.${format}`
      await blobs.materialise(sha256, path)
      return await work(path)
    } finally {
      await files.remove(folder)
    }
  }

  async function madeBy(jobId: string): Promise<{ dataset: string; version: string } | null> {
    const row = await transformTables(db).selectFrom('transforms').select('result').where('job_id', '=', jobId).executeTakeFirst()
    const made = row?.result ? (JSON.parse(row.result) as TransformResult).dataset : null
    return made && { dataset: made.id, version: made.version }
  }

  async function* blobsInUse(): AsyncGenerator<string> {
    for (const { result } of await transformTables(db).selectFrom('transforms').select('result').execute())
      yield* hashesIn(result)
  }

  return {
    create,
    list,
    get: async (by: Principal, ref: string, project?: string) => wire((await find(by, ref, project)).id),
    cancel,
    remove,
    download,
    preview,
    blobsInUse,
    binned: { noun: 'transform', permission: 'transforms:write' as const, days: daysInBin },
  }
}

/** A result in the bin is gone for good after these. */
const daysInBin = 30

const contentTypes = {
  parquet: 'application/vnd.apache.parquet',
  csv: 'text/csv; charset=utf-8',
  jsonl: 'application/x-ndjson',
} as const

const widths: Visibility[] = ['private', 'team', 'institution', 'public']
/** What holds somebody's rows is seen by no more people than the rows. */
const narrower = (a: Visibility, b: Visibility): Visibility => (widths.indexOf(a) < widths.indexOf(b) ? a : b)

function priorOf({ task, signature, manifest }: ModelVersion, rows: number) {
  const slow = signature.inputs.some(({ tensor }) => tensor !== 'numbers' && tensor !== 'strings')
  const perRow = task === 'generation' ? 1 : slow ? 0.02 : manifest.kind === 'onnx' ? 4e-6 : 4e-4
  const seconds = 1 + rows * perRow
  return {
    seconds: { low: Number((seconds / 3).toPrecision(2)), high: Number((seconds * 3).toPrecision(2)) },
    memoryBytes: 1024 ** 3,
    basis: 'From measurements on 2 cores, by the number of rows.',
  }
}
