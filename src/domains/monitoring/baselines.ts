import { preconditionFailed } from '../../kernel/errors.ts'
import { days, toIso } from '../../kernel/time.ts'
import type { BlobStore } from '../../ports/blobs/blob-store.ts'
import type { Files } from '../../ports/files/files.ts'
import type { Metadata } from '../../ports/metadata/metadata.ts'
import type { Tables } from '../../ports/tables/tables.ts'
import type { DatasetsService } from '../datasets/service.ts'
import type { Endpoint } from '../endpoints/schema.ts'
import type { EndpointsService } from '../endpoints/service.ts'
import type { JobContext } from '../jobs/handler.ts'
import type { ModelVersion } from '../registry/schema.ts'
import type { RegistryService } from '../registry/service.ts'
import type { Answer } from './answers.ts'
import { type Baseline, baselineFormat } from './baseline.ts'
import { type Captured, layCapturedRows, type Period, slackMs } from './captured-rows.ts'
import { describe, makeBaseline } from './make-baseline.ts'
import { readAnswers, readInputs, readTableInputs } from './read-answers.ts'
import type { BaselineInput } from './schema.ts'
import { monitoringTables } from './store.ts'
import { refuseOtherTable } from './table-rows.ts'
import { watchedColumns } from './watched-columns.ts'

export interface BaselinesNeeds {
  metadata: Metadata
  files: Files
  blobs: BlobStore
  tables: Tables
  datasets: Pick<DatasetsService, 'pin' | 'layPart' | 'layVersion'>
  registry: Pick<RegistryService, 'baseline'>
  endpoints: Pick<EndpointsService, 'captureFiles'>
}

export interface Compared {
  wanted: BaselineInput
  endpoint: Pick<Endpoint, 'id' | 'capture'>
  version: ModelVersion
  /** What is looked at now, where it is traffic. */
  period: Period | null
}

