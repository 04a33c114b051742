import { type Kysely, type RawBuilder, type SqlBool, sql } from 'kysely'
import type * as z from 'zod'
import { decodeCursor, type PageQuery } from '../../kernel/paging.ts'
import { toIso, toIsoOrNull } from '../../kernel/time.ts'
import type { Db } from '../../ports/metadata/metadata.ts'
import { ownerName, type ResourceRow, toResource } from '../auth/access.ts'
import { CheckInput } from './checks/settings.ts'
import { type Alert, type AlertDetails, BaselineInput, type DriftReport, type Monitor, type RepeatedRuns } from './schema.ts'

export interface MonitorColumns {
  endpoint_id: string
  /** JSON, as are baseline and emails. */
  checks: string
  baseline: string
  emails: string
  schedule: string | null
  window_hours: number
  minimum_rows: number
  psi_warning: number
  psi_alert: number
  false_alarm_rate: number
  repeated_runs: RepeatedRuns
  /** Runs that asked something since the last alarm, of the version. */
  runs_since_alarm: number
  runs_version: string | null
  webhook_url: string | null
  /** The id of the secret. */
  webhook_secret: string | null
  last_report_id: string | null
  last_state: DriftReport['state'] | null
  next_run_at: number | null
}
export type MonitorRow = ResourceRow & MonitorColumns
export type NamedMonitorRow = MonitorRow & { owner_name: string; endpoint_name: string | null }

export interface AlertRow {
  id: string
  monitor_id: string
  project_id: string
  report_id: string
  severity: 'warning' | 'alert'
  message: string
  recommendation: string
  /** JSON, as is evidence. */
  kinds: string
  evidence: string
  state: Alert['state']
  handled_by: string | null
  handled_at: number | null
  snoozed_until: number | null
  count: number
  at: number
  webhook: string | null
  /** Of servers from before deliveries had a table. */
  webhook_due: number
}
export interface DeliveryRow {
  id: string
  alert_id: string
  channel: 'webhook' | 'email'
  target: string
  state: 'owed' | 'delivered' | 'failed'
  attempts: number
  due_at: number | null
  said: string | null
  at: number
}
type NamedAlertRow = AlertRow & { monitor_name: string }

interface MonitoringTables {
  monitors: MonitorRow
  monitor_reports: { id: string; monitor_id: string; at: number; state: string; report: string }
  monitor_baselines: { version_id: string; sha256: string; at: number }
  alerts: AlertRow
  alert_deliveries: DeliveryRow
}

export const monitoringTables = (db: Db): Kysely<MonitoringTables> => db

const endpointName = sql<string | null>`(select name from endpoints where endpoints.id = monitors.endpoint_id)`.as(
  'endpoint_name',
)

export const monitorById = (db: Db, id: string): Promise<NamedMonitorRow | undefined> =>
  monitoringTables(db)
    .selectFrom('monitors')
    .selectAll('monitors')
    .select([ownerName('monitors'), endpointName])
    .where('id', '=', id)
    .executeTakeFirst()

/** Newest first, one more than the limit. */
export function listMonitors(
  db: Db,
  visible: RawBuilder<SqlBool>,
  query: PageQuery & { project?: string; endpoint?: string },
): Promise<NamedMonitorRow[]> {
  const after = query.cursor ? decodeCursor(query.cursor) : null
  return monitoringTables(db)
    .selectFrom('monitors')
    .selectAll('monitors')
    .select([ownerName('monitors'), endpointName])
    .where(visible)
    .$if(query.project !== undefined, (q) => q.where('project_id', '=', query.project!))
    .$if(query.endpoint !== undefined, (q) => q.where('endpoint_id', '=', query.endpoint!))
    .$if(after !== null, (q) => q.where(sql<boolean>`(created_at, id) < (${after![0]}, ${after![1]})`))
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(query.limit + 1)
    .execute()
}

/** Newest first, one more than the limit. */
export async function listReports(db: Db, monitorId: string, query: PageQuery): Promise<DriftReport[]> {
  const after = query.cursor ? decodeCursor(query.cursor) : null
  const rows = await monitoringTables(db)
    .selectFrom('monitor_reports')
    .select('report')
    .where('monitor_id', '=', monitorId)
    .$if(after !== null, (q) => q.where(sql<boolean>`(at, id) < (${after![0]}, ${after![1]})`))
    .orderBy('at', 'desc')
    .orderBy('id', 'desc')
    .limit(query.limit + 1)
    .execute()
  return rows.map((row) => JSON.parse(row.report) as DriftReport)
}

