import { newId } from '../../kernel/ids.ts'
import type { Db } from '../../ports/metadata/metadata.ts'
import type { DriftReport } from './schema.ts'
import { recommendation } from './sentences.ts'
import { type AlertRow, type MonitorRow, monitoringTables } from './store.ts'

/**
 * Notes an alarm in the transaction of its report. A monitor has at most one alert that is not closed: the same alarm again counts up, tells the
 * latest report, and wakes an acknowledged alert only when it got worse.
 */
export async function raiseAlert(tx: Db, monitor: MonitorRow, report: DriftReport): Promise<string | null> {
  if (report.state !== 'warning' && report.state !== 'alert') return null
  const now = Date.now()
  const current = await monitoringTables(tx)
    .selectFrom('alerts')
    .selectAll()
    .where('monitor_id', '=', monitor.id)
    .where('state', '!=', 'closed')
    .orderBy('at', 'desc')
    .executeTakeFirst()
  const told = { report_id: report.id, message: report.sentence, recommendation: recommendation(report.columns) }
  if (!current) {
    const row: AlertRow = {
      id: newId('alr', now),
      monitor_id: monitor.id,
      project_id: monitor.project_id,
      ...told,
      severity: report.state,
      state: 'open',
      count: 1,
      at: now,
      webhook: null,
      webhook_due: monitor.webhook_url ? 1 : 0,
    }
    await monitoringTables(tx).insertInto('alerts').values(row).execute()
    return row.id
  }
  const isWorse = current.severity === 'warning' && report.state === 'alert'
  await monitoringTables(tx)
    .updateTable('alerts')
    .set({
      ...told,
      severity: report.state,
      count: current.count + 1,
      ...(isWorse && { state: 'open', webhook_due: monitor.webhook_url ? 1 : 0 }),
    })
    .where('id', '=', current.id)
    .execute()
  return current.id
}
