import type { Db, Migration } from '../../ports/metadata/metadata.ts'
import { resourceColumns, resourceIndexes } from '../auth/access.ts'

export const transformsMigrations: Migration[] = [{ name: 'transforms-001-create', up: createTables }]

async function createTables(db: Db): Promise<void> {
  await db.schema
    .createTable('transforms')
    .$call(resourceColumns)
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('job_id', 'text', (c) => c.notNull())
    .addColumn('model_id', 'text', (c) => c.notNull())
    .addColumn('model_name', 'text', (c) => c.notNull())
    .addColumn('version_id', 'text', (c) => c.notNull())
    .addColumn('version_number', 'integer', (c) => c.notNull())
    .addColumn('endpoint_id', 'text')
    .addColumn('rows_said', 'text', (c) => c.notNull())
    .addColumn('spec', 'text', (c) => c.notNull())
    .addColumn('result', 'text')
    .addColumn('failure', 'text')
    .addColumn('finished_at', 'bigint')
    .execute()
  await resourceIndexes(db, 'transforms', 'repeat')
  await db.schema.createIndex('transforms_version').on('transforms').column('version_id').execute()
}
