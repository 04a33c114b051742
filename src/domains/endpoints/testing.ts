import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { newId } from '../../kernel/ids.ts'
import { openFilesystemBlobs } from '../../ports/blobs/filesystem.ts'
import { localFiles } from '../../ports/files/local.ts'
import { openInference } from '../../ports/inference/open.ts'
import { localAppendLogs } from '../../ports/logs/local.ts'
import type { Db, Metadata, Migration } from '../../ports/metadata/metadata.ts'
import { openDuckDb } from '../../ports/tables/duckdb.ts'
import { authMigrations } from '../auth/migrations.ts'
import { authWorld } from '../auth/testing.ts'
import { explanationsService } from '../explanations/service.ts'
import { goalsMigrations } from '../goals/migrations.ts'
import { goalsService } from '../goals/service.ts'
import { insertGoal } from '../goals/store.ts'
import { registryMigrations } from '../registry/migrations.ts'
import { type PackageSource, storePackage } from '../registry/package.ts'
import type { Signature } from '../registry/schema.ts'
import { type NewVersion, registryService } from '../registry/service.ts'
import { capturedFilesMigrations } from './captured-files/migrations.ts'
import { endpointsMigrations } from './migrations.ts'
import { type EndpointsNeeds, endpointsService } from './service.ts'
import { truthMigrations } from './truth/migrations.ts'

/** p(yes) = sigmoid(a + b + (1 when state is OH)): the graph `binary.onnx` of the inference fixtures. */
export const binarySignature: Signature = {
  task: 'binary',
  target: 'churn',
  classes: ['no', 'yes'],
  positive: 'yes',
  threshold: 0.6,
  tolerance: 1e-4,
  inputs: [
    { name: 'a', type: 'number', tensor: 'numbers', index: 0, nullable: true, min: -5, max: 5, example: 0.5 },
    { name: 'b', type: 'number', tensor: 'numbers', index: 1, nullable: false, min: -5, max: 5, example: 1 },
    { name: 'state', type: 'category', tensor: 'strings', index: 0, nullable: true, categories: ['OH', 'AK'], example: 'OH' },
  ],
}

/** Names of data sets are read by goals; their domain is not needed here. */
const datasetsTable: Migration = {
  name: 'a-datasets-for-tests',
  up: async (db: Db) => db.schema.createTable('datasets').addColumn('id', 'text').addColumn('name', 'text').execute(),
}
export const servingMigrations = [
  datasetsTable,
  ...authMigrations,
  ...goalsMigrations,
  ...registryMigrations,
  ...endpointsMigrations,
  ...truthMigrations,
  ...capturedFilesMigrations,
]

