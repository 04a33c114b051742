import type { CreateTableBuilder } from 'kysely'
import type { Db, Migration } from '../../ports/metadata/metadata.ts'
import { resourceColumns, resourceIndexes } from '../auth/access.ts'

export const endpointsMigrations: Migration[] = [
  { name: 'endpoints-001-create', up: createTables },
  { name: 'endpoints-002-traffic', up: createTraffic },
  { name: 'endpoints-003-scaling', up: createScaling },
  { name: 'endpoints-004-known-columns', up: addKnownColumns },
]

/** The version that is served, in every table that names one. */
const servedColumns = <T extends string, C extends string>(table: CreateTableBuilder<T, C>) =>
  table
    .addColumn('model_id', 'text', (c) => c.notNull())
    .addColumn('model_name', 'text', (c) => c.notNull())
    .addColumn('version_id', 'text', (c) => c.notNull())
    .addColumn('version_number', 'integer', (c) => c.notNull())
    .addColumn('served', 'text', (c) => c.notNull())
    .addColumn('trust', 'text', (c) => c.notNull())
    .addColumn('signature', 'text', (c) => c.notNull())

async function createTables(db: Db): Promise<void> {
  await db.schema
    .createTable('endpoints')
    .$call(resourceColumns)
    .$call(servedColumns)
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

async function createTraffic(db: Db): Promise<void> {
  await db.schema.alterTable('endpoints').addColumn('sticky', 'text').execute()
  await db.schema
    .createTable('endpoint_variants')
    .addColumn('endpoint_id', 'text', (c) => c.notNull().references('endpoints.id'))
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('position', 'integer', (c) => c.notNull())
    .addColumn('weight', 'double precision', (c) => c.notNull())
    .addColumn('shadow', 'integer', (c) => c.notNull())
    .$call(servedColumns)
    .addPrimaryKeyConstraint('endpoint_variants_key', ['endpoint_id', 'name'])
    .execute()
  await db.schema.createIndex('endpoint_variants_version').on('endpoint_variants').column('version_id').execute()
  await db.schema
    .createTable('endpoint_rollouts')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('endpoint_id', 'text', (c) => c.notNull().references('endpoints.id'))
    .addColumn('variant', 'text', (c) => c.notNull())
    .addColumn('version_id', 'text', (c) => c.notNull())
    .addColumn('version_number', 'integer', (c) => c.notNull())
    .addColumn('steps', 'text', (c) => c.notNull())
    .addColumn('guard', 'text', (c) => c.notNull())
    .addColumn('step', 'integer', (c) => c.notNull())
    .addColumn('step_since', 'bigint', (c) => c.notNull())
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('reason', 'text')
    .addColumn('override_reason', 'text')
    .addColumn('log', 'text', (c) => c.notNull())
    .addColumn('started_at', 'bigint', (c) => c.notNull())
    .addColumn('ended_at', 'bigint')
    .addColumn('by_id', 'text', (c) => c.notNull())
    .addColumn('by_name', 'text', (c) => c.notNull())
    .execute()
  await db.schema
    .createIndex('endpoint_rollouts_endpoint')
    .on('endpoint_rollouts')
    .columns(['endpoint_id', 'started_at'])
    .execute()
}

async function createScaling(db: Db): Promise<void> {
  await db.schema.alterTable('endpoints').addColumn('scaling', 'text').execute()
  await db.schema
    .alterTable('endpoints')
    .addColumn('max_loaded', 'integer', (c) => c.notNull().defaultTo(16))
    .execute()
  await db.schema
    .createTable('endpoint_models')
    .addColumn('endpoint_id', 'text', (c) => c.notNull().references('endpoints.id'))
    .addColumn('name', 'text', (c) => c.notNull())
    .$call(servedColumns)
    .addPrimaryKeyConstraint('endpoint_models_key', ['endpoint_id', 'name'])
    .execute()
  await db.schema
    .createTable('endpoint_usage')
    .addColumn('endpoint_id', 'text', (c) => c.notNull().references('endpoints.id'))
    .addColumn('caller', 'text', (c) => c.notNull())
    .addColumn('day', 'integer', (c) => c.notNull())
    .addColumn('requests', 'bigint', (c) => c.notNull())
    .addColumn('rows', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('endpoint_usage_key', ['endpoint_id', 'caller', 'day'])
    .execute()
}

async function addKnownColumns(db: Db): Promise<void> {
  await db.schema.alterTable('endpoints').addColumn('known', 'text').execute()
}
