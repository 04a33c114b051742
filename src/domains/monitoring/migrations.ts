import type { Db, Migration } from '../../ports/metadata/metadata.ts'
import { resourceColumns, resourceIndexes } from '../auth/access.ts'

export const monitoringMigrations: Migration[] = [{ name: 'monitoring-001-create', up: createTables }]

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
