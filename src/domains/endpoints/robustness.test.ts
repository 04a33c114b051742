import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { EndpointInput, PredictOutput } from './schema.ts'
import { binarySignature } from './testing.ts'
import { onBoth, onSqlite, refusal, type ServingWorld } from './testing-worlds.ts'

const deploy = (w: ServingWorld, model: string, name = 'live') => w.endpoints.create(w.by, EndpointInput.parse({ model, name }))

async function send(w: ServingWorld, text: string) {
  const request = { body: () => JSON.parse(text), text, requestId: 'req_1' }
  return PredictOutput.parse(JSON.parse(await w.endpoints.predictText(w.by, 'live', request)))
}

const laid = (w: ServingWorld) => w.files.names(w.needs.folder)

/** Waits for what is let go of without anybody waiting. */
async function until(isSo: () => Promise<boolean>, what: string) {
  for (let i = 0; i < 200; i++) {
    if (await isSo()) return
    await delay(20)
  }
  assert.fail(`not within four seconds: ${what}`)
}

onBoth('redeploys and rollbacks at once, under load, lose no request and end as the database says', async (w) => {
  // p(yes) of this row is 0.5, so the label tells which threshold was used.
  const thresholds = [0.1, 0.9, 0.2]
  for (const threshold of thresholds) await w.register('churn', { signature: { ...binarySignature, threshold } })
  await deploy(w, 'churn:1')
  let isOver = false
  let answers = 0
  const served = new Set<number>()
  const clients = Array.from({ length: 24 }, async () => {
    while (!isOver) {
      const { version, predictions } = await send(w, '{"row":{"a":0,"b":0}}')
      assert.equal(predictions[0]!.label, thresholds[version - 1]! <= 0.5 ? 'yes' : 'no')
      served.add(version)
      answers++
      await delay(0)
    }
  })
  try {
    await w.endpoints.patch(w.by, 'live', { model: 'churn:2' })
    for (let round = 0; round < 6; round++) {
      await Promise.all([
        w.endpoints.patch(w.by, 'live', { model: `churn:${1 + (round % 3)}` }),
        w.endpoints.patch(w.by, 'live', { model: `churn:${1 + ((round + 1) % 3)}` }),
        w.endpoints.rollback(w.by, 'live'),
        w.endpoints.patch(w.by, 'live', { description: `round ${round}` }),
      ])
    }
  } finally {
    isOver = true
    await Promise.allSettled(clients)
  }
  await Promise.all(clients)
  assert.ok(answers > 100 && served.size === 3, `${answers} answers by versions ${[...served]}`)

  const { versionNumber, description } = await w.endpoints.get(w.by, 'live')
  assert.equal((await send(w, '{"row":{"b":0}}')).version, versionNumber)
  assert.equal(description, 'round 5')
  const states = await Promise.all([1, 2, 3].map((n) => w.registry.resolveVersion(w.by, `churn:${n}`)))
  assert.deepEqual(
    states.map((version) => version.state === 'deployed'),
    [1, 2, 3].map((n) => n === versionNumber),
  )
  await until(async () => (await laid(w)).length === 1, 'only what serves is laid out')
})

onSqlite('a version that cannot be loaded leaves the old one answering', async (w) => {
  await w.register('churn')
  await w.register('churn', {
    graph: readFileSync(new URL('../../ports/inference/fixtures/binary.onnx', import.meta.url)).subarray(0, 99),
  })
  await deploy(w, 'churn:1')
  assert.match((await refusal(w.endpoints.patch(w.by, 'live', { model: 'churn:2' }))).message, /graph cannot be loaded/)
  assert.equal((await send(w, '{"row":{"b":1}}')).version, 1)
  const endpoint = await w.endpoints.get(w.by, 'live')
  assert.deepEqual([endpoint.state, endpoint.versionNumber, endpoint.history.length], ['ready', 1, 1])
  assert.equal((await w.registry.resolveVersion(w.by, 'churn:1')).state, 'deployed')
  assert.equal((await laid(w)).length, 1)
})

