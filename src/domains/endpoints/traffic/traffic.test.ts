import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { PlatformError } from '../../../kernel/errors.ts'
import { EndpointInput, PredictOutput } from '../schema.ts'
import { endpointsService } from '../service.ts'
import { binarySignature } from '../testing.ts'
import { onBoth, onSqlite, refusal, type ServingWorld } from '../testing-worlds.ts'
import { Breaker } from './breaker.ts'
import { pointOf, variantAt } from './choose.ts'
import { comparePredictions } from './compare-predictions.ts'
import { wrongWith } from './rollouts.ts'
import { RolloutInput, TrafficInput } from './schema.ts'

type World = ServingWorld

/** p(yes) = sigmoid(a + b): of 0.5 to 0.9 the two models say differently. */
const cautious = { ...binarySignature, threshold: 0.9 }
const row = { a: 0.6, b: 0.6, state: 'AK' }

let asked = 0
async function ask(w: World, body: unknown = { row }, headers: Record<string, string> = {}) {
  const text = JSON.stringify(body)
  const request = { body: () => body, text, requestId: `req_${asked++}`, header: (name: string) => headers[name] }
  return PredictOutput.parse(JSON.parse(await w.endpoints.predictText(w.by, 'live', request)))
}

/** The endpoint "live" with two versions of a model at hand. */
async function twoVersions(w: World) {
  const first = await w.register('churn')
  const second = await w.register('churn', { signature: cautious })
  await w.endpoints.create(w.by, EndpointInput.parse({ model: 'churn:1', name: 'live' }))
  return { first, second }
}
const traffic = (input: object) => TrafficInput.parse(input)
const challenger = (weight: number, more: object = {}) => ({ name: 'challenger', model: 'churn:2', weight, ...more })

onBoth('requests are shared out by weight, told in the answer, and a header pins one', async (w) => {
  await twoVersions(w)
  assert.equal((await ask(w)).variant, undefined)
  const set = await w.endpoints.setTraffic(w.by, 'live', traffic({ variants: [challenger(50)] }))
  assert.deepEqual(
    set.variants.map((one) => [one.name, one.weight, one.versionNumber, one.state]),
    [
      ['main', 50, 1, 'ready'],
      ['challenger', 50, 2, 'ready'],
    ],
  )
  assert.equal((await w.registry.resolveVersion(w.by, 'churn:2')).state, 'deployed')
  const counts: Record<string, number> = {}
  for (let i = 0; i < 400; i++) {
    const { variant, version, predictions } = await ask(w)
    counts[variant!] = (counts[variant!] ?? 0) + 1
    assert.equal(version, variant === 'main' ? 1 : 2)
    assert.equal(predictions[0]!.label, variant === 'main' ? 'yes' : 'no')
  }
  // 400 throws of a fair coin leave 140 to 260 but once in a billion times.
  assert.ok(counts.main! > 140 && counts.main! < 260, JSON.stringify(counts))
  for (const name of ['main', 'challenger']) assert.equal((await ask(w, { row }, { 'x-atoll-variant': name })).variant, name)
  const unknown = await refusal(ask(w, { row }, { 'x-atoll-variant': 'nobody' }))
  assert.match(unknown.message, /has no variant "nobody".*main, challenger/)

  const told = await w.endpoints.traffic(w.by, 'live')
  assert.equal(told.variants[0]!.live.requests + told.variants[1]!.live.requests, 402)
  const { items } = await w.endpoints.listCaptures(w.by, 'live', { limit: 5 })
  assert.equal(items.length, 5)

  const alone = await w.endpoints.setTraffic(w.by, 'live', traffic({ variants: [] }))
  assert.equal(alone.variants.length, 1)
  assert.equal((await ask(w)).variant, undefined)
  assert.equal((await w.registry.resolveVersion(w.by, 'churn:2')).state, 'approved')
})

onSqlite('whoever has the same key gets the same variant, and keeps it as the share grows', async (w) => {
  await twoVersions(w)
  const share = (weight: number) =>
    w.endpoints.setTraffic(w.by, 'live', traffic({ variants: [challenger(weight)], sticky: { by: 'header', name: 'x-patient' } }))
  await share(20)
  const assigned = async () => {
    const moved = new Set<string>()
    for (let i = 0; i < 100; i++) {
      const patient = `p${i}`
      const first = (await ask(w, { row }, { 'x-patient': patient })).variant
      assert.equal((await ask(w, { row }, { 'x-patient': patient })).variant, first)
      if (first === 'challenger') moved.add(patient)
    }
    return moved
  }
  const few = await assigned()
  await share(60)
  const many = await assigned()
  assert.ok(few.size >= 5 && few.size < many.size, `${few.size}, ${many.size}`)
  for (const patient of few) assert.ok(many.has(patient))

  await w.endpoints.setTraffic(w.by, 'live', traffic({ variants: [challenger(50)], sticky: { by: 'field', name: 'state' } }))
  const states = new Set<string | undefined>()
  for (let i = 0; i < 20; i++) states.add((await ask(w)).variant)
  assert.equal(states.size, 1)
})