/** What now is compared with: the training rows, a data set, or traffic of another time. */
export function baselines({ metadata, files, blobs, tables, datasets, registry, endpoints }: BaselinesNeeds) {
  async function baselineFor(compared: Compared, context: JobContext): Promise<Baseline> {
    const { wanted, version } = compared
    if (wanted.kind === 'training') return ofTraining(version, context)
    if (wanted.kind === 'dataset') return ofDataset(wanted, version, context)
    return ofTraffic(compared, context)
  }

  /** Made at the first run of a version and kept: what a version was trained on does not change. */
  const ofTraining = (version: ModelVersion, { folder, signal }: JobContext) =>
    kept(version.id, async () => {
      const from = await registry.baseline(version.id)
      return makeBaseline(
        { tables, blobs, layRows: (place) => datasets.layPart(from.trainingSplitId, 'train', place) },
        {
          versionId: version.id,
          signature: version.signature,
          predictionsSha256: from.predictionsSha256,
          folder: await files.makeFolder(folder, 'baseline'),
          signal,
        },
      )
    })

  async function ofDataset(
    { dataset: ref, version: number }: Extract<BaselineInput, { kind: 'dataset' }>,
    version: ModelVersion,
    { principal, folder, signal }: JobContext,
  ): Promise<Baseline> {
    const { dataset, version: table } = await datasets.pin(principal, ref, number ?? undefined)
    refuseOtherTable(version.signature, table.columns, `${dataset.name} version ${table.number}, the baseline of this monitor,`)
    const inputs = version.signature.inputs.map((input) => input.name)
    return kept(`${version.id}:${table.id}`, async () => {
      const from = await registry.baseline(version.id)
      return makeBaseline(
        { tables, blobs, layRows: (place) => datasets.layVersion(table.id, place, inputs) },
        {
          versionId: version.id,
          signature: version.signature,
          predictionsSha256: from.predictionsSha256,
          folder: await files.makeFolder(folder, 'baseline'),
          signal,
        },
      )
    })
  }

  /** Read anew each time: what is kept of traffic goes with time. */
  async function ofTraffic(compared: Compared, { folder, signal }: JobContext): Promise<Baseline> {
    const { wanted, endpoint, version, period } = compared
    const periods = periodsOf(wanted, period)
    const captured = await capturedThen(compared, { folder, signal })
    const place = captured.folder
    const withheld = withheldOf(endpoint)
    const columns = watchedColumns(version.signature).filter(({ name, role }) => role === 'prediction' || !withheld.has(name))
    const counted = await layCapturedRows(tables, { ...captured, columns, name: 'baseline' })
    if (counted.rows === 0) {
      throw preconditionFailed(
        `No request that this version answered is kept from ${periods.map(periodWords).join(', ')}, which is the baseline of this monitor. Choose another baseline, or wait until there are some.`,
        { endpoint: endpoint.id },
      )
    }
    const described = await describe(tables, { source: counted.source, columns, folder: place, signal })
    return { format: baselineFormat, version: version.id, ...described }
  }

  /** Traffic of the baseline, where it is traffic. */
  async function capturedThen(
    { wanted, endpoint, version, period }: Compared,
    { folder, signal }: Pick<JobContext, 'folder' | 'signal'>,
  ): Promise<Captured> {
    const periods = periodsOf(wanted, period)
    const fromMs = Math.min(...periods.map((one) => one.fromMs))
    const toMs = Math.max(...periods.map((one) => one.toMs))
    return {
      versionId: version.id,
      captures: await endpoints.captureFiles(endpoint.id, fromMs, toMs + slackMs),
      periods,
      folder: await files.makeFolder(folder, 'baseline'),
      signal,
    }
  }

  const isTraffic = ({ wanted }: Compared): boolean => wanted.kind === 'window' || wanted.kind === 'seasonal'

  /** What the version answered then; null where the baseline is no traffic. */
  const answersThen = async (compared: Compared, context: JobContext): Promise<Answer[] | null> =>
    isTraffic(compared) ? readAnswers(tables, await capturedThen(compared, context)) : null

  /** Some rows of the baseline as clients send them. */
  async function inputsThen(compared: Compared, most: number, context: JobContext): Promise<Record<string, unknown>[]> {
    const { wanted, version } = compared
    if (isTraffic(compared)) return readInputs(tables, await capturedThen(compared, context), most)
    const { principal, signal } = context
    const folder = await files.makeFolder(context.folder, 'baseline-rows')
    if (wanted.kind === 'dataset') {
      const { version: table } = await datasets.pin(principal, wanted.dataset, wanted.version ?? undefined)
      const names = version.signature.inputs.map(({ name }) => name)
      await datasets.layVersion(table.id, folder, names)
    } else await datasets.layPart((await registry.baseline(version.id)).trainingSplitId, 'train', folder)
    return readTableInputs(tables, { signature: version.signature, folder, most, signal })
  }

  async function kept(key: string, make: () => Promise<Baseline>): Promise<Baseline> {
    const row = await monitoringTables(metadata.db)
      .selectFrom('monitor_baselines')
      .selectAll()
      .where('version_id', '=', key)
      .executeTakeFirst()
    if (row && (await blobs.stat(row.sha256))) {
      const baseline = JSON.parse(Buffer.from(await blobs.bytes(row.sha256)).toString('utf8')) as Baseline
      if (baseline.format === baselineFormat) return baseline
    }
    const made = await make()
    const { sha256 } = await blobs.put(JSON.stringify(made))
    await monitoringTables(metadata.db)
      .insertInto('monitor_baselines')
      .values({ version_id: key, sha256, at: Date.now() })
      .onConflict((c) => c.column('version_id').doUpdateSet({ sha256, at: Date.now() }))
      .execute()
    return made
  }

  return { baselineFor, answersThen, inputsThen }
}

/** Inputs whose values are not kept as they were: nothing can be said of them. */
export const withheldOf = ({ capture }: Pick<Endpoint, 'capture'>): ReadonlySet<string> =>
  new Set([...capture.hide, ...((capture as { hash?: string[] }).hash ?? [])])

/** The times that traffic is compared with. */
export function periodsOf(wanted: BaselineInput, period: Period | null): Period[] {
  if (wanted.kind === 'window') return [{ fromMs: Date.parse(wanted.from), toMs: Date.parse(wanted.to) }]
  if (wanted.kind !== 'seasonal') return []
  if (period === null)
    throw preconditionFailed('A seasonal baseline compares traffic with earlier traffic; a data set has no hours of its own.', {})
  const stepMs = days(wanted.period === 'week' ? 7 : 1)
  // A window that is longer than a season would be compared with itself.
  const first = Math.ceil((period.toMs - period.fromMs) / stepMs)
  return Array.from({ length: wanted.back }, (_, k) => ({
    fromMs: period.fromMs - (first + k) * stepMs,
    toMs: period.toMs - (first + k) * stepMs,
  }))
}

export const periodWords = ({ fromMs, toMs }: Period): string => `${minute(fromMs)} to ${minute(toMs)}`
const minute = (ms: number): string => `${toIso(ms).slice(0, 16).replace('T', ' ')} UTC`
