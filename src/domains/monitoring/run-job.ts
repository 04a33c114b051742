import { isPlatformError, notFound, preconditionFailed } from '../../kernel/errors.ts'
import type { Events } from '../../kernel/events.ts'
import type { Files } from '../../ports/files/files.ts'
import type { Db, Metadata } from '../../ports/metadata/metadata.ts'
import type { EndpointsService } from '../endpoints/service.ts'
import type { ExplanationsService } from '../explanations/service.ts'
import type { PoliciesService } from '../fairness/policies.ts'
import type { JobContext, JobHandler } from '../jobs/handler.ts'
import type { ModelVersion } from '../registry/schema.ts'
import type { RegistryService } from '../registry/service.ts'
import { raiseAlert } from './alerts.ts'
import { type Baseline, baselineFormat } from './baseline.ts'
import { type BaselinesNeeds, baselines, withheldOf } from './baselines.ts'
import type { Looked } from './checks/check.ts'
import type { CheckKind } from './checks/settings.ts'
import { contributionsOf, vectorsOf } from './contributions.ts'
import { type DeliveryNeeds, deliverAlerts } from './deliveries.ts'
import { type NowNeeds, nowReader } from './now.ts'
import { once } from './once.ts'
import { nextLevel } from './repeated-runs.ts'
import { reportOf } from './report.ts'
import { runChecks } from './run-checks.ts'
import { besideEachOther, mostJointRows } from './sampled-rows.ts'
import type { DriftReport } from './schema.ts'
import { readSealed } from './sealed-answers.ts'
import { baselineOf, checksOf, monitorById, monitoringTables } from './store.ts'
import { isOfCells } from './table-rows.ts'

export interface RunNeeds extends Omit<BaselinesNeeds & NowNeeds, 'registry' | 'endpoints'>, DeliveryNeeds {
  metadata: Metadata
  events: Events
  files: Files
  registry: Pick<RegistryService, 'resolveVersion' | 'baseline' | 'layPackage'>
  explanations: Pick<ExplanationsService, 'explainVersion'>
  policies: Pick<PoliciesService, 'binding'>
  endpoints: Pick<EndpointsService, 'get' | 'captureFiles' | 'labelledRows' | 'metrics'>
}

/** What a run is asked: captured traffic of a window, or a data set version as "now". */
export type RunSpec = {
  monitorId: string
  dataset: { ref: string; version: string | null } | null
  fromMs: number | null
  toMs: number | null
}

interface Outcome {
  report: DriftReport
  recommendations: string[]
  isDiscovery: boolean
}