const ofAlerts = (db: Db) =>
  monitoringTables(db)
    .selectFrom('alerts')
    .innerJoin('monitors', 'monitors.id', 'alerts.monitor_id')
    .selectAll('alerts')
    .select('monitors.name as monitor_name')

export const alertById = (db: Db, id: string): Promise<NamedAlertRow | undefined> =>
  ofAlerts(db).where('alerts.id', '=', id).executeTakeFirst()

/** Alerts of monitors that are visible, newest first, one more than the limit. */
export function listAlerts(
  db: Db,
  visible: RawBuilder<SqlBool>,
  query: PageQuery & { project?: string; state?: AlertRow['state']; monitor?: string },
): Promise<NamedAlertRow[]> {
  const after = query.cursor ? decodeCursor(query.cursor) : null
  return ofAlerts(db)
    .where(visible)
    .$if(query.project !== undefined, (q) => q.where('alerts.project_id', '=', query.project!))
    .$if(query.state !== undefined, (q) => q.where('alerts.state', '=', query.state!))
    .$if(query.monitor !== undefined, (q) => q.where('alerts.monitor_id', '=', query.monitor!))
    .$if(after !== null, (q) => q.where(sql<boolean>`(alerts.at, alerts.id) < (${after![0]}, ${after![1]})`))
    .orderBy('alerts.at', 'desc')
    .orderBy('alerts.id', 'desc')
    .limit(query.limit + 1)
    .execute()
}

export const toMonitor = (row: NamedMonitorRow): Monitor => ({
  ...toResource(row),
  endpoint: row.endpoint_id,
  endpointName: row.endpoint_name ?? row.endpoint_id,
  checks: checksOf(row),
  baseline: baselineOf(row),
  schedule: row.schedule,
  windowHours: row.window_hours,
  minimumRows: row.minimum_rows,
  psiWarning: row.psi_warning,
  psiAlert: row.psi_alert,
  falseAlarmRate: row.false_alarm_rate,
  repeatedRuns: row.repeated_runs,
  webhookUrl: row.webhook_url,
  webhookSigned: row.webhook_secret !== null,
  emails: JSON.parse(row.emails),
  lastReport: row.last_report_id,
  lastState: row.last_state,
  nextRunAt: toIsoOrNull(row.next_run_at),
})

export const toAlert = (row: NamedAlertRow): z.infer<typeof Alert> => ({
  id: row.id,
  monitor: row.monitor_id,
  monitorName: row.monitor_name,
  report: row.report_id,
  project: row.project_id,
  severity: row.severity,
  kinds: JSON.parse(row.kinds),
  evidence: JSON.parse(row.evidence),
  snoozedUntil: toIsoOrNull(row.snoozed_until),
  handledBy: row.handled_by,
  handledAt: toIsoOrNull(row.handled_at),
  message: row.message,
  recommendation: row.recommendation,
  state: row.state,
  count: row.count,
  at: toIso(row.at),
  webhook: row.webhook,
})

export async function deliveriesOf(db: Db, alertId: string): Promise<AlertDetails['deliveries']> {
  const rows = await monitoringTables(db)
    .selectFrom('alert_deliveries')
    .selectAll()
    .where('alert_id', '=', alertId)
    .orderBy('at', 'desc')
    .limit(100)
    .execute()
  return rows.map(({ id, channel, target, state, attempts, said, at, due_at }) => ({
    id,
    channel,
    target,
    state,
    attempts,
    said,
    at: toIso(at),
    nextAt: toIsoOrNull(due_at),
  }))
}

/** What a monitor asks, with every setting filled in. */
export const checksOf = (row: Pick<MonitorRow, 'checks'>): CheckInput[] => CheckInput.array().parse(JSON.parse(row.checks))
export const baselineOf = (row: Pick<MonitorRow, 'baseline'>): BaselineInput => BaselineInput.parse(JSON.parse(row.baseline))
