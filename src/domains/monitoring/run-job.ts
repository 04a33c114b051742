import { notFound, preconditionFailed } from '../../kernel/errors.ts'
import type { Events } from '../../kernel/events.ts'
import { newId } from '../../kernel/ids.ts'
import { toIso } from '../../kernel/time.ts'
import type { BlobStore } from '../../ports/blobs/blob-store.ts'
import type { Files } from '../../ports/files/files.ts'
import type { Inference } from '../../ports/inference/inference.ts'
import { shapeOf } from '../../ports/inference/signature.ts'
import type { Db, Metadata } from '../../ports/metadata/metadata.ts'
import type { Outbound } from '../../ports/outbound/outbound.ts'
import type { Tables } from '../../ports/tables/tables.ts'
import type { DatasetsService } from '../datasets/service.ts'
import type { EndpointsService } from '../endpoints/service.ts'
import type { JobContext, JobHandler } from '../jobs/handler.ts'
import type { ModelVersion } from '../registry/schema.ts'
import type { RegistryService } from '../registry/service.ts'
import { raiseAlert } from './alerts.ts'
import { type Baseline, baselineFormat } from './baseline.ts'
import { type Counted, layCapturedRows } from './captured-rows.ts'
import { compareColumns, type Drift, type NowColumn } from './compare-columns.ts'
import { countNow } from './count-now.ts'
import { makeBaseline } from './make-baseline.ts'
import type { DriftReport } from './schema.ts'
import { reportSentence } from './sentences.ts'
import { type MonitorRow, monitorById, monitoringTables, type NamedMonitorRow } from './store.ts'
import { isOfCells, lenient, predictTable, refuseOtherTable, watchTable } from './table-rows.ts'
import { watchedColumns } from './watched-columns.ts'
import { deliverWebhooks } from './webhooks.ts'

export interface RunNeeds {
  metadata: Metadata
  events: Events
  files: Files
  blobs: BlobStore
  tables: Tables
  inference: Inference
  outbound: Pick<Outbound, 'fetchOut'>
  datasets: Pick<DatasetsService, 'pin' | 'layPart' | 'layVersion'>
  registry: Pick<RegistryService, 'resolveVersion' | 'baseline' | 'layPackage'>
  endpoints: Pick<EndpointsService, 'get' | 'captureFiles'>
}

/** What a run is asked: captured traffic of a window, or a data set version as "now". */
export type RunSpec = {
  monitorId: string
  dataset: { ref: string; version: string | null } | null
  fromMs: number | null
  toMs: number | null
}

interface Now {
  source: string
  rows: number
  count(baseline: Baseline): Promise<NowColumn[]>
}

