import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { isPlatformError } from '../../kernel/errors.ts'
import { exposition } from '../../kernel/exposition.ts'
import type { Principal } from '../../kernel/principal.ts'
import type { Metadata } from '../../ports/metadata/metadata.ts'
import { openSqlite } from '../../ports/metadata/sqlite.ts'
import { onEachDatabase } from '../../ports/metadata/testing.ts'
import { CapturePolicy, EndpointInput, PredictOutput } from './schema.ts'
import { endpointsService } from './service.ts'
import { binarySignature, servingMigrations, servingWorld } from './testing.ts'

type World = Awaited<ReturnType<typeof servingWorld>>

const onBoth = (name: string, work: (w: World, metadata: Metadata) => Promise<void>) =>
  onEachDatabase(name, servingMigrations, async (metadata) => {
    const w = await servingWorld(metadata)
    try {
      await work(w, metadata)
    } finally {
      await w.endpoints.close()
      await w.done()
    }
  })

const onSqlite = (name: string, work: (w: World, metadata: Metadata) => Promise<void>) =>
  test(name, async () => {
    const metadata = openSqlite({ file: ':memory:' })
    await metadata.migrate(servingMigrations)
    const w = await servingWorld(metadata)
    try {
      await work(w, metadata)
    } finally {
      await w.endpoints.close()
      await w.done()
      await metadata.close()
    }
  })

const input = (model: string, name: string, more: object = {}) => EndpointInput.parse({ model, name, ...more })

async function predict(w: World, ref: string, body: unknown, by: Principal = w.by) {
  const text = JSON.stringify(body) ?? ''
  return PredictOutput.parse(JSON.parse(await w.endpoints.predictText(by, ref, { body: () => body, text, requestId: 'req_1' })))
}

async function refusal(work: Promise<unknown>) {
  const error = await work.then(
    () => assert.fail('it was accepted'),
    (thrown) => thrown,
  )
  assert.ok(isPlatformError(error), String(error?.stack ?? error))
  return error
}

onBoth('a version is deployed, answers rows, and shows as deployed', async (w) => {
  const version = await w.register('churn')
  const endpoint = await w.endpoints.create(w.by, input('churn', 'live'))
  assert.deepEqual([endpoint.state, endpoint.versionNumber, endpoint.served, endpoint.modelName], ['ready', 1, 'onnx', 'churn'])
  assert.equal(endpoint.history.length, 1)
  const named = async (q: string) => (await w.endpoints.list(w.by, { limit: 10, q })).items.map((one) => one.name)
  assert.deepEqual([await named('LIV'), await named('dead')], [['live'], []])
  assert.equal((await w.registry.resolveVersion(w.by, version.id)).state, 'deployed')

  const output = await predict(w, 'live', {
    rows: [
      { a: 1, b: 1, state: 'OH' },
      { a: null, b: -9, state: 'TX' },
    ],
  })
  assert.deepEqual([output.endpoint, output.model, output.version], ['live', 'churn', 1])
  assert.deepEqual(
    output.predictions.map((one) => [one.id, one.label]),
    [
      ['req_1.0', 'yes'],
      ['req_1.1', 'no'],
    ],
  )
  assert.ok(Math.abs(output.predictions[0]!.probabilities!.yes! - 1 / (1 + Math.exp(-3))) < 1e-6)
  assert.deepEqual(output.warnings, [
    'Row 1, column "b": -9 is outside what training saw (-5 to 5).',
    'Row 1, column "state": "TX" was never seen in training.',
  ])
  const one = await predict(w, endpoint.id, { row: { a: 0, b: 0, state: 'AK' } })
  assert.deepEqual([one.predictions[0]!.id, one.predictions[0]!.label], ['req_1', 'no'])
})

