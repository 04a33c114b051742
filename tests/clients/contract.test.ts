/** What an endpoint promises over HTTP: refusals that list all, descriptions, answers with their reasons, ids that come again. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type AtollError, createAtoll } from '../../sdk/src/index.ts'
import { type TensorWorld, tensorWorld } from './tensor-world.ts'

let w: TensorWorld
let atoll: ReturnType<typeof createAtoll>
before(async () => {
  w = await tensorWorld()
  atoll = createAtoll({ url: w.origin, token: w.token })
})
after(() => w.close())

const timeout = 30_000
const row = { a: 0.5, b: 1, state: 'OH' }
const refusal = async (work: Promise<unknown>): Promise<AtollError> =>
  work.then(
    () => assert.fail('it was accepted'),
    (error) => error,
  )

test('rows that do not fit are answered with 422, which names row and column of all of them', { timeout }, async () => {
  const error = await refusal(atoll.endpoints.predict('churn', [row, { a: 'x', state: 4 }, { b: 1, c: 2 }]))
  assert.deepEqual([error.status, error.code], [422, 'unprocessable'])
  const problems = error.facts.problems as { row: number; column: string; problem: string }[]
  assert.deepEqual(
    problems.map((one) => [one.row, one.column, one.problem]),
    [
      [1, 'a', 'type'],
      [1, 'b', 'missing'],
      [1, 'state', 'type'],
      [2, 'c', 'unknown'],
    ],
  )
  const far = await atoll.endpoints.predict('churn', [{ a: 99, b: 1, state: 'ZZ' }])
  assert.equal(far.warnings.length, 2)
})

test('the endpoint describes what it takes, and its own answers fit the description', { timeout }, async () => {
  const { components, paths } = (await atoll.endpoints.openapi('churn')) as any
  assert.equal(Object.keys(paths).length, 3)
  const { predictions } = await atoll.endpoints.predict('churn', [row])
  for (const name of components.schemas.Prediction.required) assert.ok(name in predictions[0]!, name)
  for (const name of Object.keys(predictions[0]!)) assert.ok(name in components.schemas.Prediction.properties, name)
  assert.deepEqual(await atoll.endpoints.health('churn'), { status: 'ok', endpoint: 'churn', model: 'churn', version: 1 })
  const { inputs, outputs, links } = await atoll.endpoints.metadata('churn')
  assert.deepEqual([inputs.length, outputs.map(({ name }) => name)], [3, ['label', 'probabilities']])
  assert.equal((await fetch(w.origin + links.openapi, { headers: { authorization: `Bearer ${w.token}` } })).status, 200)
})

test('an endpoint that is stopped is not healthy', { timeout }, async () => {
  await atoll.endpoints.update('clips', { running: false })
  assert.equal((await refusal(atoll.endpoints.health('clips'))).status, 503)
  const ready = await fetch(`${w.origin}/v2/models/clips/ready`, { headers: { authorization: `Bearer ${w.token}` } })
  assert.equal(ready.status, 503)
  await atoll.endpoints.update('clips', { running: true })
  assert.equal((await atoll.endpoints.health('clips')).status, 'ok')
})

test('reasons and nearest examples come with the predictions that ask for them', { timeout }, async () => {
  const { predictions } = await atoll.endpoints.predict('churn', [row, { ...row, state: 'AK' }], {
    explain: { method: 'exact' },
    nearest: 2,
  })
  for (const { explanation, nearest, probabilities } of predictions) {
    const { base, answer, rest, contributions } = explanation!
    const total = contributions.reduce((sum, { contribution }) => sum + contribution, base + rest)
    assert.ok(Math.abs(total - probabilities!.yes!) < 1e-6 && Math.abs(answer - total) < 1e-6)
    assert.equal(nearest!.length, 2)
  }
  const plain = await atoll.endpoints.predict('churn', [row], { explain: false })
  assert.deepEqual(Object.keys(plain.predictions[0]!), ['id', 'label', 'probabilities'])
  assert.equal(
    (await refusal(atoll.endpoints.predict('churn', [row], { explain: { method: 'magic' as never } }))).facts.field,
    'explain',
  )
  assert.equal((await refusal(atoll.endpoints.predict('churn', [row], { nearest: 5000 }))).facts.field, 'nearest')
  assert.equal((await refusal(atoll.endpoints.predict('churn', new Array(101).fill(row), { explain: true }))).status, 400)
  const { items } = await atoll.endpoints.captures('churn', { limit: 1 })
  assert.deepEqual(Object.keys(items[0]!.prediction), ['label', 'probabilities'])
})

test('a request that is sent again under its key has the same ids, and only then', { timeout }, async () => {
  const ids = async (key: string | undefined, rows: object[], token = w.token) =>
    (
      await createAtoll({ url: w.origin, token }).endpoints.predict('churn', rows as Record<string, unknown>[], {
        idempotencyKey: key,
      })
    ).predictions.map(({ id }) => id)
  const first = await ids('k-1', [row, row])
  assert.deepEqual(await ids('k-1', [row, row]), first)
  assert.equal(new Set(first).size, 2)
  assert.notDeepEqual(await ids('k-2', [row, row]), first)
  assert.notDeepEqual(await ids('k-1', [row, { ...row, a: 0.6 }]), first)
  const other = await w.tokenOf(await w.person('Ada', 'viewer'))
  assert.notDeepEqual(await ids('k-1', [row, row], other), first)
  assert.notDeepEqual(await ids(undefined, [row]), await ids(undefined, [row]))
  assert.equal((await refusal(ids('x'.repeat(300), [row]))).status, 400)
})