/** The job `monitor.run`: reads what is now, compares it with what training saw, reports, and raises an alert where it must. */
export function monitorJob(needs: RunNeeds): JobHandler<RunSpec, DriftReport> {
  const { metadata, events, files, tables, datasets, registry, endpoints } = needs

  async function run(context: JobContext<RunSpec>): Promise<DriftReport> {
    const started = performance.now()
    const { spec, principal } = context
    const monitor = await monitorById(metadata.db, spec.monitorId)
    if (!monitor || monitor.deleted_at !== null) throw notFound('monitor', spec.monitorId)
    const endpoint = await endpoints.get(principal, monitor.endpoint_id)
    const version = await registry.resolveVersion(principal, endpoint.version)
    context.progress('baseline', 0, 3, 'What training saw')
    const baseline = await baselineOf(version, context)
    context.progress('read', 1, 3, 'What there is now')
    const now = spec.dataset ? await nowOfTable(version, context) : await nowOfCaptures(monitor, version, context)
    context.progress('compare', 2, 3, `${now.rows} rows`)
    const columns = now.rows < monitor.minimum_rows ? null : await compare(monitor, baseline, now)
    return reportOf(monitor, version, {
      baseline,
      now,
      columns,
      seconds: (performance.now() - started) / 1000,
    })
  }

  async function compare(monitor: MonitorRow, baseline: Baseline, now: Now): Promise<Drift[]> {
    const counted = await now.count(baseline)
    const pairs = baseline.columns.map((column, i) => ({ baseline: column, now: counted[i]! }))
    return compareColumns(pairs, {
      psiWarning: monitor.psi_warning,
      psiAlert: monitor.psi_alert,
      falseAlarmRate: monitor.false_alarm_rate,
    })
  }

  /** Made at the first run of a version and kept: what a version was trained on does not change. */
  async function baselineOf(version: ModelVersion, { folder, signal }: JobContext): Promise<Baseline> {
    const kept = await monitoringTables(metadata.db)
      .selectFrom('monitor_baselines')
      .selectAll()
      .where('version_id', '=', version.id)
      .executeTakeFirst()
    if (kept && (await needs.blobs.stat(kept.sha256))) {
      const baseline = JSON.parse(Buffer.from(await needs.blobs.bytes(kept.sha256)).toString('utf8')) as Baseline
      if (baseline.format === baselineFormat) return baseline
    }
    const from = await registry.baseline(version.id)
    const made = await makeBaseline(
      { tables, blobs: needs.blobs, layTraining: (place) => datasets.layPart(from.trainingSplitId, 'train', place) },
      {
        versionId: version.id,
        signature: version.signature,
        predictionsSha256: from.predictionsSha256,
        folder: await files.makeFolder(folder, 'baseline'),
        signal,
      },
    )
    const { sha256 } = await needs.blobs.put(JSON.stringify(made))
    await monitoringTables(metadata.db)
      .insertInto('monitor_baselines')
      .values({ version_id: version.id, sha256, at: Date.now() })
      .onConflict((c) => c.column('version_id').doUpdateSet({ sha256, at: Date.now() }))
      .execute()
    return made
  }

  async function nowOfCaptures(monitor: MonitorRow, version: ModelVersion, context: JobContext<RunSpec>): Promise<Now> {
    const { spec, signal } = context
    const toMs = spec.toMs ?? Date.now() + 1
    const fromMs = spec.fromMs ?? toMs - monitor.window_hours * 3_600_000
    const columns = watchedColumns(version.signature)
    const counted = await layCapturedRows(tables, {
      columns,
      versionId: version.id,
      captures: await endpoints.captureFiles(monitor.endpoint_id, fromMs, toMs),
      fromMs,
      toMs,
      folder: await files.makeFolder(context.folder, 'now'),
      signal,
    })
    return {
      source: `captured requests from ${minute(fromMs)} to ${minute(toMs)}`,
      rows: counted.rows,
      count: (baseline) => countNow(tables, { ...watchedIn(counted, baseline), signal }),
    }
  }

  async function nowOfTable(version: ModelVersion, context: JobContext<RunSpec>): Promise<Now> {
    const { spec, principal, signal } = context
    const asked = spec.dataset!
    const { dataset, version: table } = await datasets.pin(principal, asked.ref, asked.version ?? undefined)
    const name = `${dataset.name} version ${table.number}`
    refuseOtherTable(version.signature, table.columns, name)
    const folder = await files.makeFolder(context.folder, 'now')
    const inputs = version.signature.inputs.map((input) => input.name)
    await datasets.layVersion(table.id, folder, inputs)
    const columns = watchedColumns(version.signature).filter((column) => column.role === 'input')
    const counted = await watchTable(tables, { columns, folder, signal })
    return {
      source: name,
      rows: counted.rows,
      async count(baseline) {
        const ofInputs = { ...baseline, columns: baseline.columns.filter((column) => column.role === 'input') }
        const found = await countNow(tables, { ...watchedIn(counted, ofInputs), signal })
        const prediction = baseline.columns.find((column) => column.role === 'prediction')
        if (prediction && isOfCells(version.signature)) found.push(await predictionsOf(version, prediction, folder, context))
        return found
      },
    }
  }

  async function predictionsOf(
    version: ModelVersion,
    baseline: Baseline['columns'][number],
    folder: string,
    context: JobContext,
  ): Promise<NowColumn> {
    const isPython = version.manifest.kind === 'python'
    const place = await files.makeFolder(context.folder, 'package')
    await registry.layPackage(version.id, place, { sandboxOnly: isPython })
    const { signature } = version
    const model = isPython
      ? await needs.inference.loadPython({ folder: place, signature, engine: version.manifest.engine })
      : await needs.inference.load({
          file: files.resolvePath(place, 'model.onnx'),
          ...shapeOf(signature),
          trust: version.manifest.trust,
        })
    const encoder = await needs.inference.openEncoder({
      folder: place,
      signature: lenient(signature),
      trust: version.manifest.trust,
      served: isPython ? 'python' : 'onnx',
    })
    try {
      return await predictTable(tables, { signature, model, encoder, baseline, folder, signal: context.signal })
    } finally {
      await encoder.close?.()
      await model.close()
    }
  }

  async function publish(tx: Db, context: JobContext<RunSpec>, report: DriftReport): Promise<Record<string, unknown>> {
    const at = Date.parse(report.at)
    const { monitor_id } = await monitoringTables(tx)
      .insertInto('monitor_reports')
      .values({ id: report.id, monitor_id: report.monitor, at, state: report.state, report: JSON.stringify(report) })
      .returning('monitor_id')
      .executeTakeFirstOrThrow()
    await monitoringTables(tx)
      .updateTable('monitors')
      .set({ last_report_id: report.id, last_state: report.state })
      .where('id', '=', monitor_id)
      .execute()
    const monitor = await monitorById(tx, monitor_id)
    const alert = monitor ? await raiseAlert(tx, monitor, report) : null
    return { report: report.id, state: report.state, alert, monitor: context.spec.monitorId }
  }

  return {
    kind: 'monitor.run',
    run,
    publish,
    async ended({ spec, projectId, state }) {
      if (state !== 'succeeded') return
      const alert = await monitoringTables(metadata.db)
        .selectFrom('alerts')
        .select('id')
        .where('monitor_id', '=', spec.monitorId)
        .where('state', '=', 'open')
        .executeTakeFirst()
      if (alert) events.emit('alert.raised', { alertId: alert.id, projectId, monitorId: spec.monitorId })
      await deliverWebhooks(needs)
    },
  }
}