onBoth('a version that misses its goal is refused with the figures; an administrator may say why anyway', async (w, metadata) => {
  await w.register('weak', { goal_id: await w.goalOf(0.85) })
  const refused = await refusal(w.endpoints.create(w.by, input('weak', 'live')))
  assert.equal(refused.code, 'precondition_failed')
  assert.match(refused.message, /0\.8.*goal of at least 0\.85 is not met/)
  const reason = { overrideReason: 'Better than the rule we use by hand today.' }
  assert.equal((await refusal(w.endpoints.create(w.by, input('weak', 'live', reason)))).code, 'forbidden')
  assert.equal((await w.endpoints.list(w.by, { limit: 10 })).items.length, 0)

  await w.endpoints.create(w.admin, input('weak', 'live', reason))
  const version = await w.registry.resolveVersion(w.by, 'weak:1')
  assert.deepEqual([version.state, version.override?.reason], ['deployed', reason.overrideReason])
  const entries = await metadata.db
    .selectFrom('audit')
    .select(['action', 'facts'])
    .where('action', '=', 'endpoints.create')
    .execute()
  assert.match((entries[0] as { facts: string }).facts, /by hand today/)
})

onSqlite('what is withdrawn or not proven is refused', async (w) => {
  const failed = { rows: 1000, flips: 3, maxDiff: 0.2, tolerance: 1e-4, passed: false, served: 'onnx', reason: 'flips' }
  await w.register('unproven', { parity: null })
  await w.register('different', { parity: JSON.stringify(failed) })
  const old = await w.register('old')
  await w.registry.promote(w.by, old.id, { to: 'archived', overrideReason: null })
  assert.match((await refusal(w.endpoints.create(w.admin, input('unproven', 'e')))).message, /no parity certificate/)
  assert.match((await refusal(w.endpoints.create(w.admin, input('different', 'e')))).message, /3 of 1000 replayed rows changed/)
  assert.match((await refusal(w.endpoints.create(w.admin, input(old.id, 'e')))).message, /old:1 is archived/)
})

onSqlite('a graph that cannot be loaded makes no endpoint and leaves nothing behind', async (w) => {
  await w.register('broken', {
    graph: readFileSync(new URL('../../ports/inference/fixtures/binary.onnx', import.meta.url)).subarray(0, 99),
  })
  assert.match((await refusal(w.endpoints.create(w.by, input('broken', 'e')))).message, /graph cannot be loaded/)
  assert.equal((await w.endpoints.list(w.by, { limit: 10 })).items.length, 0)
  assert.deepEqual(await w.files.names(w.needs.folder), [])
})

onBoth('another version is exchanged without losing a request, and rolled back', async (w) => {
  await w.register('churn')
  await w.register('churn', { signature: { ...binarySignature, threshold: 0.01 } })
  const endpoint = await w.endpoints.create(w.by, input('churn:1', 'live'))
  const asked: Promise<{ version: number }>[] = []
  let asking = true
  const traffic = (async () => {
    while (asking) {
      asked.push(predict(w, 'live', { row: { a: 0, b: 0 } }))
      await delay(1)
    }
  })()
  const changed = await w.endpoints.patch(w.by, 'live', { model: 'churn:2' })
  await delay(20)
  asking = false
  await traffic
  const versions = (await Promise.all(asked)).map((answer) => answer.version)
  assert.equal(versions[0], 1)
  assert.equal(versions.at(-1), 2)
  assert.deepEqual([changed.versionNumber, changed.history.map((h) => h.versionNumber)], [2, [2, 1]])
  assert.equal((await w.registry.resolveVersion(w.by, 'churn:1')).state, 'approved')

  const back = await w.endpoints.rollback(w.by, 'live')
  assert.deepEqual([back.versionNumber, back.history.map((h) => h.versionNumber)], [1, [1, 2, 1]])
  assert.equal((await predict(w, endpoint.id, { row: { b: 0 } })).version, 1)
})

onSqlite('a name is taken once; nothing to roll back is said', async (w) => {
  await w.register('churn')
  await w.endpoints.create(w.by, input('churn', 'live'))
  assert.equal((await refusal(w.endpoints.create(w.by, input('churn', 'live')))).code, 'conflict')
  assert.equal((await w.files.names(w.needs.folder)).length, 1)
  assert.match((await refusal(w.endpoints.rollback(w.by, 'live'))).message, /served no other version/)
})

