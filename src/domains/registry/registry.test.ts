import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { extract } from 'tar-stream'
import { newId } from '../../kernel/ids.ts'
import { openFilesystemBlobs } from '../../ports/blobs/filesystem.ts'
import { localFiles } from '../../ports/files/local.ts'
import type { Metadata } from '../../ports/metadata/metadata.ts'
import { onEachDatabase } from '../../ports/metadata/testing.ts'
import { authMigrations } from '../auth/migrations.ts'
import { authWorld } from '../auth/testing.ts'
import { goalsMigrations } from '../goals/migrations.ts'
import type { Goal } from '../goals/schema.ts'
import { goalsService } from '../goals/service.ts'
import { type GoalRow, insertGoal } from '../goals/store.ts'
import { registryMigrations } from './migrations.ts'
import { storePackage } from './package.ts'
import { type NewVersion, registryService } from './service.ts'
import { versionFiles } from './version-files.ts'

const parity = {
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

async function world(metadata: Metadata) {
  const people = await authWorld(metadata)
  const { access, search } = people.auth
  await metadata.db.schema.createTable('datasets').addColumn('id', 'text').addColumn('name', 'text').execute()
  const folder = await mkdtemp(join(tmpdir(), 'registry-'))
  const blobs = await openFilesystemBlobs({ root: join(folder, 'blobs') })
  const files = localFiles()
  const goals = goalsService({ metadata, access, search, datasets: {} as never })
  const registry = registryService({ metadata, access, search, events: people.events, blobs, files, goals })
  const by = await people.person('Grace')

  async function goalOf(atLeast: number): Promise<string> {
    const row: GoalRow = {
      ...(await access.newResource('goal', by, people.project, { name: `F1 ${atLeast}` })),
      dataset_id: 'ds_1',
      target: 'churn',
      task: 'binary',
      positive: 'yes',
      metric: 'f1' as Goal['metric'],
      at_least: atLeast,
      at_most: null,
      cost_false_positive: null,
      cost_false_negative: null,
      split_id: 'spl_1',
    }
    await metadata.transaction((tx) => insertGoal(tx, row))
    return row.id
  }

  async function register(name: string, version: Partial<NewVersion> = {}) {
    await writeFile(join(folder, 'model.onnx'), 'graph')
    await writeFile(join(folder, 'pipeline.joblib'), 'pickle')
    const manifest = await storePackage(
      { blobs, files },
      {
        kind: 'onnx',
        open: [
          { path: 'model.onnx', root: folder, at: 'model.onnx' },
          { path: 'card.md', text: '# Card\n' },
        ],
        sandboxOnly: [{ path: 'native/pipeline.joblib', root: folder, at: 'pipeline.joblib' }],
      },
    )
    const id = newId('mdv')
    const registered = await metadata.transaction((tx) =>
      registry.register(
        tx,
        by,
        { name, projectId: people.project.id },
        {
          id,
          task: 'binary',
          algorithm: 'lightgbm',
          target: 'churn',
          goal_id: null,
          dataset_id: 'ds_1',
          dataset_version_id: 'dsv_1',
          split_id: 'spl_1',
          run_id: 'run_1',
          job_id: 'job_1',
          manifest: JSON.stringify(manifest),
          signature: '{}',
          validation: '{}',
          test: JSON.stringify({ f1: { value: 0.8, low: 0.75, high: 0.84 } }),
          parity: JSON.stringify({ ...parity, modelSha256: 'x', at: '' }),
          predictions: null,
          training_spec: '{}',
          sealed_opened_at: Date.now(),
          created_by: by.userId!,
          ...version,
        },
      ),
    )
    return { id, ...registered }
  }
  const filesOf = versionFiles({ blobs, registry, datasets: {} as never })
  return { ...people, registry, filesOf, by, register, goalOf, folder, done: () => rm(folder, { recursive: true }) }
}

const onBoth = (name: string, work: (w: Awaited<ReturnType<typeof world>>, metadata: Metadata) => Promise<void>) =>
  onEachDatabase(name, [...authMigrations, ...goalsMigrations, ...registryMigrations], async (metadata) => {
    const w = await world(metadata)
    try {
      await work(w, metadata)
    } finally {
      await w.done()
    }
  })

onBoth('numbers the versions of a model and finds them by name, name:number and id', async ({ registry, register, by }) => {
  const first = await register('churn')
  const second = await register('churn')
  assert.deepEqual([first.number, second.number, first.modelId], [1, 2, second.modelId])
  for (const [ref, id] of [
    ['churn', second.id],
    ['churn:1', first.id],
    [`${first.modelId}:2`, second.id],
    [first.id, first.id],
  ] as const)
    assert.equal((await registry.resolveVersion(by, ref)).id, id, ref)
  await assert.rejects(registry.resolveVersion(by, 'churn:3'), { code: 'not_found', message: /it has 2, 1/ })
  await assert.rejects(registry.resolveVersion(by, 'churn:x'), { code: 'not_found' })
  const model = await registry.get(by, 'churn')
  assert.deepEqual([model.versions, model.latest?.number, model.champion], [2, 2, null])
  assert.deepEqual(
    (await registry.versions(by, 'churn', { limit: 1 })).items.map((one) => one.number),
    [2],
  )
})

onBoth('refuses a version that predicts something else under the same name', async ({ register }) => {
  await register('churn')
  await assert.rejects(register('churn', { target: 'price', task: 'regression' }), {
    code: 'conflict',
    message: /predicts "churn"/,
  })
})

onBoth('promotes a version whose goal is met and whose parity is proven', async ({ registry, register, goalOf, by }) => {
  const { id } = await register('churn', { goal_id: await goalOf(0.7) })
  assert.equal((await registry.promote(by, id, { to: 'approved', overrideReason: null })).state, 'approved')
  assert.equal((await registry.get(by, 'churn')).champion?.id, id)
  await assert.rejects(registry.promote(by, id, { to: 'approved', overrideReason: null }), /is approved already/)
  await registry.promote(by, id, { to: 'archived', overrideReason: null })
  await assert.rejects(
    registry.promote(by, id, { to: 'deprecated', overrideReason: null }),
    /From archived it can become registered/,
  )
})

onBoth(
  'refuses promotion when the goal is not met, with the figures; an administrator may say why anyway',
  async (w, metadata) => {
    const { registry, register, goalOf, by, admin, filesOf } = w
    const { id } = await register('churn', { goal_id: await goalOf(0.85) })
    await assert.rejects(registry.promote(by, id, { to: 'approved', overrideReason: null }), (error: any) => {
      assert.equal(error.code, 'precondition_failed')
      assert.match(error.message, /goal of at least 0.85 is not met, it is off by 0.05/)
      assert.deepEqual([error.facts.goal.value, error.facts.goal.wanted], [0.8, 'at least 0.85'])
      return true
    })
    const reason = 'The campaign starts tomorrow; the old model is worse.'
    await assert.rejects(registry.promote(by, id, { to: 'approved', overrideReason: reason }), { code: 'forbidden' })
    assert.equal((await registry.resolveVersion(by, id)).state, 'registered')
    const promoted = await registry.promote(admin, id, { to: 'approved', overrideReason: reason })
    assert.deepEqual([promoted.state, promoted.override?.reason, promoted.override?.by], ['approved', reason, admin.name])
    const entry = await metadata.db
      .selectFrom('audit')
      .selectAll()
      .where('action', '=', 'models.promote-with-override')
      .executeTakeFirst()
    assert.equal(JSON.parse(entry!.facts).reason, reason)
    assert.match(
      await filesOf.card(by, id),
      /^# Card[\s\S]*although the evidence spoke against it[\s\S]*campaign starts tomorrow/,
    )
  },
)

onBoth('refuses promotion without a proof that what is served is what was trained', async ({ registry, register, by }) => {
  const missing = await register('a', { parity: null })
  await assert.rejects(registry.promote(by, missing.id, { to: 'approved', overrideReason: null }), /no parity certificate/)
  const failed = await register('b', { parity: JSON.stringify({ ...parity, flips: 3, passed: false }) })
  await assert.rejects(registry.promote(by, failed.id, { to: 'approved', overrideReason: null }), /3 labels differ/)
})

onBoth('a deployed version is not archived, and its model is not deleted', async ({ registry, register, by }, metadata) => {
  const { id } = await register('churn')
  await metadata.transaction((tx) => registry.markDeployed(tx, id))
  await assert.rejects(registry.promote(by, id, { to: 'archived', overrideReason: null }), /serves an endpoint/)
  await assert.rejects(registry.remove(by, 'churn'), { code: 'conflict' })
  await metadata.transaction((tx) => registry.markUndeployed(tx, id))
  assert.equal((await registry.resolveVersion(by, id)).state, 'approved')
  await registry.remove(by, 'churn')
  await assert.rejects(registry.resolveVersion(by, id), { code: 'not_found' })
})

onBoth('lays a package, native files only for a sandbox', async ({ registry, register, folder, filesOf, by }) => {
  const { id } = await register('churn')
  await registry.layPackage(id, join(folder, 'open'))
  assert.deepEqual((await readdir(join(folder, 'open'))).sort(), ['card.md', 'manifest.json', 'model.onnx'])
  await registry.layPackage(id, join(folder, 'all'), { sandboxOnly: true })
  assert.equal(await readFile(join(folder, 'all/native/pipeline.joblib'), 'utf8'), 'pickle')
  await assert.rejects(filesOf.file(by, id, 'native/pipeline.joblib'), { code: 'not_found' })
  await assert.rejects(filesOf.file(by, id, '../../etc/passwd'), { code: 'not_found' })
})

onBoth('a package is downloaded as one archive, without the native files', async ({ register, filesOf, by }) => {
  const { id } = await register('churn')
  const { body, filename } = await filesOf.archive(by, id)
  assert.equal(filename, 'churn-1.tar')
  const held: Record<string, string> = {}
  for await (const entry of (body as Readable).pipe(extract())) held[entry.header.name] = await text(entry)
  assert.deepEqual(Object.keys(held).sort(), ['churn-1/card.md', 'churn-1/manifest.json', 'churn-1/model.onnx'])
  assert.deepEqual([held['churn-1/card.md'], held['churn-1/model.onnx']], ['# Card\n', 'graph'])
})

onBoth(
  'shows how far each model is from its goal, to those who may see the model',
  async ({ registry, register, goalOf, by, person }) => {
    const goal = await goalOf(0.85)
    await register('a', { goal_id: goal })
    const better = await register('b', { goal_id: goal, test: JSON.stringify({ f1: { value: 0.9, low: 0.87, high: 0.92 } }) })
    const progress = await registry.goalProgress(by, goal)
    assert.deepEqual(
      progress.versions.map((one) => one.goalOutcome?.met),
      [true, false],
    )
    assert.equal(progress.best?.id, better.id)
    const stranger = await person('Mallory', null)
    await assert.rejects(registry.resolveVersion(stranger, better.id), { code: 'not_found' })
    await assert.rejects(registry.goalProgress(stranger, goal), { code: 'not_found' })
  },
)
