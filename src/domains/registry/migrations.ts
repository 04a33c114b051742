import type { Db, Migration } from '../../ports/metadata/metadata.ts'
import { resourceColumns, resourceIndexes } from '../auth/access.ts'

export const registryMigrations: Migration[] = [
  { name: 'registry-001-create', up: createTables },
  { name: 'registry-002-derived', up: addDerived },
]

async function addDerived(db: Db): Promise<void> {
  await db.schema.alterTable('model_versions').addColumn('derived', 'text').execute()
}

async function createTables(db: Db): Promise<void> {
  await db.schema
    .createTable('models')
    .$call(resourceColumns)
    .addColumn('task', 'text', (c) => c.notNull())
    .addColumn('target', 'text', (c) => c.notNull())
    .addColumn('versions', 'integer', (c) => c.notNull().defaultTo(0))
    .execute()
  await resourceIndexes(db, 'models')
  await db.schema
    .createTable('model_versions')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('model_id', 'text', (c) => c.notNull().references('models.id'))
    .addColumn('number', 'integer', (c) => c.notNull())
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('task', 'text', (c) => c.notNull())
    .addColumn('algorithm', 'text', (c) => c.notNull())
    .addColumn('target', 'text', (c) => c.notNull())
    .addColumn('goal_id', 'text')
    .addColumn('dataset_id', 'text', (c) => c.notNull())
    .addColumn('dataset_version_id', 'text', (c) => c.notNull())
    .addColumn('split_id', 'text', (c) => c.notNull())
    .addColumn('run_id', 'text', (c) => c.notNull())
    .addColumn('job_id', 'text', (c) => c.notNull())
    .addColumn('manifest', 'text', (c) => c.notNull())
    .addColumn('signature', 'text', (c) => c.notNull())
    .addColumn('validation', 'text', (c) => c.notNull())
    .addColumn('test', 'text', (c) => c.notNull())
    .addColumn('parity', 'text')
    .addColumn('predictions', 'text')
    .addColumn('training_spec', 'text', (c) => c.notNull())
    .addColumn('sealed_opened_at', 'integer')
    .addColumn('override', 'text')
    .addColumn('created_by', 'text', (c) => c.notNull())
    .addColumn('created_at', 'integer', (c) => c.notNull())
    .addUniqueConstraint('model_versions_number', ['model_id', 'number'])
    .execute()
  for (const column of ['goal_id', 'dataset_version_id', 'split_id', 'run_id', 'job_id'])
    await db.schema.createIndex(`model_versions_${column}`).on('model_versions').column(column).execute()
}
