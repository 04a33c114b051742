import type { Db, Migration } from '../../ports/metadata/metadata.ts'
import { resourceColumns, resourceIndexes } from '../auth/access.ts'

export const datasetsMigrations: Migration[] = [
  { name: 'datasets-001-create', up: createTables },
  { name: 'datasets-given-splits', up: addPartColumn },
]

async function addPartColumn(db: Db): Promise<void> {
  await db.schema.alterTable('splits').addColumn('part_column', 'text').execute()
}

async function createTables(db: Db): Promise<void> {
  await db.schema
    .createTable('datasets')
    .$call(resourceColumns)
    .addColumn('target', 'text')
    .addColumn('dictionary', 'text', (c) => c.notNull())
    .execute()
  await resourceIndexes(db, 'datasets')

  await db.schema
    .createTable('dataset_versions')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('dataset_id', 'text', (c) => c.notNull().references('datasets.id').onDelete('cascade'))
    .addColumn('number', 'integer', (c) => c.notNull())
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('job_id', 'text')
    .addColumn('rows', 'integer')
    .addColumn('columns', 'text', (c) => c.notNull())
    .addColumn('files', 'text', (c) => c.notNull())
    .addColumn('original', 'text')
    .addColumn('derived_from', 'text')
    .addColumn('warnings', 'text', (c) => c.notNull())
    .addColumn('note', 'text', (c) => c.notNull())
    .addColumn('statistics', 'text', (c) => c.notNull())
    .addColumn('created_by', 'text', (c) => c.notNull())
    .addColumn('created_at', 'integer', (c) => c.notNull())
    .execute()
  await db.schema
    .createIndex('dataset_versions_number')
    .on('dataset_versions')
    .columns(['dataset_id', 'number'])
    .unique()
    .execute()

  await db.schema
    .createTable('uploads')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('owner_id', 'text', (c) => c.notNull())
    .addColumn('filename', 'text', (c) => c.notNull())
    .addColumn('size_bytes', 'integer', (c) => c.notNull())
    .addColumn('expected_sha256', 'text')
    .addColumn('sha256', 'text')
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('created_at', 'integer', (c) => c.notNull())
    .addColumn('expires_at', 'integer', (c) => c.notNull())
    .execute()
  await db.schema.createIndex('uploads_owner').on('uploads').columns(['owner_id', 'expires_at']).execute()

  await db.schema
    .createTable('dataset_profiles')
    .addColumn('version_id', 'text', (c) => c.notNull().references('dataset_versions.id').onDelete('cascade'))
    .addColumn('target', 'text', (c) => c.notNull())
    .addColumn('profile', 'text', (c) => c.notNull())
    .addColumn('created_at', 'integer', (c) => c.notNull())
    .addPrimaryKeyConstraint('dataset_profiles_key', ['version_id', 'target'])
    .execute()

  await createSplitTables(db)

  await db.schema
    .createTable('pseudonym_keys')
    .addColumn('project_id', 'text', (c) => c.primaryKey())
    .addColumn('key', 'text', (c) => c.notNull())
    .addColumn('created_at', 'integer', (c) => c.notNull())
    .execute()
}

async function createSplitTables(db: Db): Promise<void> {
  await db.schema
    .createTable('splits')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('project_id', 'text', (c) => c.notNull())
    .addColumn('dataset_id', 'text', (c) => c.notNull().references('datasets.id').onDelete('cascade'))
    .addColumn('version_id', 'text', (c) => c.notNull().references('dataset_versions.id').onDelete('cascade'))
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('target', 'text')
    .addColumn('group_column', 'text')
    .addColumn('time_column', 'text')
    .addColumn('seed', 'integer', (c) => c.notNull())
    .addColumn('folds', 'integer', (c) => c.notNull())
    .addColumn('test_share', 'real', (c) => c.notNull())
    .addColumn('validation_share', 'real', (c) => c.notNull())
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('job_id', 'text')
    .addColumn('parts', 'text', (c) => c.notNull())
    .addColumn('leaks', 'text', (c) => c.notNull())
    .addColumn('request_key', 'text', (c) => c.notNull())
    .addColumn('created_by', 'text', (c) => c.notNull())
    .addColumn('created_at', 'integer', (c) => c.notNull())
    .execute()
  await db.schema.createIndex('splits_request').on('splits').columns(['version_id', 'request_key']).unique().execute()

  await db.schema
    .createTable('sealed_parts')
    .addColumn('split_id', 'text', (c) => c.primaryKey().references('splits.id').onDelete('cascade'))
    .addColumn('sha256', 'text', (c) => c.notNull())
    .addColumn('size_bytes', 'integer', (c) => c.notNull())
    .addColumn('rows', 'integer', (c) => c.notNull())
    .execute()

  await db.schema
    .createTable('sealed_openings')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('split_id', 'text', (c) => c.notNull())
    .addColumn('version_id', 'text', (c) => c.notNull())
    .addColumn('reason', 'text', (c) => c.notNull())
    .addColumn('job_id', 'text')
    .addColumn('opened_by', 'text', (c) => c.notNull())
    .addColumn('opened_at', 'integer', (c) => c.notNull())
    .execute()
  await db.schema
    .createIndex('sealed_openings_once')
    .on('sealed_openings')
    .columns(['split_id', 'version_id', 'reason'])
    .unique()
    .execute()
}
