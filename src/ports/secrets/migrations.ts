import type { Db, Migration } from '../metadata/metadata.ts'

export const secretsMigrations: Migration[] = [{ name: 'secrets-001-create', up: createTable }]

async function createTable(db: Db): Promise<void> {
  await db.schema
    .createTable('secrets')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('sealed', 'text', (c) => c.notNull())
    .addColumn('created_at', 'integer', (c) => c.notNull())
    .execute()
}