onBoth('a shadow answers nobody, and how it differs is kept by row', async (w) => {
  await twoVersions(w)
  await w.endpoints.setTraffic(w.by, 'live', traffic({ variants: [challenger(0, { name: 'dark', shadow: true })] }))
  for (let i = 0; i < 10; i++) assert.equal((await ask(w, { rows: [row, { ...row, a: 4 }] })).variant, 'main')
  let seen = await w.endpoints.shadowSummary(w.by, 'live', {})
  for (let i = 0; seen.requests < 10 && i < 100; i++) {
    await delay(20)
    seen = await w.endpoints.shadowSummary(w.by, 'live', {})
  }
  assert.deepEqual([seen.requests, seen.rows, seen.differing, seen.errors, seen.skipped], [10, 20, 10, 0, 0])
  assert.equal(seen.maxAbsDifference, 0)
  assert.deepEqual([seen.examples[0]!.main.label, seen.examples[0]!.shadow.label], ['yes', 'no'])
  assert.ok(seen.mainMs && seen.shadowMs)
  assert.equal((await w.endpoints.shadowSummary(w.by, 'live', { variant: 'another' })).requests, 0)
  assert.equal((await w.registry.resolveVersion(w.by, 'churn:2')).state, 'registered')
})

onBoth('a promoted variant serves at once; the way back loads nothing', async (w) => {
  const { first, second } = await twoVersions(w)
  await w.endpoints.setTraffic(w.by, 'live', traffic({ variants: [challenger(10)] }))
  const promoted = await w.endpoints.promoteVariant(w.by, 'live', { variant: 'challenger' })
  assert.deepEqual(
    promoted.variants.map((one) => [one.name, one.version, one.weight]),
    [
      ['main', second.id, 100],
      ['previous', first.id, 0],
    ],
  )
  const { variant, version, predictions } = await ask(w)
  assert.deepEqual([variant, version, predictions[0]!.label], ['main', 2, 'no'])
  assert.deepEqual([await stateOf(w, 1), await stateOf(w, 2)], ['approved', 'deployed'])
  const back = await w.endpoints.rollback(w.by, 'live')
  assert.equal(back.versionNumber, 1)
  assert.deepEqual([(await ask(w)).version, (await ask(w, { row }, { 'x-atoll-variant': 'previous' })).version], [1, 2])
  assert.deepEqual([await stateOf(w, 1), await stateOf(w, 2)], ['deployed', 'approved'])
})

const stateOf = async (w: World, number: number) => (await w.registry.resolveVersion(w.by, `churn:${number}`)).state

onBoth('a rollout steps by itself and ends with the variant as main', async (w) => {
  const { second } = await twoVersions(w)
  await w.endpoints.setTraffic(w.by, 'live', traffic({ variants: [challenger(0)] }))
  const input = RolloutInput.parse({
    variant: 'challenger',
    steps: [
      { weight: 50, minutes: 0 },
      { weight: 90, minutes: 0 },
    ],
    guard: { minimumRequests: 5 },
  })
  await w.endpoints.startRollout(w.by, 'live', input)
  await w.endpoints.tickRollouts()
  assert.equal((await w.endpoints.rollout(w.by, 'live'))!.step, 0, 'nothing was asked yet')
  assert.match((await refusal(w.endpoints.setTraffic(w.by, 'live', traffic({ variants: [] })))).message, /being rolled out/)
  for (let i = 0; i < 40; i++) await ask(w)
  await w.endpoints.tickRollouts()
  assert.equal((await w.endpoints.rollout(w.by, 'live'))!.step, 1)
  for (let i = 0; i < 40; i++) await ask(w)
  await w.endpoints.tickRollouts()
  const done = (await w.endpoints.rollout(w.by, 'live'))!
  assert.equal(done.state, 'completed')
  assert.match(done.log.at(-1)!.text, /the last step went well: \d+ requests, 0 errors/)
  assert.equal((await w.endpoints.get(w.by, 'live')).version, second.id)
})