const watchedIn = ({ rows, source, folders }: Counted, baseline: Baseline) => ({
  baseline: baseline.columns,
  rows,
  source,
  folders,
})

function reportOf(
  monitor: NamedMonitorRow,
  version: ModelVersion,
  { baseline, now, columns, seconds }: { baseline: Baseline; now: Now; columns: Drift[] | null; seconds: number },
): DriftReport {
  if (baseline.columns.length === 0) {
    throw preconditionFailed(`${version.modelName}:${version.number} has no inputs to watch.`, { version: version.id })
  }
  const at = Date.now()
  const states = (columns ?? []).map((column) => column.state)
  const state = !columns ? 'too_few_rows' : states.includes('alert') ? 'alert' : states.includes('warning') ? 'warning' : 'quiet'
  return {
    id: newId('rep', at),
    monitor: monitor.id,
    endpoint: monitor.endpoint_id,
    version: version.id,
    at: toIso(at),
    source: now.source,
    baselineRows: baseline.rows,
    rows: now.rows,
    state,
    columns: columns ?? [],
    sentence: columns
      ? reportSentence(columns, now.rows, now.source)
      : `There ${now.rows === 1 ? 'is only 1 row' : `are only ${now.rows} rows`} of ${now.source}; ${monitor.minimum_rows} are needed to say anything.`,
    seconds,
  }
}

const minute = (ms: number): string => `${toIso(ms).slice(0, 16).replace('T', ' ')} UTC`
