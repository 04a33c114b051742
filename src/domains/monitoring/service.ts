import type * as z from 'zod'
import { invalidInput, notFound } from '../../kernel/errors.ts'
import type { Events } from '../../kernel/events.ts'
import { type Page, type PageQuery, toPage } from '../../kernel/paging.ts'
import type { Principal } from '../../kernel/principal.ts'
import type { Mail } from '../../ports/mail/mail.ts'
import type { Metadata } from '../../ports/metadata/metadata.ts'
import type { Outbound } from '../../ports/outbound/outbound.ts'
import { isWebhookSecret, newWebhookSecret } from '../../ports/outbound/webhook-signature.ts'
import type { Secrets } from '../../ports/secrets/secrets.ts'
import { type Access, nameTakenIsConflict } from '../auth/access.ts'
import { audit } from '../auth/audit.ts'
import type { Binned } from '../auth/bin.ts'
import type { Search } from '../auth/search.ts'
import type { SettingsService } from '../auth/settings.ts'
import type { DatasetsService } from '../datasets/service.ts'
import type { EndpointsService } from '../endpoints/service.ts'
import type { JobQueue } from '../jobs/handler.ts'
import { usualChecks } from './checks/all-checks.ts'
import { type Watched, whyMisnamed, whyUnfit } from './checks/fits.ts'
import type { CheckInput } from './checks/settings.ts'
import { deliverAlerts } from './deliveries.ts'
import type { RunSpec } from './run-job.ts'
import { nextRunAfter, refuseBadSchedule } from './schedule.ts'
import { monitorScheduler } from './scheduler.ts'
import type {
  Alert,
  AlertDetails,
  AlertPatch,
  BaselineInput,
  DriftReport,
  Monitor,
  MonitorInput,
  MonitorPatch,
  MonitorRunInput,
} from './schema.ts'
import {
  type AlertRow,
  alertById,
  deliveriesOf,
  listAlerts,
  listMonitors,
  listReports,
  type MonitorRow,
  monitorById,
  monitoringTables,
  toAlert,
  toMonitor,
} from './store.ts'

export interface MonitoringNeeds {
  metadata: Metadata
  events: Events
  access: Access
  search: Search
  jobs: JobQueue
  outbound: Pick<Outbound, 'fetchOut'>
  mail: Mail
  settings: Pick<SettingsService, 'mailServerFor'>
  secrets: Secrets
  /** The principal of a person, for what runs on a schedule in their name. */
  principalOf(userId: string): Promise<Principal>
  datasets: Pick<DatasetsService, 'pin'>
  endpoints: Pick<EndpointsService, 'get'>
  onError(error: unknown, doing: string): void
}

export type MonitoringService = ReturnType<typeof monitoringService>
type AlertOut = z.infer<typeof Alert>

