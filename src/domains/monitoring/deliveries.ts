import { sql } from 'kysely'
import { isPlatformError, preconditionFailed } from '../../kernel/errors.ts'
import { newId } from '../../kernel/ids.ts'
import { minutes, toIso } from '../../kernel/time.ts'
import type { Mail } from '../../ports/mail/mail.ts'
import type { Db, Metadata } from '../../ports/metadata/metadata.ts'
import type { Outbound } from '../../ports/outbound/outbound.ts'
import { signedHeaders } from '../../ports/outbound/webhook-signature.ts'
import type { Secrets } from '../../ports/secrets/secrets.ts'
import type { SettingsService } from '../auth/settings.ts'
import type { AlertEvidence } from './schema.ts'
import { type DeliveryRow, type MonitorRow, monitoringTables } from './store.ts'

export interface DeliveryNeeds {
  metadata: Metadata
  outbound: Pick<Outbound, 'fetchOut'>
  mail: Mail
  settings: Pick<SettingsService, 'mailServerFor'>
  secrets: Pick<Secrets, 'get'>
}

/** Waits before each further try: after the last a delivery is given up. */
export const backOffMs: readonly number[] = [minutes(1), minutes(5), minutes(30), minutes(120), minutes(720)]

/** While a delivery is under way nobody else takes it up. */
const leaseMs = minutes(2)

/** Notes, in the transaction of the alert, whom it is to be told. */
export async function oweDeliveries(tx: Db, monitor: MonitorRow, alertId: string): Promise<void> {
  const now = Date.now()
  const targets: Pick<DeliveryRow, 'channel' | 'target'>[] = [
    ...(monitor.webhook_url ? [{ channel: 'webhook' as const, target: monitor.webhook_url }] : []),
    ...(JSON.parse(monitor.emails) as string[]).map((target) => ({ channel: 'email' as const, target })),
  ]
  for (const { channel, target } of targets)
    await monitoringTables(tx)
      .insertInto('alert_deliveries')
      .values({
        id: newId('dlv', now),
        alert_id: alertId,
        channel,
        target,
        state: 'owed',
        attempts: 0,
        due_at: now,
        said: null,
        at: now,
      })
      .execute()
}

/** Tells of alerts what is owed, and what failed before and is due again. */
export async function deliverAlerts(needs: DeliveryNeeds, now = Date.now()): Promise<number> {
  const tables = monitoringTables(needs.metadata.db)
  const owed = await tables
    .selectFrom('alert_deliveries')
    .selectAll()
    .where('state', '=', 'owed')
    .where('due_at', '<=', now)
    .orderBy('due_at')
    .limit(20)
    .execute()
  let told = 0
  for (const delivery of owed) {
    // Taken before it is sent, so that two processes do not both send it.
    const taken = await tables
      .updateTable('alert_deliveries')
      .set({ due_at: now + leaseMs, attempts: delivery.attempts + 1 })
      .where('id', '=', delivery.id)
      .where('due_at', '=', delivery.due_at)
      .where('state', '=', 'owed')
      .executeTakeFirst()
    if (Number(taken.numUpdatedRows) === 0) continue
    const { said, isDone } = await tell(needs, delivery)
    if (isDone) told++
    const wait = isDone ? undefined : backOffMs[delivery.attempts]
    await tables
      .updateTable('alert_deliveries')
      .set({
        state: isDone ? 'delivered' : wait === undefined ? 'failed' : 'owed',
        due_at: wait === undefined ? null : now + wait,
        said,
        at: Date.now(),
      })
      .where('id', '=', delivery.id)
      .execute()
    if (delivery.channel === 'webhook')
      await tables.updateTable('alerts').set({ webhook: said }).where('id', '=', delivery.alert_id).execute()
  }
  return told
}

async function tell(needs: DeliveryNeeds, delivery: DeliveryRow): Promise<{ said: string; isDone: boolean }> {
  try {
    const alert = await alertToTell(needs.metadata, delivery.alert_id)
    if (!alert) return { said: 'the alert is gone', isDone: true }
    return delivery.channel === 'webhook' ? await tellWebhook(needs, delivery, alert) : await tellByMail(needs, delivery, alert)
  } catch (error) {
    return {
      isDone: false,
      said: `not delivered: ${isPlatformError(error) ? error.message : 'the receiver could not be reached.'}`,
    }
  }
}

const alertToTell = (metadata: Metadata, id: string) =>
  monitoringTables(metadata.db)
    .selectFrom('alerts')
    .innerJoin('monitors', 'monitors.id', 'alerts.monitor_id')
    .selectAll('alerts')
    .select([
      'monitors.name as monitor_name',
      'monitors.endpoint_id as endpoint_id',
      'monitors.webhook_secret as secret',
      sql<string | null>`(select name from endpoints where endpoints.id = monitors.endpoint_id)`.as('endpoint_name'),
    ])
    .where('alerts.id', '=', id)
    .executeTakeFirst()
type AlertToTell = NonNullable<Awaited<ReturnType<typeof alertToTell>>>

async function tellWebhook({ outbound, secrets }: DeliveryNeeds, delivery: DeliveryRow, alert: AlertToTell) {
  const body = JSON.stringify({
    alert: alert.id,
    severity: alert.severity,
    message: alert.message,
    recommendation: alert.recommendation,
    kinds: JSON.parse(alert.kinds),
    evidence: JSON.parse(alert.evidence),
    count: alert.count,
    monitor: { id: alert.monitor_id, name: alert.monitor_name },
    endpoint: alert.endpoint_id,
    report: alert.report_id,
    project: alert.project_id,
    at: toIso(alert.at),
  })
  const secret = alert.secret === null ? null : await secrets.get(alert.secret)
  if (alert.secret !== null && secret === null)
    throw preconditionFailed('The secret that signs this webhook is not here any more. Make a new one.', {})
  const { status } = await outbound.fetchOut(delivery.target, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'x-atoll-delivery': delivery.id,
      ...(secret !== null && signedHeaders(secret, body)),
    },
    body,
    timeoutMs: 10_000,
  })
  const isDone = status >= 200 && status < 300
  return { isDone, said: isDone ? `delivered (${status})` : `refused by the receiver (${status})` }
}

async function tellByMail({ mail, settings }: DeliveryNeeds, { id, target }: DeliveryRow, alert: AlertToTell) {
  const server = await settings.mailServerFor(target)
  const said = await mail.send(server, {
    to: target,
    subject: `${alert.severity === 'alert' ? 'Alert' : 'Warning'}: ${alert.monitor_name}`,
    text: letterOf(alert),
    headers: { 'X-Atoll-Delivery': id, 'Auto-Submitted': 'auto-generated' },
  })
  return { isDone: true, said: `delivered: ${said.slice(0, 200)}` }
}

function letterOf(alert: AlertToTell): string {
  const evidence = (JSON.parse(alert.evidence) as AlertEvidence[]).map(
    ({ kind, sentence }) => `- ${kind.replaceAll('_', ' ')}: ${sentence}`,
  )
  return [
    alert.message,
    evidence.join('\n'),
    `What to do: ${alert.recommendation}`,
    `Endpoint ${alert.endpoint_name ?? alert.endpoint_id}, monitor ${alert.monitor_name}, report ${alert.report_id}, ${toIso(alert.at)}${alert.count > 1 ? `, for the ${alert.count}th time` : ''}.`,
  ]
    .filter(Boolean)
    .join('\n\n')
}
