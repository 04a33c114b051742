import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { Principal } from '../../../kernel/principal.ts'
import { EndpointInput, PredictOutput } from '../schema.ts'
import { endpointsService } from '../service.ts'
import { binarySignature } from '../testing.ts'
import { onBoth, onSqlite, refusal, type ServingWorld } from '../testing-worlds.ts'
import { Autoscaler } from './autoscaler.ts'
import { Gate } from './gate.ts'
import { whoLeaves } from './memory-budget.ts'
import { ModelsInput, ScalingPolicy } from './schema.ts'

type World = ServingWorld

const policy = (input: object = {}) => ScalingPolicy.parse(input)
const row = { a: 0.6, b: 0.6, state: 'AK' }

async function ask(w: World, headers: Record<string, string> = {}, ref = 'live') {
  const body = { row }
  const request = { body: () => body, text: JSON.stringify(body), requestId: 'req_1', header: (name: string) => headers[name] }
  return PredictOutput.parse(JSON.parse(await w.endpoints.predictText(w.by, ref, request)))
}

const deploy = (w: World, model: string, name = 'live') => w.endpoints.create(w.by, EndpointInput.parse({ model, name }))

onBoth('an endpoint of no workers sleeps when nobody asks, and the next request wakes it with its variants', async (w) => {
  await w.register('churn')
  await w.register('churn', { signature: { ...binarySignature, threshold: 0.9 } })
  await deploy(w, 'churn:1')
  const variants = [{ name: 'b', model: 'churn:2', weight: 100, shadow: false }]
  await w.endpoints.setTraffic(w.by, 'live', { variants, sticky: null, overrideReason: null })
  await w.endpoints.setScaling(w.by, 'live', policy({ minWorkers: 0, idleSeconds: 60 }))
  await ask(w)
  await w.endpoints.tickScaling(Date.now() + 59_000)
  assert.equal((await w.endpoints.get(w.by, 'live')).state, 'ready')
  await w.endpoints.tickScaling(Date.now() + 61_000)
  const asleep = await w.endpoints.scaling(w.by, 'live')
  assert.deepEqual([asleep.state, asleep.workers, asleep.memoryBytes], ['asleep', 0, 0])
  assert.match(asleep.changes[0]!.text, /sleeps: nobody asked for 60 s/)

  const many = await Promise.all(Array.from({ length: 20 }, () => ask(w)))
  assert.ok(many.every(({ variant, version }) => variant === 'b' && version === 2))
  const awake = await w.endpoints.scaling(w.by, 'live')
  assert.deepEqual([awake.state, awake.workers, awake.coldStarts.count], ['ready', 1, 1])
  assert.ok(awake.coldStarts.lastMs! > 0)

  // After a restart it is not loaded before somebody asks.
  await w.endpoints.close()
  const again = endpointsService(w.needs)
  await again.start()
  assert.equal((await again.get(w.by, 'live')).state, 'asleep')
  const body = { row }
  await again.predictText(w.by, 'live', { body: () => body, text: JSON.stringify(body), requestId: 'req_2' })
  assert.equal((await again.get(w.by, 'live')).state, 'ready')
  await again.close()
})

onSqlite('requests beyond what there is room for get 429 with the time to wait; those inside are answered', async (w) => {
  await w.register('churn')
  await deploy(w, 'churn')
  await w.endpoints.setScaling(w.by, 'live', policy({ maxInFlight: 5 }))
  await ask(w)
  const outcomes = await Promise.allSettled(Array.from({ length: 12 }, () => ask(w)))
  assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 5)
  const refused = outcomes.find((one) => one.status === 'rejected')!.reason
  assert.deepEqual([refused.code, refused.facts.retryAfterSeconds], ['rate_limited', 1])
  assert.deepEqual(
    [(await w.endpoints.scaling(w.by, 'live')).rejected, (await w.endpoints.scaling(w.by, 'live')).inFlight],
    [7, 0],
  )
  await ask(w)
})

onBoth('a caller has so many requests a day, also over a restart; who asked how much is told', async (w) => {
  await w.register('churn')
  await deploy(w, 'churn')
  await w.endpoints.setScaling(w.by, 'live', policy({ perCaller: { perDay: 3 } }))
  await ask(w)
  await ask(w)
  await w.endpoints.close()
  const again = { ...w, endpoints: endpointsService(w.needs) }
  await ask(again)
  const refused = await refusal(ask(again))
  assert.match(refused.message, /3 times a day/)
  assert.ok(Number(refused.facts.retryAfterSeconds) > 0)
  const { days } = await again.endpoints.usage(w.by, 'live', 2)
  assert.deepEqual(
    days.map(({ name, requests, rows }) => [name, requests, rows]),
    [['Grace', 3, 3]],
  )
  await again.endpoints.close()
})

