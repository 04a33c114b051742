import type { Db, Migration } from '../../ports/metadata/metadata.ts'

export const compressionMigrations: Migration[] = [{ name: 'compression-001-create', up: createTables }]

async function createTables(db: Db): Promise<void> {
  await db.schema
    .createTable('version_measurements')
    .addColumn('version_id', 'text', (c) => c.primaryKey().references('model_versions.id'))
    .addColumn('measured', 'text', (c) => c.notNull())
    .addColumn('created_at', 'integer', (c) => c.notNull())
    .execute()
}