/** Monitors: is what an endpoint sees still what its model learnt from? */
export function monitoringService({
  metadata,
  access,
  search,
  jobs,
  outbound,
  mail,
  settings,
  secrets,
  principalOf,
  datasets,
  endpoints,
  onError,
}: MonitoringNeeds) {
  const { db } = metadata
  search.registerTable('monitors', { noun: 'monitor', permission: 'monitors:read' })
  const find = (by: Principal, ref: string, project?: string) => access.resolve<MonitorRow>('monitors', by, ref, project)

  const delivery = { metadata, outbound, mail, settings, secrets }
  const scheduler = monitorScheduler({
    metadata,
    delivery,
    onError,
    start: async (monitor) => enqueue(await principalOf(monitor.owner_id), monitor, { dataset: null, fromMs: null, toMs: null }),
  })

  async function wire(id: string): Promise<Monitor> {
    const row = await monitorById(db, id)
    if (!row) throw notFound('monitor', id)
    return toMonitor(row)
  }

  async function create(by: Principal, input: z.output<typeof MonitorInput>): Promise<Monitor> {
    const endpoint = await endpoints.get(by, input.endpoint, input.project)
    const project = await access.projectFor(by, endpoint.project, 'monitors:write')
    if (input.schedule) refuseBadSchedule(input.schedule)
    const name = input.name ?? `${endpoint.name} drift`
    if (input.checks) refuseBadChecks(input.checks, endpoint)
    const baseline = await pinned(by, input.baseline, input.project)
    const row: MonitorRow = {
      ...(await access.newResource('mon', by, project, { ...input, name })),
      endpoint_id: endpoint.id,
      checks: JSON.stringify(input.checks ?? usualChecks(endpoint)),
      baseline: JSON.stringify(baseline),
      emails: JSON.stringify(input.emails),
      webhook_secret: null,
      schedule: input.schedule,
      window_hours: input.windowHours,
      minimum_rows: input.minimumRows,
      psi_warning: input.psiWarning,
      psi_alert: input.psiAlert,
      false_alarm_rate: input.falseAlarmRate,
      repeated_runs: input.repeatedRuns,
      runs_since_alarm: 0,
      runs_version: null,
      webhook_url: input.webhookUrl,
      last_report_id: null,
      last_state: null,
      next_run_at: input.schedule ? nextRunAfter(input.schedule, Date.now()) : null,
    }
    const insert = metadata.transaction(async (tx) => {
      await monitoringTables(tx).insertInto('monitors').values(row).execute()
      await audit(tx, by, 'monitors.create', { target: row.id, project: row.project_id, facts: { name, endpoint: endpoint.id } })
    })
    await nameTakenIsConflict('monitor', name, insert)
    return wire(row.id)
  }

  async function list(by: Principal, query: PageQuery & { project?: string; endpoint?: string }): Promise<Page<Monitor>> {
    const project = query.project === undefined ? undefined : (await access.projectFor(by, query.project)).id
    const endpoint = query.endpoint === undefined ? undefined : (await endpoints.get(by, query.endpoint, query.project)).id
    const rows = await listMonitors(db, access.visibleTo(by, 'monitors'), { ...query, project, endpoint })
    const page = toPage(rows, query.limit, (row) => [row.created_at, row.id])
    return { ...page, items: page.items.map(toMonitor) }
  }

  async function patch(by: Principal, ref: string, changes: z.output<typeof MonitorPatch>, project?: string): Promise<Monitor> {
    const row = await find(by, ref, project)
    await access.authorize(by, 'monitors:write', row)
    if (changes.schedule) refuseBadSchedule(changes.schedule)
    if (changes.checks) refuseBadChecks(changes.checks, await endpoints.get(by, row.endpoint_id))
    const next = {
      ...(await access.patchResource(changes)),
      ...(changes.checks !== undefined && { checks: JSON.stringify(changes.checks) }),
      ...(changes.baseline !== undefined && { baseline: JSON.stringify(await pinned(by, changes.baseline, project)) }),
      ...(changes.schedule !== undefined && {
        schedule: changes.schedule,
        next_run_at: changes.schedule ? nextRunAfter(changes.schedule, Date.now()) : null,
      }),
      ...(changes.windowHours !== undefined && { window_hours: changes.windowHours }),
      ...(changes.minimumRows !== undefined && { minimum_rows: changes.minimumRows }),
      ...(changes.psiWarning !== undefined && { psi_warning: changes.psiWarning }),
      ...(changes.psiAlert !== undefined && { psi_alert: changes.psiAlert }),
      ...(changes.falseAlarmRate !== undefined && { false_alarm_rate: changes.falseAlarmRate }),
      ...(changes.repeatedRuns !== undefined && { repeated_runs: changes.repeatedRuns }),
      ...(changes.webhookUrl !== undefined && { webhook_url: changes.webhookUrl }),
      ...(changes.emails !== undefined && { emails: JSON.stringify(changes.emails) }),
    }
    const update = metadata.transaction(async (tx) => {
      await monitoringTables(tx).updateTable('monitors').set(next).where('id', '=', row.id).execute()
      await audit(tx, by, 'monitors.change', { target: row.id, project: row.project_id, facts: { ...changes } })
    })
    await nameTakenIsConflict('monitor', changes.name ?? row.name, update)
    return wire(row.id)
  }

  async function remove(by: Principal, ref: string, project?: string): Promise<void> {
    const row = await find(by, ref, project)
    await access.authorize(by, 'monitors:write', row)
    await metadata.transaction(async (tx) => {
      await monitoringTables(tx)
        .updateTable('monitors')
        .set({ deleted_at: Date.now(), next_run_at: null })
        .where('id', '=', row.id)
        .execute()
      await audit(tx, by, 'monitors.delete', { target: row.id, project: row.project_id, facts: { name: row.name } })
    })
  }

  async function run(
    by: Principal,
    ref: string,
    input: z.output<typeof MonitorRunInput>,
    project?: string,
  ): Promise<{ job: string }> {
    const row = await find(by, ref, project)
    await access.authorize(by, 'monitors:write', row)
    // Asked here, so that a wrong name is an answer and not a failed job.
    const table = input.dataset === null ? null : await datasets.pin(by, input.dataset, input.version ?? undefined, project)
    const spec = {
      dataset: table && { ref: table.dataset.id, version: table.version.id },
      fromMs: input.from === null ? null : Date.parse(input.from),
      toMs: input.to === null ? null : Date.parse(input.to),
    }
    return { job: await enqueue(by, row, spec) }
  }

  async function enqueue(by: Principal, monitor: MonitorRow, spec: Omit<RunSpec, 'monitorId'>): Promise<string> {
    const job = await metadata.transaction((tx) =>
      jobs.enqueue(tx, by, {
        kind: 'monitor.run',
        name: `Drift of ${monitor.name}`,
        projectId: monitor.project_id,
        visibility: monitor.visibility,
        spec: { monitorId: monitor.id, ...spec },
      }),
    )
    jobs.wake()
    return job
  }

  async function reports(by: Principal, ref: string, query: PageQuery, project?: string): Promise<Page<DriftReport>> {
    const row = await find(by, ref, project)
    return toPage(await listReports(db, row.id, query), query.limit, (report) => [Date.parse(report.at), report.id])
  }

  async function report(by: Principal, id: string): Promise<DriftReport> {
    const row = await monitoringTables(db)
      .selectFrom('monitor_reports')
      .select(['monitor_id', 'report'])
      .where('id', '=', id)
      .executeTakeFirst()
    if (!row) throw notFound('report', id)
    await find(by, row.monitor_id).catch(() => Promise.reject(notFound('report', id)))
    return JSON.parse(row.report) as DriftReport
  }

  async function alerts(
    by: Principal,
    query: PageQuery & { project?: string; state?: AlertRow['state']; monitor?: string },
  ): Promise<Page<AlertOut>> {
    const project = query.project === undefined ? undefined : (await access.projectFor(by, query.project)).id
    const monitor = query.monitor === undefined ? undefined : (await find(by, query.monitor, query.project)).id
    const rows = await listAlerts(db, access.visibleTo(by, 'monitors'), { ...query, project, monitor })
    const page = toPage(rows, query.limit, (row) => [row.at, row.id])
    return { ...page, items: page.items.map(toAlert) }
  }

  /** An alert of a monitor that one sees, and the monitor. */
  async function visibleAlert(by: Principal, id: string) {
    const row = await alertById(db, id)
    if (!row) throw notFound('alert', id)
    const monitor = await find(by, row.monitor_id).catch(() => Promise.reject(notFound('alert', id)))
    return { row, monitor }
  }

  async function alert(by: Principal, id: string): Promise<AlertDetails> {
    const { row } = await visibleAlert(by, id)
    return { ...toAlert(row), deliveries: await deliveriesOf(db, id) }
  }

  async function setAlert(by: Principal, id: string, { state, until }: z.output<typeof AlertPatch>): Promise<AlertOut> {
    const { row, monitor } = await visibleAlert(by, id)
    await access.authorize(by, 'monitors:write', monitor)
    const now = Date.now()
    const untilMs = until === undefined ? null : Date.parse(until)
    if (state === 'snoozed' && (untilMs === null || untilMs <= now))
      throw invalidInput('Say until when the alert is to be silent: a time that is still to come.', { field: 'until' })
    const changes = { state, snoozed_until: state === 'snoozed' ? untilMs : null, handled_by: by.name, handled_at: now }
    await metadata.transaction(async (tx) => {
      await monitoringTables(tx).updateTable('alerts').set(changes).where('id', '=', id).execute()
      const facts = { from: row.state, to: state, ...(until && { until }) }
      await audit(tx, by, 'alerts.change', { target: id, project: row.project_id, facts })
    })
    return toAlert((await alertById(db, id))!)
  }

  /** Encrypts signing secrets that were kept as they are before; answers how many. */
  const sealPlain = (): Promise<number> =>
    metadata.transaction(async (tx) => {
      const rows = await monitoringTables(tx).selectFrom('monitors').select(['id', 'webhook_secret as plain']).execute()
      const plain = rows.filter(({ plain }) => isWebhookSecret(plain))
      for (const { id, plain: secret } of plain)
        await monitoringTables(tx)
          .updateTable('monitors')
          .set({ webhook_secret: await secrets.put(tx, secret!) })
          .where('id', '=', id)
          .execute()
      return plain.length
    })

  /** A new secret that the webhook of a monitor is signed with from now on; told this once. */
  async function newSecret(by: Principal, ref: string, project?: string): Promise<{ secret: string }> {
    const row = await find(by, ref, project)
    await access.authorize(by, 'monitors:write', row)
    const secret = newWebhookSecret()
    await metadata.transaction(async (tx) => {
      if (row.webhook_secret) await secrets.drop(tx, row.webhook_secret)
      const kept = await secrets.put(tx, secret)
      await monitoringTables(tx).updateTable('monitors').set({ webhook_secret: kept }).where('id', '=', row.id).execute()
      await audit(tx, by, 'monitors.webhook-secret', { target: row.id, project: row.project_id, facts: { name: row.name } })
    })
    return { secret }
  }

  /** A data set as baseline is the version that it is now: a baseline that changes by itself would hide what changed. */
  async function pinned(by: Principal, baseline: BaselineInput, project?: string): Promise<BaselineInput> {
    if (baseline.kind === 'window' && Date.parse(baseline.from) >= Date.parse(baseline.to))
      throw invalidInput('The past time of the baseline ends before it begins.', { field: 'baseline' })
    if (baseline.kind !== 'dataset') return baseline
    const { dataset, version } = await datasets.pin(by, baseline.dataset, baseline.version ?? undefined, project)
    return { kind: 'dataset', dataset: dataset.id, version: version.id }
  }

  /** The baselines, which are kept for the next run. */
  async function* blobsInUse(): AsyncGenerator<string> {
    for (const { sha256 } of await monitoringTables(db).selectFrom('monitor_baselines').select('sha256').execute()) yield sha256
  }

  const binned: Binned = {
    noun: 'monitor',
    permission: 'monitors:write',
    restored: async (tx, row) => {
      const { schedule } = row as unknown as MonitorRow
      if (schedule)
        await monitoringTables(tx)
          .updateTable('monitors')
          .set({ next_run_at: nextRunAfter(schedule, Date.now()) })
          .where('id', '=', row.id)
          .execute()
    },
  }

  return {
    binned,
    blobsInUse,
    create,
    get: async (by: Principal, ref: string, project?: string) => wire((await find(by, ref, project)).id),
    list,
    patch,
    remove,
    run,
    reports,
    report,
    alerts,
    alert,
    setAlert,
    newSecret,
    sealPlain,
    deliver: (now?: number) => deliverAlerts(delivery, now),
    scheduler,
  }
}

function refuseBadChecks(checks: readonly CheckInput[], endpoint: Watched & { name: string }): void {
  for (const [i, check] of checks.entries()) {
    const { kind } = check
    const unfit = whyUnfit(kind, endpoint)
    if (unfit) throw invalidInput(`The check ${kind} makes no sense for ${endpoint.name}. ${unfit}`, { field: 'checks', kind })
    const misnamed = whyMisnamed(check, endpoint.signature)
    if (misnamed) throw invalidInput(`The check ${kind} of ${endpoint.name}: ${misnamed}`, { field: 'checks', kind })
    if (checks.findIndex((other) => other.kind === kind) !== i)
      throw invalidInput(`The check ${kind} is named twice.`, { field: 'checks', kind })
  }
}