onBoth('many models share an endpoint; who was not asked for longest leaves, and comes back when asked', async (w) => {
  await w.register('churn')
  for (const threshold of [0.5, 0.7, 0.8]) await w.register('other', { signature: { ...binarySignature, threshold } })
  await deploy(w, 'churn')
  const models = [1, 2, 3].map((number) => ({ name: `m${number}`, model: `other:${number}` }))
  await w.endpoints.setHostedModels(w.by, 'live', ModelsInput.parse({ models, maxLoaded: 2 }))
  const loaded = async () =>
    (await w.endpoints.hostedModels(w.by, 'live')).models.filter((one) => one.loaded).map((one) => one.name)
  assert.deepEqual(await loaded(), [])
  for (const name of ['m1', 'm2', 'm1', 'm3']) {
    const answer = await ask(w, { 'x-atoll-model': name })
    assert.deepEqual([answer.variant, answer.model, answer.version], [name, 'other', Number(name[1])])
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  assert.deepEqual(await loaded(), ['m1', 'm3'])
  assert.equal((await ask(w, { 'x-atoll-model': 'm2' })).version, 2)
  assert.deepEqual(await loaded(), ['m2', 'm3'])
  assert.equal((await ask(w)).model, 'churn')
  assert.match((await refusal(ask(w, { 'x-atoll-model': 'm9' }))).message, /holds no model "m9". It holds: m1, m2, m3/)
  await w.endpoints.setHostedModels(w.by, 'live', ModelsInput.parse({ models: [] }))
  assert.equal((await refusal(ask(w, { 'x-atoll-model': 'm1' }))).code, 'invalid_input')
})

onSqlite('over the memory of all endpoints together the least needed sleeps', async (w) => {
  await w.register('churn')
  const bytes = readFileSync(new URL('../../../ports/inference/fixtures/binary.onnx', import.meta.url)).length
  for (const name of ['a', 'b']) {
    await deploy(w, 'churn', name)
    await w.endpoints.setScaling(w.by, name, policy({ minWorkers: 0 }))
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  const settings = w.needs.settings
  const tight = { ...settings, get: async () => ({ ...(await settings.get()), servingMemoryMb: (2.5 * bytes) / 2 ** 20 }) }
  const cramped = endpointsService({ ...w.needs, settings: tight })
  const askOf = async (name: string) => {
    const body = { row }
    await cramped.predictText(w.by, name, { body: () => body, text: JSON.stringify(body), requestId: 'req_1' })
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  for (const name of ['a', 'b']) await askOf(name)
  await deployIn(cramped, w.by, 'c')
  const states = async () => Promise.all(['a', 'b', 'c'].map(async (name) => (await cramped.get(w.by, name)).state))
  assert.deepEqual(await states(), ['asleep', 'ready', 'ready'])
  await askOf('a')
  assert.deepEqual(await states(), ['ready', 'asleep', 'ready'])
  await cramped.close()
})

const deployIn = (endpoints: World['endpoints'], by: Principal, name: string) =>
  endpoints.create(by, EndpointInput.parse({ model: 'churn', name }))

test('workers come when a request waits too long, and go one by one when they are idle for a minute', () => {
  const scaler = new Autoscaler()
  const rules = policy({ minWorkers: 1, maxWorkers: 3, queueMs: 50 })
  const figures = (workers: number, busy: number, oldestMs = 0) => ({ workers, busy, waiting: 0, oldestMs })
  assert.equal(scaler.want(figures(1, 1, 20), rules, 0).workers, 1)
  assert.deepEqual(scaler.want(figures(1, 1, 80), rules, 0), { workers: 2, why: 'a request waited 80 ms' })
  assert.equal(scaler.want(figures(3, 3, 900), rules, 0).workers, 3)
  assert.equal(scaler.want(figures(3, 0), rules, 1000).workers, 3)
  assert.equal(scaler.want(figures(3, 0), rules, 60_000).workers, 3)
  assert.deepEqual(scaler.want(figures(3, 0), rules, 61_000), { workers: 2, why: 'idle for 60 s' })
  assert.equal(scaler.want(figures(2, 2), rules, 90_000).workers, 2)
  assert.equal(scaler.want(figures(2, 0), rules, 122_000).workers, 2, 'it was busy in between')
  assert.equal(scaler.want(figures(1, 0), rules, 500_000).workers, 1)
  assert.equal(scaler.want(figures(1, 0), policy({ minWorkers: 2, maxWorkers: 4 }), 0).workers, 2)
})

test('a caller over the rate waits, others do not; a burst of twice the rate passes', () => {
  const gate = new Gate('live', policy({ perCaller: { perSecond: 2 } }))
  const by = (userId: string) => ({ userId, credential: { kind: 'token', id: userId } }) as unknown as Principal
  const enter = (who: string, now: number) => {
    gate.enter(by(who), now)
    gate.leave(by(who), now, 1)
  }
  for (let i = 0; i < 4; i++) enter('ann', 0)
  assert.throws(() => enter('ann', 0), { code: 'rate_limited', message: /2 times a second/ })
  enter('bob', 0)
  enter('ann', 500)
  assert.throws(() => enter('ann', 500), { code: 'rate_limited' })
  assert.deepEqual([gate.throttled, gate.inFlight], [2, 0])
})

test('what leaves memory first: what may sleep and was not asked for longest; nothing that answers or was just loaded', () => {
  const held = (id: string, askedAt: number, more: object = {}) => ({
    id,
    memoryBytes: 100,
    askedAt,
    inFlight: 0,
    maySleep: true,
    ...more,
  })
  const all = [held('a', 30), held('b', 10), held('c', 5, { maySleep: false }), held('d', 1, { inFlight: 1 }), held('e', 0)]
  assert.deepEqual(whoLeaves(all, 500, 'e', 100_000), [])
  assert.deepEqual(whoLeaves(all, 350, 'e', 100_000), ['b', 'a'])
  assert.deepEqual(whoLeaves(all, 0, 'e', 100_000), ['b', 'a', 'c'])
  assert.deepEqual(whoLeaves(all, 0, 'e', 50_000), ['b', 'a'], 'c was asked less than a minute ago')
})
