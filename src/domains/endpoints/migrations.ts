import type { Db, Migration } from '../../ports/metadata/metadata.ts'
import { resourceColumns, resourceIndexes } from '../auth/access.ts'

export const endpointsMigrations: Migration[] = [{ name: 'endpoints-001-create', up: createTables }]

async function createTables(db: Db): Promise<void> {
  await db.schema
    .createTable('endpoints')
    .$call(resourceColumns)
    .addColumn('model_id', 'text', (c) => c.notNull())
    .addColumn('model_name', 'text', (c) => c.notNull())
    .addColumn('version_id', 'text', (c) => c.notNull())
    .addColumn('version_number', 'integer', (c) => c.notNull())
    .addColumn('served', 'text', (c) => c.notNull())
    .addColumn('trust', 'text', (c) => c.notNull())
    .addColumn('signature', 'text', (c) => c.notNull())
    .addColumn('capture', 'text', (c) => c.notNull())
    .addColumn('running', 'integer', (c) => c.notNull())
    .addColumn('message', 'text')
    .execute()
  await resourceIndexes(db, 'endpoints')
  await db.schema.createIndex('endpoints_version').on('endpoints').column('version_id').execute()
  await db.schema
    .createTable('endpoint_history')
    .addColumn('endpoint_id', 'text', (c) => c.notNull().references('endpoints.id'))
    .addColumn('seq', 'integer', (c) => c.notNull())
    .addColumn('version_id', 'text', (c) => c.notNull())
    .addColumn('version_number', 'integer', (c) => c.notNull())
    .addColumn('model_id', 'text', (c) => c.notNull())
    .addColumn('at', 'integer', (c) => c.notNull())
    .addColumn('by_name', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('endpoint_history_key', ['endpoint_id', 'seq'])
    .execute()
}
