import type { Db, Migration } from '../../ports/metadata/metadata.ts'
import { resourceColumns, resourceIndexes } from '../auth/access.ts'

export const monitoringMigrations: Migration[] = [
  { name: 'monitoring-001-create', up: createTables },
  { name: 'monitoring-002-checks', up: addChecks },
  { name: 'monitoring-003-repeated-runs', up: addRepeatedRuns },
]

async function createTables(db: Db): Promise<void> {
  await db.schema
    .createTable('monitors')
    .$call(resourceColumns)
    .addColumn('endpoint_id', 'text', (c) => c.notNull().references('endpoints.id'))
    .addColumn('schedule', 'text')
    .addColumn('window_hours', 'real', (c) => c.notNull())
    .addColumn('minimum_rows', 'integer', (c) => c.notNull())
    .addColumn('psi_warning', 'real', (c) => c.notNull())
    .addColumn('psi_alert', 'real', (c) => c.notNull())
    .addColumn('false_alarm_rate', 'real', (c) => c.notNull())
    .addColumn('webhook_url', 'text')
    .addColumn('last_report_id', 'text')
    .addColumn('last_state', 'text')
    .addColumn('next_run_at', 'integer')
    .execute()
  await resourceIndexes(db, 'monitors')
  await db.schema.createIndex('monitors_endpoint').on('monitors').column('endpoint_id').execute()
  await db.schema.createIndex('monitors_due').on('monitors').column('next_run_at').execute()
  await db.schema
    .createTable('monitor_reports')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('monitor_id', 'text', (c) => c.notNull().references('monitors.id'))
    .addColumn('at', 'integer', (c) => c.notNull())
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('report', 'text', (c) => c.notNull())
    .execute()
  await db.schema.createIndex('monitor_reports_newest').on('monitor_reports').columns(['monitor_id', 'at', 'id']).execute()
  await db.schema
    .createTable('monitor_baselines')
    .addColumn('version_id', 'text', (c) => c.primaryKey())
    .addColumn('sha256', 'text', (c) => c.notNull())
    .addColumn('at', 'integer', (c) => c.notNull())
    .execute()
  await db.schema
    .createTable('alerts')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('monitor_id', 'text', (c) => c.notNull().references('monitors.id'))
    .addColumn('project_id', 'text', (c) => c.notNull())
    .addColumn('report_id', 'text', (c) => c.notNull())
    .addColumn('severity', 'text', (c) => c.notNull())
    .addColumn('message', 'text', (c) => c.notNull())
    .addColumn('recommendation', 'text', (c) => c.notNull())
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('count', 'integer', (c) => c.notNull())
    .addColumn('at', 'integer', (c) => c.notNull())
    .addColumn('webhook', 'text')
    .addColumn('webhook_due', 'integer', (c) => c.notNull())
    .execute()
  await db.schema.createIndex('alerts_newest').on('alerts').columns(['at', 'id']).execute()
  await db.schema.createIndex('alerts_monitor').on('alerts').columns(['monitor_id', 'state']).execute()
}

/** Monitors from before watch what they watched: the drift of inputs and predictions. */
async function addChecks(db: Db): Promise<void> {
  const before = JSON.stringify([
    { kind: 'data_drift', settings: {} },
    { kind: 'prediction_drift', settings: {} },
  ])
  const add = (table: string, column: string, fallback: string | null = null) =>
    db.schema
      .alterTable(table)
      .addColumn(column, 'text', (c) => (fallback === null ? c : c.notNull().defaultTo(fallback)))
      .execute()
  await add('monitors', 'checks', before)
  await add('monitors', 'baseline', JSON.stringify({ kind: 'training' }))
  await add('monitors', 'emails', '[]')
  await add('monitors', 'webhook_secret')
  await add('alerts', 'kinds', '[]')
  await add('alerts', 'evidence', '[]')
  await add('alerts', 'handled_by')
  await db.schema.alterTable('alerts').addColumn('handled_at', 'integer').execute()
  await db.schema.alterTable('alerts').addColumn('snoozed_until', 'integer').execute()
  await db.schema
    .createTable('alert_deliveries')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('alert_id', 'text', (c) => c.notNull().references('alerts.id'))
    .addColumn('channel', 'text', (c) => c.notNull())
    .addColumn('target', 'text', (c) => c.notNull())
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('attempts', 'integer', (c) => c.notNull())
    .addColumn('due_at', 'integer')
    .addColumn('said', 'text')
    .addColumn('at', 'integer', (c) => c.notNull())
    .execute()
  await db.schema.createIndex('alert_deliveries_due').on('alert_deliveries').column('due_at').execute()
  await db.schema.createIndex('alert_deliveries_alert').on('alert_deliveries').columns(['alert_id', 'at']).execute()
}

/** Monitors from before keep their rate, from now on over all their runs. */
async function addRepeatedRuns(db: Db): Promise<void> {
  const { schema } = db
  await schema
    .alterTable('monitors')
    .addColumn('repeated_runs', 'text', (c) => c.notNull().defaultTo('lord'))
    .execute()
  await schema
    .alterTable('monitors')
    .addColumn('runs_since_alarm', 'integer', (c) => c.notNull().defaultTo(0))
    .execute()
  await schema.alterTable('monitors').addColumn('runs_version', 'text').execute()
}
