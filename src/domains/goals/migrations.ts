import type { Db, Migration } from '../../ports/metadata/metadata.ts'
import { resourceColumns, resourceIndexes } from '../auth/access.ts'

export const goalsMigrations: Migration[] = [{ name: 'goals-001-create', up: createTables }]

async function createTables(db: Db): Promise<void> {
  await db.schema
    .createTable('goals')
    .$call(resourceColumns)
    .addColumn('dataset_id', 'text', (c) => c.notNull())
    .addColumn('target', 'text', (c) => c.notNull())
    .addColumn('task', 'text', (c) => c.notNull())
    .addColumn('positive', 'text')
    .addColumn('metric', 'text', (c) => c.notNull())
    .addColumn('at_least', 'real')
    .addColumn('at_most', 'real')
    .addColumn('cost_false_positive', 'real')
    .addColumn('cost_false_negative', 'real')
    .addColumn('split_id', 'text')
    .execute()
  await resourceIndexes(db, 'goals')
  await db.schema.createIndex('goals_dataset').on('goals').column('dataset_id').execute()
}
