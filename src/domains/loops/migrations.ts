import { sql } from 'kysely'
import type { Db, Migration } from '../../ports/metadata/metadata.ts'
import { resourceColumns, resourceIndexes } from '../auth/access.ts'

export const loopsMigrations: Migration[] = [{ name: 'loops-001-create', up: createTables }]

async function createTables(db: Db): Promise<void> {
  await db.schema
    .createTable('loops')
    .$call(resourceColumns)
    .addColumn('endpoint_id', 'text', (c) => c.notNull().references('endpoints.id'))
    .addColumn('goal_id', 'text', (c) => c.notNull())
    .addColumn('enabled', 'integer', (c) => c.notNull())
    .addColumn('policy', 'text', (c) => c.notNull())
    .addColumn('next_run_at', 'integer')
    .addColumn('next_look_at', 'integer', (c) => c.notNull())
    .addColumn('seen', 'text', (c) => c.notNull())
    .addColumn('runs', 'integer', (c) => c.notNull())
    .execute()
  await resourceIndexes(db, 'loops')
  await db.schema
    .createIndex('loops_endpoint')
    .on('loops')
    .column('endpoint_id')
    .unique()
    .where(sql<boolean>`deleted_at is null`)
    .execute()
  await db.schema.createIndex('loops_look').on('loops').column('next_look_at').execute()

  await db.schema
    .createTable('loop_runs')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('loop_id', 'text', (c) => c.notNull().references('loops.id'))
    .addColumn('number', 'integer', (c) => c.notNull())
    .addColumn('project_id', 'text', (c) => c.notNull())
    .addColumn('endpoint_id', 'text', (c) => c.notNull())
    .addColumn('goal_id', 'text', (c) => c.notNull())
    .addColumn('trigger', 'text', (c) => c.notNull())
    .addColumn('policy', 'text', (c) => c.notNull())
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('step', 'text', (c) => c.notNull())
    .addColumn('outcome', 'text')
    .addColumn('sentence', 'text', (c) => c.notNull())
    .addColumn('champion_version', 'text', (c) => c.notNull())
    .addColumn('champion_name', 'text', (c) => c.notNull())
    .addColumn('challenger_version', 'text')
    .addColumn('challenger_name', 'text')
    .addColumn('decision', 'text')
    .addColumn('cancel', 'text')
    .addColumn('pending', 'text')
    .addColumn('failures', 'integer', (c) => c.notNull())
    .addColumn('wake_at', 'integer', (c) => c.notNull())
    .addColumn('lease_owner', 'text')
    .addColumn('lease_until', 'integer')
    .addColumn('fence', 'integer', (c) => c.notNull())
    .addColumn('started_at', 'integer', (c) => c.notNull())
    .addColumn('ended_at', 'integer')
    .execute()
  await db.schema.createIndex('loop_runs_of').on('loop_runs').columns(['loop_id', 'number']).unique().execute()
  // Two loops never work on one endpoint, whoever starts them and wherever.
  await db.schema
    .createIndex('loop_runs_one')
    .on('loop_runs')
    .column('endpoint_id')
    .unique()
    .where(sql<boolean>`ended_at is null`)
    .execute()
  await db.schema.createIndex('loop_runs_due').on('loop_runs').column('wake_at').where(sql<boolean>`ended_at is null`).execute()

  await db.schema
    .createTable('loop_steps')
    .addColumn('run_id', 'text', (c) => c.notNull().references('loop_runs.id'))
    .addColumn('step', 'text', (c) => c.notNull())
    .addColumn('seq', 'integer', (c) => c.notNull())
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('sentence', 'text', (c) => c.notNull())
    .addColumn('started_at', 'integer', (c) => c.notNull())
    .addColumn('ended_at', 'integer')
    .addColumn('evidence', 'text', (c) => c.notNull())
    .addColumn('work', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('loop_steps_key', ['run_id', 'step'])
    .execute()

  await db.schema
    .createTable('loop_rules')
    .addColumn('project_id', 'text', (c) => c.primaryKey())
    .addColumn('approval', 'integer', (c) => c.notNull())
    .execute()
}
