import { isPlatformError } from '../../kernel/errors.ts'
import { toIso } from '../../kernel/time.ts'
import type { Metadata } from '../../ports/metadata/metadata.ts'
import type { Outbound } from '../../ports/outbound/outbound.ts'
import { monitoringTables } from './store.ts'

/** Tells the webhook of each alert that is owed a delivery, once each; how it went is written on the alert. */
export async function deliverWebhooks({
  metadata,
  outbound,
}: {
  metadata: Metadata
  outbound: Pick<Outbound, 'fetchOut'>
}): Promise<void> {
  const owed = await monitoringTables(metadata.db)
    .selectFrom('alerts')
    .innerJoin('monitors', 'monitors.id', 'alerts.monitor_id')
    .selectAll('alerts')
    .select(['monitors.name as monitor_name', 'monitors.webhook_url as url', 'monitors.endpoint_id as endpoint_id'])
    .where('webhook_due', '=', 1)
    .limit(20)
    .execute()
  for (const alert of owed) {
    // Taken before it is sent, so that two processes do not both send it.
    const taken = await monitoringTables(metadata.db)
      .updateTable('alerts')
      .set({ webhook_due: 0, webhook: 'being delivered' })
      .where('id', '=', alert.id)
      .where('webhook_due', '=', 1)
      .executeTakeFirst()
    if (Number(taken.numUpdatedRows) === 0 || !alert.url) continue
    const body = JSON.stringify({
      alert: alert.id,
      severity: alert.severity,
      message: alert.message,
      recommendation: alert.recommendation,
      monitor: { id: alert.monitor_id, name: alert.monitor_name },
      endpoint: alert.endpoint_id,
      report: alert.report_id,
      project: alert.project_id,
      at: toIso(alert.at),
    })
    const went = await outbound
      .fetchOut(alert.url, { method: 'POST', headers: { 'content-type': 'application/json' }, body, timeoutMs: 10_000 })
      .then(({ status }) => (status >= 200 && status < 300 ? `delivered (${status})` : `refused by the receiver (${status})`))
      .catch((error) => `not delivered: ${isPlatformError(error) ? error.message : 'the receiver could not be reached.'}`)
    await monitoringTables(metadata.db).updateTable('alerts').set({ webhook: went }).where('id', '=', alert.id).execute()
  }
}