/** For tests of serving: people, a registry with hand-made packages, endpoints over real inference. */
export async function servingWorld(metadata: Metadata, options: Partial<EndpointsNeeds> = {}) {
  const people = await authWorld(metadata)
  const { access, search, settings } = people.auth
  const folder = await mkdtemp(join(tmpdir(), 'atoll-serving-'))
  const blobs = await openFilesystemBlobs({ root: join(folder, 'blobs') })
  const files = localFiles()
  const goals = goalsService({ metadata, access, search, datasets: {} as never })
  const registry = registryService({ metadata, access, search, events: people.events, blobs, files, goals })
  const inference = openInference({ executor: null as never, runtimes: null as never, enginesFolder: '' })
  const explanations = explanationsService({ files, inference, registry, folder: await files.makeFolder(folder, 'explaining') })
  const tables = openDuckDb({ heavy: 1, idleMs: 2000 })
  const errors: unknown[] = []
  const needs: EndpointsNeeds = {
    metadata,
    events: people.events,
    access,
    search,
    settings,
    files,
    blobs,
    logs: localAppendLogs(join(folder, 'captures'), (error) => errors.push(error)),
    tables,
    uploads: null as never,
    pseudonymKey: async () => '00'.repeat(32),
    inference,
    language: noLanguage,
    externals: null as never,
    folder: await files.makeFolder(folder, 'serving'),
    registry,
    explanations,
    gradients: null as never,
    nearest: null as never,
    principalOf: people.auth.users.principal,
    onError: (error) => errors.push(error),
    ...options,
  }
  const by = await people.person('Grace')

  async function goalOf(atLeast: number): Promise<string> {
    const resource = await access.newResource('goal', by, people.project, { name: `F1 at least ${atLeast}` })
    const contract = { target: 'churn', task: 'binary', positive: 'yes', metric: 'f1', at_least: atLeast, at_most: null } as const
    const costs = { cost_false_positive: null, cost_false_negative: null }
    await metadata.transaction((tx) =>
      insertGoal(tx, { ...resource, ...contract, ...costs, dataset_id: 'ds_1', split_id: 'spl_1' }),
    )
    return resource.id
  }

  /** Registers a version whose graph is one of the inference fixtures. */
  async function register(
    name: string,
    {
      graph = 'binary',
      kind = 'onnx',
      signature = binarySignature,
      background = null,
      beside = [],
      evidence = [],
      ...columns
    }: Partial<Omit<NewVersion, 'signature'>> & {
      graph?: string | Uint8Array
      kind?: 'onnx' | 'gguf'
      signature?: Signature
      background?: Record<string, unknown>[] | null
      /** Further files of the package. */
      beside?: PackageSource[]
      /** The rows of its proof. */
      evidence?: PackageSource[]
    } = {},
  ) {
    const source = typeof graph === 'string' ? fixture(graph) : join(folder, `${newId('req')}.onnx`)
    if (typeof graph !== 'string') await writeFile(source, graph)
    const { root, at } = { root: join(source, '..'), at: source.slice(source.lastIndexOf('/') + 1) }
    const manifest = await storePackage(
      { blobs, files },
      {
        kind,
        open: [
          { path: `model.${kind}`, root, at },
          ...(background
            ? [{ path: 'background.json', text: JSON.stringify({ rows: background, from: 'train', seed: 0 }) }]
            : []),
          ...beside,
        ],
        sandboxOnly: [],
        evidence,
      },
    )
    const id = newId('mdv')
    const version: NewVersion = {
      id,
      task: signature.task,
      algorithm: 'lightgbm',
      target: 'churn',
      goal_id: null,
      dataset_id: 'ds_1',
      dataset_version_id: 'dsv_1',
      split_id: 'spl_1',
      run_id: 'run_1',
      job_id: 'job_1',
      manifest: JSON.stringify(manifest),
      signature: JSON.stringify(signature),
      validation: '{}',
      test: JSON.stringify({ f1: { value: 0.8, low: 0.75, high: 0.84 } }),
      parity: JSON.stringify({ ...certificate, modelSha256: 'x', at: '' }),
      predictions: null,
      training_spec: '{}',
      sealed_opened_at: Date.now(),
      created_by: by.userId!,
      ...columns,
    }
    const registered = await metadata.transaction((tx) =>
      registry.register(tx, by, { name, projectId: people.project.id }, version),
    )
    return { id, ...registered }
  }

  return {
    ...people,
    by,
    registry,
    explanations,
    gradients: null as never,
    goals,
    files,
    blobs,
    folder,
    errors,
    register,
    goalOf,
    needs,
    endpoints: endpointsService(needs),
    async done() {
      await explanations.close()
      await inference.close()
      await tables.close()
      await rm(folder, { recursive: true })
    },
  }
}

const noLanguage: EndpointsNeeds['language'] = {
  load: async () => assert.fail('this test loads no language model'),
  loadEmbedder: async () => assert.fail('this test loads no language model'),
}

const certificate = {
  rows: 1000,
  heldOutRows: 900,
  injectedRows: 100,
  flips: 0,
  maxDiff: 2e-7,
  tolerance: 1e-4,
  passed: true,
  served: 'onnx',
  reason: null,
}

const fixture = (name: string) => fileURLToPath(new URL(`../../ports/inference/fixtures/${name}.onnx`, import.meta.url))
