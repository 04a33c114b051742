import type { Db, Migration } from '../../ports/metadata/metadata.ts'
import { resourceColumns, resourceIndexes } from '../auth/access.ts'

export const weightsMigrations: Migration[] = [
  { name: 'weights-001-create', up: createTables },
  {
    name: 'weights-002-provenance',
    up: async (db) => {
      await db.schema.alterTable('weights').addColumn('provenance', 'text').execute()
    },
  },
]

async function createTables(db: Db): Promise<void> {
  await db.schema
    .createTable('weights')
    .$call(resourceColumns)
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('job_id', 'text')
    .addColumn('licence', 'text', (c) => c.notNull())
    .addColumn('origin', 'text', (c) => c.notNull())
    .addColumn('architecture', 'text')
    .addColumn('parameters', 'bigint')
    .addColumn('size_bytes', 'bigint', (c) => c.notNull())
    .addColumn('files', 'text', (c) => c.notNull())
    .addColumn('notes', 'text', (c) => c.notNull())
    .execute()
  await resourceIndexes(db, 'weights')
}