onBoth('who may: foreign endpoints are absent, viewers predict but do not change', async (w) => {
  await w.register('churn')
  const endpoint = await w.endpoints.create(w.by, input('churn', 'live'))
  const viewer = await w.person('Vera', 'viewer')
  const stranger = await w.person('Eve', null)
  assert.equal((await predict(w, 'live', { row: { b: 1 } }, viewer)).version, 1)
  assert.equal((await refusal(w.endpoints.patch(viewer, 'live', { running: false }))).code, 'forbidden')
  for (const ref of ['live', endpoint.id]) {
    assert.equal((await refusal(predict(w, ref, { row: { b: 1 } }, stranger))).code, 'not_found')
    assert.equal((await refusal(w.endpoints.get(stranger, ref))).code, 'not_found')
  }
  const scoped = { ...viewer, credential: { kind: 'token', id: 'tok_1' }, scopes: ['datasets:read'] } as Principal
  assert.equal((await refusal(predict(w, 'live', { row: { b: 1 } }, scoped))).code, 'forbidden')

  await w.auth.projects.removeMember(w.admin, w.project.id, viewer.userId!)
  w.events.emit('credential.revoked', { userId: viewer.userId! })
  assert.equal((await refusal(predict(w, 'live', { row: { b: 1 } }, viewer))).code, 'not_found')
})

onSqlite('stopped endpoints say so; started again they answer', async (w) => {
  await w.register('churn')
  await w.endpoints.create(w.by, input('churn', 'live'))
  assert.equal((await w.endpoints.patch(w.by, 'live', { running: false })).state, 'stopped')
  const refused = await refusal(predict(w, 'live', { row: { b: 1 } }))
  assert.deepEqual([refused.code, /is stopped/.test(refused.message)], ['precondition_failed', true])
  assert.equal((await w.endpoints.patch(w.by, 'live', { running: true })).state, 'ready')
  assert.equal((await predict(w, 'live', { row: { b: 1 } })).version, 1)
  await w.endpoints.remove(w.by, 'live')
  assert.equal((await refusal(predict(w, 'live', { row: { b: 1 } }))).code, 'not_found')
  assert.equal((await w.registry.resolveVersion(w.by, 'churn:1')).state, 'approved')
})

onBoth('after a restart endpoints answer again', async (w) => {
  await w.register('churn')
  await w.endpoints.create(w.by, input('churn', 'live'))
  await w.endpoints.close()
  const again = endpointsService(w.needs)
  assert.equal((await again.get(w.by, 'live')).state, 'starting')
  await again.start()
  assert.equal((await again.get(w.by, 'live')).state, 'ready')
  const text = await again.predictText(w.by, 'live', { body: () => ({ row: { b: 1 } }), text: '{"row":{"b":1}}', requestId: 'r' })
  assert.equal(JSON.parse(text).version, 1)
  await again.close()
  assert.deepEqual(w.errors, [])
})

