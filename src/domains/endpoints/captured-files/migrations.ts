import type { Db, Migration } from '../../../ports/metadata/metadata.ts'

export const capturedFilesMigrations: Migration[] = [{ name: 'captured-files-001-create', up: createTable }]

async function createTable(db: Db): Promise<void> {
  await db.schema
    .createTable('captured_files')
    .addColumn('endpoint_id', 'text', (c) => c.notNull().references('endpoints.id'))
    .addColumn('sha256', 'text', (c) => c.notNull())
    .addColumn('size_bytes', 'bigint', (c) => c.notNull())
    .addColumn('content_type', 'text', (c) => c.notNull())
    .addColumn('at', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('captured_files_key', ['endpoint_id', 'sha256'])
    .execute()
  await db.schema.createIndex('captured_files_at').on('captured_files').columns(['endpoint_id', 'at']).execute()
}
