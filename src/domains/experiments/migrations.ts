import type { Db, Migration } from '../../ports/metadata/metadata.ts'
import { resourceColumns, resourceIndexes } from '../auth/access.ts'

export const experimentsMigrations: Migration[] = [
  { name: 'experiments-001-create', up: createTables },
  { name: 'experiments-002-rules', up: createRules },
]

/** How the rules of a network stand, and their evidence: a document for each network of a run. */
async function createRules(db: Db): Promise<void> {
  await db.schema
    .createTable('run_rules')
    .addColumn('run_id', 'text', (c) => c.notNull().references('runs.id'))
    .addColumn('training', 'text', (c) => c.notNull())
    .addColumn('document', 'text', (c) => c.notNull())
    .addColumn('at', 'integer', (c) => c.notNull())
    .addPrimaryKeyConstraint('run_rules_key', ['run_id', 'training'])
    .execute()
}

async function createTables(db: Db): Promise<void> {
  await db.schema.createTable('experiments').$call(resourceColumns).execute()
  await resourceIndexes(db, 'experiments')
  await db.schema
    .createTable('runs')
    .$call(resourceColumns)
    .addColumn('experiment_id', 'text', (c) => c.notNull().references('experiments.id'))
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('message', 'text')
    .addColumn('job_id', 'text')
    .addColumn('inputs', 'text', (c) => c.notNull())
    .addColumn('artifacts', 'text', (c) => c.notNull())
    .addColumn('code', 'text', (c) => c.notNull())
    .addColumn('environment', 'text', (c) => c.notNull())
    .addColumn('points', 'integer', (c) => c.notNull().defaultTo(0))
    .addColumn('started_at', 'integer', (c) => c.notNull())
    .addColumn('ended_at', 'integer')
    .execute()
  await resourceIndexes(db, 'runs', 'repeat')
  await db.schema.createIndex('runs_experiment').on('runs').columns(['experiment_id', 'created_at']).execute()
  await db.schema.createIndex('runs_job').on('runs').column('job_id').execute()
  await db.schema
    .createTable('run_parameters')
    .addColumn('run_id', 'text', (c) => c.notNull().references('runs.id'))
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('value', 'text', (c) => c.notNull())
    .addColumn('text_value', 'text')
    .addColumn('number_value', 'real')
    .addPrimaryKeyConstraint('run_parameters_key', ['run_id', 'name'])
    .execute()
  await db.schema
    .createTable('run_metrics')
    .addColumn('run_id', 'text', (c) => c.notNull().references('runs.id'))
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('value', 'real')
    .addColumn('special', 'text')
    .addColumn('step', 'integer', (c) => c.notNull())
    .addColumn('at', 'integer', (c) => c.notNull())
    .addPrimaryKeyConstraint('run_metrics_key', ['run_id', 'name'])
    .execute()
  await db.schema.createIndex('run_metrics_value').on('run_metrics').columns(['name', 'value']).execute()
  await db.schema
    .createTable('run_metric_points')
    .addColumn('run_id', 'text', (c) => c.notNull().references('runs.id'))
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('seq', 'integer', (c) => c.notNull())
    .addColumn('step', 'integer', (c) => c.notNull())
    .addColumn('value', 'real')
    .addColumn('special', 'text')
    .addColumn('at', 'integer', (c) => c.notNull())
    .addPrimaryKeyConstraint('run_metric_points_key', ['run_id', 'name', 'seq'])
    .execute()
}
