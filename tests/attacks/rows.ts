import { LoopPolicy } from '../../src/domains/loops/schema.ts'
import { type IdPrefix, newId } from '../../src/kernel/ids.ts'
import type { Metadata } from '../../src/ports/metadata/metadata.ts'
import type { World } from '../platform-world.ts'

export interface ResourceTable {
  name: string
  columns: { name: string; isText: boolean; isRequired: boolean }[]
}

/** Every table that holds things of a project, as the database itself describes them. */
export async function resourceTables({ db }: Metadata): Promise<ResourceTable[]> {
  const tables = await db.introspection.getTables()
  return tables
    .map((table) => ({
      name: table.name,
      columns: table.columns.map((column) => ({
        name: column.name,
        isText: column.dataType.toLowerCase() === 'text',
        isRequired: !column.isNullable && !column.hasDefaultValue,
      })),
    }))
    .filter(({ columns }) =>
      ['project_id', 'owner_id', 'visibility', 'deleted_at'].every((name) => columns.some((c) => c.name === name)),
    )
    .sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name))
}

/** Parents before those that refer to them. */
const order = [
  'datasets',
  'experiments',
  'goals',
  'models',
  'jobs',
  'recipes',
  'runs',
  'endpoints',
  'monitors',
  'loops',
  'weights',
  'transforms',
]

const prefixes: Record<string, IdPrefix> = {
  datasets: 'ds',
  goals: 'goal',
  recipes: 'rcp',
  experiments: 'exp',
  runs: 'run',
  jobs: 'job',
  models: 'mdl',
  endpoints: 'end',
  monitors: 'mon',
  loops: 'loop',
  weights: 'wts',
  transforms: 'trf',
}

/** What plain text will not do for. */
const plausible: Record<string, unknown> = {
  dictionary: '{}',
  inputs: '[]',
  artifacts: '[]',
  code: '{}',
  environment: '{}',
  spec: '{}',
  settings: '{}',
  capture: '{"share":1,"hide":[],"keepDays":90}',
  history: '[]',
  checks: '{}',
  'goals.task': 'binary',
  'models.task': 'binary',
  'goals.metric': 'f1',
  'weights.state': 'ready',
  'transforms.state': 'succeeded',
  'transforms.spec': '{"input":{"dataset":"x"},"output":{},"keep":"all","prefix":"predicted_","onBad":"fail"}',
  files: '[]',
  notes: '[]',
  'jobs.state': 'succeeded',
  'jobs.kind': 'dataset.import',
  'runs.state': 'finished',
  signature: JSON.stringify({
    task: 'binary',
    target: 'y',
    classes: ['a', 'b'],
    positive: 'b',
    threshold: 0.5,
    tolerance: 1e-4,
    inputs: [],
  }),
  served: 'onnx',
  trust: 'built',
  'endpoints.state': 'stopped',
  'loops.policy': JSON.stringify(LoopPolicy.parse({})),
  'loops.seen': '{}',
}

/** What each of a parent may have one of. */
const onePerParent: Record<string, string> = { loops: 'endpoints' }

let count = 0

/** Makes rows of any of the tables: real for the decisions, no more than plausible in what else they say. */
export async function rowMaker({ platform, project }: World, tables: readonly ResourceTable[], { withVersions = false } = {}) {
  const parents = new Map<string, string>()
  return async function makeRow(table: ResourceTable, owner: string, visibility: string, description = ''): Promise<string> {
    const prefix = prefixes[table.name]
    if (!prefix) throw new Error(`Tell tests/attacks/rows.ts about the table ${table.name}.`)
    const id = newId(prefix)
    const now = Date.now()
    const row: Record<string, unknown> = {
      id,
      project_id: project.id,
      owner_id: owner,
      name: `thing ${++count}`,
      visibility,
      description,
      tags: '[]',
      created_at: now,
      updated_at: now,
    }
    for (const column of table.columns) {
      if (column.name in row || !column.isRequired) continue
      const parent = /^(\w+)_id$/.exec(column.name)?.[1]
      const parentTable = tables.find((one) => one.name === `${parent}s`)
      if (parentTable && onePerParent[table.name] === parentTable.name)
        row[column.name] = await makeRow(parentTable, owner, 'institution')
      else if (parentTable) {
        if (!parents.has(parentTable.name)) parents.set(parentTable.name, await makeRow(parentTable, owner, 'institution'))
        row[column.name] = parents.get(parentTable.name)
      } else row[column.name] = plausible[`${table.name}.${column.name}`] ?? plausible[column.name] ?? (column.isText ? 'x' : 0)
    }
    const { db } = platform.metadata
    await db.insertInto(table.name).values(row).execute()
    if (table.name === 'datasets' && withVersions)
      await db.insertInto('dataset_versions').values(datasetVersion(id, owner)).execute()
    if (table.name === 'models' && withVersions) await db.insertInto('model_versions').values(modelVersion(id, owner)).execute()
    if (table.name === 'recipes')
      await db
        .insertInto('recipe_revisions')
        .values({ recipe_id: id, revision: row.revision, steps: '[]', reasons: '[]', created_by: owner, created_at: now })
        .execute()
    return id
  }
}

/** The first version of a model. */
const modelVersion = (model: string, owner: string) => ({
  id: newId('mdv'),
  model_id: model,
  number: 1,
  state: 'registered',
  task: 'binary',
  algorithm: 'x',
  target: 'y',
  dataset_id: 'x',
  dataset_version_id: 'x',
  split_id: 'x',
  run_id: 'x',
  job_id: 'x',
  manifest: '{"files":[]}',
  signature: plausible.signature,
  validation: '{}',
  test: '{}',
  training_spec: '{}',
  created_by: owner,
  created_at: Date.now(),
})

/** A version of a data set, whose bytes are not there. */
const datasetVersion = (dataset: string, owner: string) => ({
  id: newId('dsv'),
  dataset_id: dataset,
  number: 1,
  state: 'ready',
  rows: 1,
  columns: JSON.stringify([{ name: 'a', type: 'number', nullable: false, personalData: null, description: '', unit: null }]),
  files: JSON.stringify([{ path: 'data.parquet', sha256: 'a'.repeat(64), sizeBytes: 1, rows: 1 }]),
  warnings: '[]',
  note: '',
  statistics: '{}',
  created_by: owner,
  created_at: Date.now(),
})
