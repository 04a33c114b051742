import { sql } from 'kysely'
import type { Db, Migration } from '../../ports/metadata/metadata.ts'
import { resourceColumns, resourceIndexes } from '../auth/access.ts'

export const jobsMigrations: Migration[] = [{ name: 'jobs-001-create', up: createTables }]

async function createTables(db: Db): Promise<void> {
  await db.schema
    .createTable('jobs')
    .$call(resourceColumns)
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('lane', 'text', (c) => c.notNull())
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('spec', 'text', (c) => c.notNull())
    .addColumn('cancel_requested', 'integer', (c) => c.notNull())
    .addColumn('attempt', 'integer', (c) => c.notNull())
    .addColumn('max_attempts', 'integer', (c) => c.notNull())
    .addColumn('crashes', 'integer', (c) => c.notNull())
    .addColumn('worker', 'text')
    .addColumn('lease_until', 'integer')
    .addColumn('event_seq', 'integer', (c) => c.notNull())
    .addColumn('progress', 'text')
    .addColumn('estimate', 'text')
    .addColumn('cost', 'text')
    .addColumn('size', 'real')
    .addColumn('result', 'text')
    .addColumn('failure', 'text')
    .addColumn('sandbox', 'text')
    .addColumn('queued_at', 'integer', (c) => c.notNull())
    .addColumn('started_at', 'integer')
    .addColumn('finished_at', 'integer')
    .execute()
  await resourceIndexes(db, 'jobs', 'repeat')
  await db.schema
    .createIndex('jobs_queue')
    .on('jobs')
    .columns(['lane', 'queued_at', 'id'])
    .where(sql<boolean>`state = 'queued'`)
    .execute()
  await db.schema.createIndex('jobs_running').on('jobs').column('worker').where(sql<boolean>`state = 'running'`).execute()
  await db.schema.createIndex('jobs_history').on('jobs').columns(['kind', 'state', 'finished_at']).execute()
  await db.schema
    .createTable('job_events')
    .addColumn('job_id', 'text', (c) => c.notNull().references('jobs.id').onDelete('cascade'))
    .addColumn('seq', 'integer', (c) => c.notNull())
    .addColumn('attempt', 'integer', (c) => c.notNull())
    .addColumn('at', 'integer', (c) => c.notNull())
    .addColumn('type', 'text', (c) => c.notNull())
    .addColumn('data', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('job_events_key', ['job_id', 'seq'])
    .execute()
}
