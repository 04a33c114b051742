import type { Db, Migration } from '../../ports/metadata/metadata.ts'

export const tuningMigrations: Migration[] = [
  { name: 'tuning-001-create', up: createTables },
  { name: 'tuning-002-objectives', up: addObjectives },
]

async function addObjectives(db: Db): Promise<void> {
  await db.schema.alterTable('searches').addColumn('objectives', 'text').execute()
  await db.schema.alterTable('searches').addColumn('fingerprint', 'text').execute()
  await db.schema.alterTable('search_trials').addColumn('objectives', 'text').execute()
}

async function createTables(db: Db): Promise<void> {
  await db.schema
    .createTable('searches')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('job_id', 'text', (c) => c.notNull())
    .addColumn('run_id', 'text', (c) => c.notNull())
    .addColumn('metric', 'text', (c) => c.notNull())
    .addColumn('strategy', 'text', (c) => c.notNull())
    .addColumn('created_at', 'integer', (c) => c.notNull())
    .execute()
  await db.schema.createIndex('searches_job').on('searches').column('job_id').execute()
  await db.schema
    .createTable('search_trials')
    .addColumn('search_id', 'text', (c) => c.notNull().references('searches.id'))
    .addColumn('trial', 'integer', (c) => c.notNull())
    .addColumn('algorithm', 'text', (c) => c.notNull())
    .addColumn('params', 'text', (c) => c.notNull())
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('score', 'real')
    .addColumn('std', 'real')
    .addColumn('folds', 'text', (c) => c.notNull())
    .addColumn('seconds', 'real')
    .addColumn('reason', 'text')
    .addPrimaryKeyConstraint('search_trials_key', ['search_id', 'trial'])
    .execute()
}
