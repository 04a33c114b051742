import { newId } from '../../kernel/ids.ts'
import type { Db } from '../../ports/metadata/metadata.ts'
import type { CheckKind } from './checks/settings.ts'
import { oweDeliveries } from './deliveries.ts'
import type { AlertEvidence, DriftReport } from './schema.ts'
import { type AlertRow, type MonitorRow, monitoringTables } from './store.ts'

const mostFigures = 5

/**
 * Notes an alarm in the transaction of its report. A monitor has at most one alert that is not closed: the same alarm again counts up and tells the
 * latest report. One that was acknowledged or snoozed is woken when it got worse (severer, or of a further check), a snoozed one also when its time is over.
 */
export async function raiseAlert(
  tx: Db,
  monitor: MonitorRow,
  report: DriftReport,
  recommendations: readonly string[],
): Promise<string | null> {
  if (report.state !== 'warning' && report.state !== 'alert') return null
  const now = Date.now()
  const current = await monitoringTables(tx)
    .selectFrom('alerts')
    .selectAll()
    .where('monitor_id', '=', monitor.id)
    .where('state', '!=', 'closed')
    .orderBy('at', 'desc')
    .executeTakeFirst()
  const alarming = report.checks.filter(({ state }) => state === 'warning' || state === 'alert')
  const evidence: AlertEvidence[] = alarming.map(({ kind, state, sentence, evidence: { figures } }) => ({
    kind,
    state: state as 'warning' | 'alert',
    sentence,
    figures: figures.slice(0, mostFigures),
  }))
  const told = {
    report_id: report.id,
    message: report.sentence,
    recommendation: recommendations.join(' '),
    evidence: JSON.stringify(evidence),
  }
  const kinds = alarming.map(({ kind }) => kind)
  if (!current) {
    const row: AlertRow = {
      id: newId('alr', now),
      monitor_id: monitor.id,
      project_id: monitor.project_id,
      ...told,
      kinds: JSON.stringify(kinds),
      severity: report.state,
      state: 'open',
      count: 1,
      at: now,
      webhook: null,
      webhook_due: 0,
      handled_by: null,
      handled_at: null,
      snoozed_until: null,
    }
    await monitoringTables(tx).insertInto('alerts').values(row).execute()
    await oweDeliveries(tx, monitor, row.id)
    return row.id
  }
  const known = JSON.parse(current.kinds) as CheckKind[]
  const isWorse =
    (current.severity === 'warning' && report.state === 'alert') ||
    (known.length > 0 && kinds.some((kind) => !known.includes(kind)))
  const isOver = current.state === 'snoozed' && (current.snoozed_until ?? 0) <= now
  const wakes = isWorse || isOver
  await monitoringTables(tx)
    .updateTable('alerts')
    .set({
      ...told,
      // The worst since it was opened: what comes and goes is not worse each time that it comes.
      severity: current.severity === 'alert' ? 'alert' : report.state,
      kinds: JSON.stringify([...new Set([...known, ...kinds])]),
      count: current.count + 1,
      ...(wakes && { state: 'open', snoozed_until: null }),
    })
    .where('id', '=', current.id)
    .execute()
  if (wakes) await oweDeliveries(tx, monitor, current.id)
  return current.id
}