onSqlite('calls that arrive while an endpoint stops or goes do not bring it back', async (w) => {
  await w.register('churn')
  await deploy(w, 'churn')
  const call = () =>
    send(w, '{"row":{"b":0}}').then(
      () => 'answered',
      (error) => error.code,
    )
  for (const running of [false, true, false, true]) {
    const calls = Promise.all(Array.from({ length: 50 }, (_, i) => delay(i % 5).then(call)))
    await w.endpoints.patch(w.by, 'live', { running })
    for (const outcome of await calls) assert.ok(['answered', 'precondition_failed', 'unavailable'].includes(outcome), outcome)
    assert.equal(await call(), running ? 'answered' : 'precondition_failed')
    if (!running) await until(async () => (await laid(w)).length === 0, 'a stopped endpoint holds nothing')
  }
  const calls = Promise.all(Array.from({ length: 50 }, (_, i) => delay(i % 5).then(call)))
  await w.endpoints.remove(w.by, 'live')
  await calls
  assert.equal(await call(), 'not_found')
  await until(async () => (await laid(w)).length === 0, 'a removed endpoint holds nothing')
})

onSqlite('what a version held in memory is given back when another takes its place', async (w) => {
  const graph = readFileSync(new URL('../../ports/inference/fixtures/binary.onnx', import.meta.url))
  // The description of the file: six megabytes that every loaded copy would hold.
  const padding = Buffer.concat([Buffer.from([0x32, 0x80, 0x80, 0x80, 0x03]), Buffer.alloc(6 * 2 ** 20, 'x')])
  for (let i = 0; i < 2; i++) await w.register('churn', { graph: Buffer.concat([graph, padding]) })
  await deploy(w, 'churn:1')
  const turn = async () => {
    await w.endpoints.patch(w.by, 'live', { model: 'churn:2' })
    await w.endpoints.patch(w.by, 'live', { model: 'churn:1' })
  }
  for (let i = 0; i < 4; i++) await turn()
  const before = process.memoryUsage.rss()
  for (let i = 0; i < 12; i++) await turn()
  const grown = (process.memoryUsage.rss() - before) / 2 ** 20
  assert.ok(grown < 72, `24 exchanges of a model of six megabytes left ${grown.toFixed(0)} MB behind`)
})

onSqlite('ten thousand rows are answered as each alone would be, and small calls get in between', async (w) => {
  await w.register('churn')
  await deploy(w, 'churn')
  const rows = Array.from({ length: 10_000 }, (_, i) => ({ a: Math.sin(i) * 4, b: i % 5, state: i % 3 === 0 ? 'OH' : null }))
  const ended: string[] = []
  const [many] = await Promise.all([
    send(w, JSON.stringify({ rows })).finally(() => ended.push('many')),
    send(w, '{"row":{"b":1}}').finally(() => ended.push('one')),
  ])
  assert.deepEqual(ended, ['one', 'many'])
  assert.equal(many!.predictions.length, 10_000)
  for (const i of [0, 1, 511, 512, 4095, 4096, 9999]) {
    const [alone] = (await send(w, JSON.stringify({ row: rows[i] }))).predictions
    assert.deepEqual({ ...many!.predictions[i], id: '' }, { ...alone, id: '' }, `row ${i}`)
  }
})

onSqlite('numbers beyond all bounds are refused by name or answered with a finite probability', async (w) => {
  await w.register('churn')
  await deploy(w, 'churn')
  for (const number of ['1e999', '-1e400']) {
    const error = await refusal(send(w, `{"rows":[{"b":1},{"a":${number},"b":1}]}`))
    assert.equal(error.code, 'unprocessable')
    assert.match(error.message, /Row 1, column "a": -?Infinity is not a finite number/)
  }
  for (const number of ['1.7976931348623157e308', '-1e300', '5e-324', '-0', '123456789012345678901234567890']) {
    const { predictions, warnings } = await send(w, `{"row":{"a":${number},"b":1}}`)
    const { yes } = predictions[0]!.probabilities!
    assert.ok(yes! >= 0 && yes! <= 1, `${number}: ${yes}`)
    assert.equal(warnings.length > 0, Math.abs(Number(number)) > 5)
  }
})
