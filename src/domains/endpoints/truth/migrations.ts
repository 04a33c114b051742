import type { Db, Migration } from '../../../ports/metadata/metadata.ts'

export const truthMigrations: Migration[] = [{ name: 'truth-001-create', up: createTable }]

async function createTable(db: Db): Promise<void> {
  await db.schema
    .createTable('ground_truth')
    .addColumn('endpoint_id', 'text', (c) => c.notNull().references('endpoints.id'))
    .addColumn('ref', 'text', (c) => c.notNull())
    .addColumn('value', 'text', (c) => c.notNull())
    .addColumn('at', 'integer', (c) => c.notNull())
    .addPrimaryKeyConstraint('ground_truth_key', ['endpoint_id', 'ref'])
    .execute()
}