onSqlite('a rollout whose variant fails goes back to none, and says why', async (w) => {
  await twoVersions(w)
  await w.endpoints.setTraffic(w.by, 'live', traffic({ variants: [challenger(0)] }))
  await w.endpoints.startRollout(
    w.by,
    'live',
    RolloutInput.parse({ variant: 'challenger', steps: [{ weight: 50, minutes: 60 }] }),
  )
  // A request that is wrong is an error of this variant's too: what is bad here fails on main alike, and the rate tells.
  for (let i = 0; i < 30; i++) await ask(w, { row: { a: 'x' } }, { 'x-atoll-variant': 'challenger' }).catch(() => {})
  await w.endpoints.tickRollouts()
  const ended = (await w.endpoints.rollout(w.by, 'live'))!
  assert.equal(ended.state, 'rolled_back')
  assert.match(ended.reason!, /30 of its 30 requests failed/)
  const [main, other] = (await w.endpoints.traffic(w.by, 'live')).variants
  assert.deepEqual([main!.weight, other!.weight], [100, 0])
})

onSqlite('what variants may not be is refused, with what would help', async (w) => {
  await twoVersions(w)
  const set = (variants: object[]) => refusal(w.endpoints.setTraffic(w.by, 'live', traffic({ variants })))
  assert.match((await set([challenger(60), { ...challenger(60), name: 'third' }])).message, /add up to 120 per cent/)
  assert.match((await set([challenger(10), challenger(5)])).message, /Two variants are called "challenger"/)
  assert.match((await set([{ ...challenger(10), name: 'main' }])).message, /Main is what the endpoint itself serves/)
  assert.match((await set([challenger(10, { shadow: true })])).message, /is a shadow and answers nobody/)
  await w.register('other', { signature: { ...binarySignature, classes: ['no', 'maybe'], positive: 'maybe' } })
  assert.match(
    (await set([{ ...challenger(10), model: 'other' }])).message,
    /other classes than "live": "yes" is missing, "maybe" is new/,
  )
  await w.register('weak', { goal_id: await w.goalOf(0.99) })
  assert.match((await set([{ ...challenger(10), model: 'weak' }])).message, /goal of at least 0\.99 is not met/)
  assert.equal((await w.endpoints.traffic(w.by, 'live')).variants.length, 1)
  // What falls short of its goal may be looked at in the dark.
  const dark = await w.endpoints.setTraffic(
    w.by,
    'live',
    traffic({ variants: [{ ...challenger(0, { shadow: true }), model: 'weak' }] }),
  )
  assert.equal(dark.variants.length, 2)
  assert.equal((await refusal(w.endpoints.promoteVariant(w.by, 'live', { variant: 'challenger' }))).code, 'precondition_failed')
})

onSqlite('variants stand again when the server starts anew', async (w) => {
  await twoVersions(w)
  await w.endpoints.setTraffic(w.by, 'live', traffic({ variants: [challenger(100)] }))
  await w.endpoints.patch(w.by, 'live', { running: false })
  assert.deepEqual(
    (await w.endpoints.get(w.by, 'live')).variants.map((one) => one.state),
    ['stopped', 'stopped'],
  )
  await w.endpoints.patch(w.by, 'live', { running: true })
  const { variant, version } = await ask(w)
  assert.deepEqual([variant, version], ['challenger', 2])
})

test('a variant that fails five times in a row rests, and one request tries it again', () => {
  const breaker = new Breaker()
  const dead = new PlatformError('unavailable', 'gone')
  for (let i = 0; i < 4; i++) breaker.failed(dead, 0)
  breaker.failed(new PlatformError('invalid_input', 'the row is wrong'), 0)
  for (let i = 0; i < 5; i++) assert.ok(breaker.take(0), String(breaker.failed(dead, 0)))
  assert.deepEqual([breaker.take(9_999), breaker.state(9_999), breaker.restSeconds(9_000)], [false, 'open', 1])
  assert.deepEqual([breaker.take(10_000), breaker.take(10_000)], [true, false])
  breaker.failed(dead, 10_000)
  assert.equal(breaker.take(15_000), false)
  assert.ok(breaker.take(20_000))
  breaker.succeeded()
  assert.equal(breaker.state(20_000), 'closed')
})