onSqlite('bad rows are refused by row and column and counted as errors', async (w) => {
  await w.register('churn')
  await w.endpoints.create(w.by, input('churn', 'live'))
  const cases: [unknown, RegExp][] = [
    [undefined, /does not hold rows/],
    [[], /does not hold rows/],
    [{}, /does not hold rows/],
    [{ rows: [] }, /"rows" is empty/],
    [{ rows: {} }, /does not hold rows/],
    [{ rows: [], row: {} }, /does not hold rows/],
    [{ instances: [{ b: 1 }] }, /no field "instances".*Send \{"rows"/],
    [{ rows: new Array(10_001).fill({ b: 1 }) }, /at most 10000 rows/],
    [{ rows: [{ b: 1 }, { b: 'x' }] }, /Row 1, column "b": expected a number/],
    [{ rows: [{ b: 1 }, 7] }, /Row 1 must be an object/],
    [{ row: { a: 1 } }, /Row 0 lacks the column "b"/],
  ]
  for (const [body, message] of cases) {
    const error = await refusal(predict(w, 'live', body))
    assert.equal(error.code, /^.?Row/.test(message.source) ? 'unprocessable' : 'invalid_input')
    assert.match(error.message, message)
  }
  const metrics = await w.endpoints.metrics(w.by, 'live', 60)
  assert.deepEqual([metrics.requests, metrics.errors], [cases.length, cases.length])
  assert.equal(metrics.series.at.length, 12)
  assert.match(
    exposition(w.endpoints.families(), 'prometheus'),
    /atoll_endpoint_errors_total\{endpoint="\w+",id="end_\w+",variant="main"\} 11\n/,
  )
})

onSqlite('requests are captured by policy, newest first, without hidden columns', async (w) => {
  await w.register('churn')
  await w.endpoints.create(w.by, input('churn', 'live'))
  for (let i = 0; i < 5; i++)
    await predict(w, 'live', {
      rows: [
        { a: i, b: 0 },
        { a: i, b: 1 },
      ],
    })
  const first = await w.endpoints.listCaptures(w.by, 'live', { limit: 3 })
  const second = await w.endpoints.listCaptures(w.by, 'live', { limit: 3, cursor: first.nextCursor! })
  const rest = await w.endpoints.listCaptures(w.by, 'live', { limit: 50, cursor: second.nextCursor! })
  const rows = [...first.items, ...second.items, ...rest.items].map((capture) => [capture.row.a, capture.row.b])
  assert.deepEqual(
    rows,
    [4, 3, 2, 1, 0].flatMap((i) => [
      [i, 1],
      [i, 0],
    ]),
  )
  assert.equal(rest.nextCursor, null)
  assert.deepEqual(Object.keys(first.items[0]!.prediction), ['label', 'probabilities'])

  await w.endpoints.patch(w.by, 'live', { capture: CapturePolicy.parse({ hide: ['a'] }) })
  await w.endpoints.predictText(w.by, 'live', {
    body: () => ({ row: { a: 5, b: 2 } }),
    text: '{\n "row": {"a": 5,\r\n "b": 2}}',
    requestId: 'r',
  })
  assert.deepEqual((await w.endpoints.listCaptures(w.by, 'live', { limit: 1 })).items[0]!.row, { b: 2 })
  await w.endpoints.patch(w.by, 'live', { capture: CapturePolicy.parse({ share: 0 }) })
  await predict(w, 'live', { row: { a: 6, b: 3 } })
  assert.equal((await w.endpoints.listCaptures(w.by, 'live', { limit: 50 })).items.length, 11)
  const unknown = w.endpoints.patch(w.by, 'live', { capture: CapturePolicy.parse({ hide: ['zip'] }) })
  assert.match((await refusal(unknown)).message, /no input "zip" to hide/)
})

onSqlite('what was captured just before a graceful stop is kept', async (w) => {
  await w.register('churn')
  await w.endpoints.create(w.by, input('churn', 'live'))
  await Promise.all(Array.from({ length: 500 }, (_, i) => predict(w, 'live', { row: { a: 1, b: i % 5 } })))
  await w.endpoints.close()
  const again = endpointsService(w.needs)
  const page = await again.listCaptures(w.by, 'live', { limit: 500 })
  assert.equal(page.items.length, 500)
})

onSqlite('an imported package runs in a process of its own', async (w, metadata) => {
  const version = await w.register('outside', { parity: null })
  const row = await metadata.db
    .selectFrom('model_versions')
    .select('manifest')
    .where('id', '=', version.id)
    .executeTakeFirstOrThrow()
  const manifest = JSON.stringify({ ...JSON.parse((row as { manifest: string }).manifest), trust: 'imported' })
  await metadata.db.updateTable('model_versions').set({ manifest, state: 'approved' }).where('id', '=', version.id).execute()
  await w.endpoints.create(w.admin, input('outside', 'live'))
  assert.equal((await predict(w, 'live', { row: { a: 1, b: 1, state: 'OH' } })).predictions[0]!.label, 'yes')
})