/** The job `monitor.run`: reads what is now, asks every check of the monitor, reports, and raises an alert where it must. */
export function monitorJob(needs: RunNeeds): JobHandler<RunSpec, Outcome> {
  const { metadata, events, files, registry, endpoints } = needs
  const { baselineFor, answersThen, inputsThen } = baselines(needs)
  const { ofTraffic, ofTable } = nowReader(needs)

  async function run(context: JobContext<RunSpec>): Promise<Outcome> {
    const started = performance.now()
    const { spec, principal, signal } = context
    const monitor = await monitorById(metadata.db, spec.monitorId)
    if (!monitor || monitor.deleted_at !== null) throw notFound('monitor', spec.monitorId)
    const endpoint = await endpoints.get(principal, monitor.endpoint_id)
    const version = await registry.resolveVersion(principal, endpoint.version)
    const checks = checksOf(monitor)
    const steps = checks.length + 2
    context.progress('baseline', 0, steps, 'What it is compared with')
    const toMs = spec.toMs ?? Date.now() + 1
    const period = spec.dataset ? null : { fromMs: spec.fromMs ?? toMs - monitor.window_hours * 3_600_000, toMs }
    const compared = { wanted: baselineOf(monitor), endpoint, version, period }
    const baseline = await baselineFor(compared, context).catch((error) => {
      // What looks at no column has its say where there is nothing to compare columns with: of a model that was brought, say.
      if (!isPlatformError(error) || error.code === 'internal' || checks.every(({ kind }) => ofBaseline.has(kind))) throw error
      return { ...noBaseline(version.id), missing: error.message }
    })
    const asked =
      <T>(work: () => Promise<T>) =>
      async () => {
        if ('missing' in baseline) throw preconditionFailed(baseline.missing, { version: version.id })
        return work()
      }
    if (baseline.columns.length === 0 && checks.every(({ kind }) => kind === 'data_drift' || kind === 'prediction_drift'))
      throw preconditionFailed(`${version.modelName}:${version.number} has no inputs to watch.`, { version: version.id })
    context.progress('read', 1, steps, 'What there is now')
    const now = spec.dataset
      ? await ofTable(spec.dataset, version, context)
      : await ofTraffic({ endpoint, version, period: period! }, context)
    const drawn = once(() => now.draw(mostJointRows(baseline.joint.columns.length)))
    const sealed = once(async () =>
      readSealed(needs, {
        version,
        sha256: (await registry.baseline(version.id)).predictionsSha256,
        folder: await files.makeFolder(context.folder, 'sealed'),
        signal,
      }),
    )
    const looked: Looked = {
      monitor,
      version,
      baseline,
      source: now.source,
      rows: now.rows,
      period: now.period,
      counted: once(asked(() => now.count(baseline))),
      sampled: (most = Number.POSITIVE_INFINITY) => asked(async () => besideEachOther(baseline.joint, await drawn(), most))(),
      quality: once(() => now.quality()),
      answers: once(() => now.answers()),
      labelled: once(() => now.labelled()),
      sealed,
      vectors: async () => vectorsOf(version, await now.answers(), (await answersThen(compared, context)) ?? (await sealed())),
      async contributions(rows) {
        refuseUnexplainable(version, withheldOf(endpoint))
        const before = await inputsThen(compared, rows, context)
        return contributionsOf(needs.explanations, version, { before, now: await now.inputs(rows) })
      },
      grouped: (columns) => now.grouped(columns, leastTruths),
      policies: () => needs.policies.binding(version),
      tables: needs.tables,
      operations: async (minutes) => ({ ...(await endpoints.metrics(principal, monitor.endpoint_id, minutes * 60)), minutes }),
      signal,
    }
    const checked = await runChecks(looked, checks, {
      levelOfRun: () => nextLevel(metadata, monitor, version.id),
      progress: (done, what) => context.progress('compare', 2 + done, steps, what),
    })
    const seconds = (performance.now() - started) / 1000
    const { recommendations, isDiscovery } = checked
    return { report: reportOf(monitor, version, { looked, checked, seconds }), recommendations, isDiscovery }
  }

  async function publish(
    tx: Db,
    context: JobContext<RunSpec>,
    { report, recommendations, isDiscovery }: Outcome,
  ): Promise<Record<string, unknown>> {
    const at = Date.parse(report.at)
    const { monitor_id } = await monitoringTables(tx)
      .insertInto('monitor_reports')
      .values({ id: report.id, monitor_id: report.monitor, at, state: report.state, report: JSON.stringify(report) })
      .returning('monitor_id')
      .executeTakeFirstOrThrow()
    await monitoringTables(tx)
      .updateTable('monitors')
      .set({ last_report_id: report.id, last_state: report.state, ...(isDiscovery && { runs_since_alarm: 0 }) })
      .where('id', '=', monitor_id)
      .execute()
    const monitor = await monitorById(tx, monitor_id)
    const alert = monitor ? await raiseAlert(tx, monitor, report, recommendations) : null
    return { report: report.id, state: report.state, alert, monitor: context.spec.monitorId }
  }

  return {
    kind: 'monitor.run',
    run,
    publish,
    async ended({ spec, projectId, state }) {
      if (state !== 'succeeded') return
      await announce(spec.monitorId, projectId)
      await deliverAlerts(needs)
    },
  }

  async function announce(monitorId: string, projectId: string): Promise<void> {
    const monitor = await monitorById(metadata.db, monitorId)
    const row = monitor?.last_report_id
      ? await monitoringTables(metadata.db)
          .selectFrom('monitor_reports')
          .select('report')
          .where('id', '=', monitor.last_report_id)
          .executeTakeFirst()
      : undefined
    if (!monitor || !row) return
    const report = JSON.parse(row.report) as DriftReport
    events.emit('monitor.reported', {
      monitorId,
      endpointId: monitor.endpoint_id,
      projectId,
      reportId: report.id,
      state: report.state,
      kinds: report.checks.filter((check) => check.state === 'warning' || check.state === 'alert').map(({ kind }) => kind),
    })
    const alert = await monitoringTables(metadata.db)
      .selectFrom('alerts')
      .select('id')
      .where('monitor_id', '=', monitorId)
      .where('state', '=', 'open')
      .executeTakeFirst()
    if (alert) events.emit('alert.raised', { alertId: alert.id, projectId, monitorId })
  }
}

/** Checks that compare columns with the baseline. */
const ofBaseline: ReadonlySet<CheckKind> = new Set(['data_quality', 'data_drift', 'multivariate_drift', 'prediction_drift'])

const noBaseline = (version: string): Baseline => ({
  format: baselineFormat,
  version,
  rows: 0,
  columns: [],
  joint: { rows: 0, columns: [] },
})

/** With fewer known truths how groups fare is told of all answers, by what was predicted alone. */
const leastTruths = 500

function refuseUnexplainable({ signature }: ModelVersion, withheld: ReadonlySet<string>): void {
  if (!isOfCells(signature))
    throw preconditionFailed('Answers about images and sounds are explained one by one, not compared by columns.', {})
  const hidden = signature.inputs.find(({ name }) => withheld.has(name))
  if (hidden)
    throw preconditionFailed(`The values of "${hidden.name}" are not kept, so answers cannot be explained afterwards.`, {})
}