test('points of keys are even, and weights cut the line where they say', () => {
  const points = Array.from({ length: 10_000 }, (_, i) => pointOf('end_1', `key ${i}`))
  const mean = points.reduce((sum, point) => sum + point, 0) / points.length
  assert.ok(Math.abs(mean - 0.5) < 0.015, `${mean}`)
  const others = [
    { name: 'b', weight: 25 },
    { name: 'c', weight: 5 },
  ]
  const share = (name?: string) => points.filter((point) => variantAt(others, point)?.name === name).length / points.length
  for (const [name, wanted] of [
    [undefined, 0.7],
    ['b', 0.25],
    ['c', 0.05],
  ] as const)
    assert.ok(Math.abs(share(name) - wanted) < 0.02, `${name}: ${share(name)}`)
  assert.equal(variantAt([{ weight: 100 }], 0)?.weight, 100)
  assert.equal(variantAt([], 0.999), null)
})

test('answers differ by label, by more than a thousandth of a value, or in whatever else they say', () => {
  assert.deepEqual(comparePredictions({ value: 100 }, { value: 100.05 }), { differs: false, by: 0.04999999999999716 })
  assert.equal(comparePredictions({ value: 100 }, { value: 101 }).differs, true)
  assert.deepEqual(
    comparePredictions({ label: 'a', probabilities: { a: 0.75, b: 0.25 } }, { label: 'a', probabilities: { a: 0.5, b: 0.5 } }),
    { differs: false, by: 0.25 },
  )
  assert.equal(comparePredictions({ id: '1', text: 'x', seconds: 1 }, { id: '2', text: 'x', seconds: 2 }).differs, false)
  assert.equal(comparePredictions({ text: 'x' }, { text: 'y' }).differs, true)
})

test('a slow variant is told by its p95 beside that of main, above the noise of the clock', () => {
  const guard = { maxErrorRate: 0.02, maxLatencyFactor: 2, minimumRequests: 50 }
  const seen = (p95: number, errors = 0) => ({ requests: 100, errors, p95 })
  assert.match(wrongWith(guard, seen(50), seen(20))!, /p95 is 50\.0 ms, and main's 20\.0 ms/)
  assert.equal(wrongWith(guard, seen(1.9), seen(0.2)), null)
  assert.match(wrongWith(guard, seen(1, 3), seen(1))!, /3 of its 100 requests failed/)
  assert.equal(wrongWith(guard, { requests: 5, errors: 5, p95: 900 }, seen(1)), null)
})

onBoth('a version that reads fewer columns answers callers who send those that the version before read', async (w) => {
  await w.register('churn')
  const [a, b] = binarySignature.inputs as [object, object]
  const state = { ...(binarySignature.inputs[2] as object), name: 'region', nullable: true }
  await w.register('churn', { signature: { ...binarySignature, inputs: [a, b, state] as typeof binarySignature.inputs } })
  await w.endpoints.create(w.by, EndpointInput.parse({ model: 'churn:1', name: 'live' }))
  assert.equal((await refusal(ask(w, { row: { ...row, region: 'OH' } }))).code, 'unprocessable')
  await w.endpoints.patch(w.by, 'live', { model: 'churn:2' })
  assert.equal((await ask(w)).version, 2)
  assert.equal((await ask(w, { row: { a: 1, b: 1, region: 'OH' } })).version, 2)
  assert.match((await refusal(ask(w, { row: { ...row, regoin: 'OH' } }))).message, /regoin/)
  await w.endpoints.rollback(w.by, 'live')
  assert.equal((await ask(w, { row: { ...row, region: 'OH' } })).version, 1)
})

onBoth('a promotion in one process is served by another moments later', async (w) => {
  // SQLite serves one process.
  if (w.needs.metadata.kind === 'postgres') {
    await twoVersions(w)
    const other = endpointsService(w.needs)
    await other.start()
    try {
      const there = async () => {
        const body = { row }
        const text = await other.predictText(w.by, 'live', { body: () => body, text: JSON.stringify(body), requestId: 'req_1' })
        return JSON.parse(text) as { version: number; variant?: string }
      }
      assert.equal((await there()).version, 1)
      await w.endpoints.setTraffic(w.by, 'live', traffic({ variants: [challenger(0)] }))
      await w.endpoints.promoteVariant(w.by, 'live', { variant: 'challenger' })
      let seen = await there()
      for (let i = 0; seen.version !== 2 && i < 100; i++) {
        await delay(50)
        seen = await there()
      }
      assert.deepEqual([seen.version, seen.variant], [2, 'main'])
      await w.endpoints.patch(w.by, 'live', { running: false })
      const refused = async () => (await there().catch((error) => error))?.code === 'precondition_failed'
      for (let i = 0; !(await refused()) && i < 100; i++) await delay(50)
      assert.ok(await refused())
    } finally {
      await other.close()
    }
  }
})
