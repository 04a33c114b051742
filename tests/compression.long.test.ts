import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Ladder } from '../src/domains/compression/schema.ts'
import { type ExampleWorld, exampleWorld } from './life-cycle/example-world.ts'

let w: ExampleWorld
before(async () => {
  w = await exampleWorld()
})
after(() => w?.close())

test('a distilled student keeps 95 % of the accuracy of a stack at a quarter of its size and four times its speed', {
  timeout: 30 * 60_000,
}, async (t) => {
  await w.addExample('churn', 'mlc_churn.csv', 'churn')
  const { version } = await w.trained({
    dataset: 'churn',
    target: 'churn',
    metric: 'f1',
    algorithms: ['random_forest', 'extra_trees', 'lightgbm', 'stacking'],
    search: { budgetSeconds: 60 },
    model: 'churn',
  })
  const at = `/v1/models/churn/versions/${version.number}`
  const distilled = await w.ask('POST', `${at}/compressions`, { method: 'distil' })
  const { state, failure } = await w.ended(distilled.job.id)
  assert.equal(state, 'succeeded', JSON.stringify(failure))
  const measured = await w.ask('POST', `${at}/ladder`, {})
  assert.equal((await w.ended(measured.job.id)).state, 'succeeded')
  const { rungs } = (await w.ask('GET', `${at}/ladder`)) as Ladder
  const [teacher, student] = rungs
  const compared = await w.ask('POST', '/v1/evaluations/compare', {
    a: teacher!.version,
    b: student!.version,
    metric: 'accuracy',
  })
  t.diagnostic(compared.sentence)
  const speed = teacher!.measured!.one.p50Ms / student!.measured!.one.p50Ms
  t.diagnostic(`${student!.sizeBytes} of ${teacher!.sizeBytes} bytes, ${speed.toFixed(1)} times as fast`)
  assert.ok(compared.b.value >= 0.95 * compared.a.value, compared.sentence)
  assert.ok(student!.sizeBytes <= 0.25 * teacher!.sizeBytes)
  assert.ok(speed >= 4, String(speed))
})
