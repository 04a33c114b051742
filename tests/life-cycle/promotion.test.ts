import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type ExampleWorld, exampleWorld } from './example-world.ts'

describe('a goal that the data cannot meet', () => {
  let w: ExampleWorld
  let trained: Awaited<ReturnType<ExampleWorld['trained']>>

  before(async () => {
    w = await exampleWorld()
    await w.addExample('telco', 'telco_churn.csv', 'churn')
    const goal = await w.ask('POST', '/v1/goals', {
      dataset: 'telco',
      target: 'churn',
      positive: 'Yes',
      metric: 'f1',
      atLeast: 0.85,
    })
    trained = await w.trained({
      dataset: 'telco',
      goal: goal.id,
      algorithms: ['logistic_regression'],
      search: { strategy: 'none' },
      model: 'telco',
    })
  })
  after(() => w?.close())

  const promote = (token: string, body: object) => w.call('POST', '/v1/models/telco/versions/1/promote', { token, body })

  test('is said plainly not to be met: in the result, on the card, in the progress of the goal', async () => {
    const { goal, validation } = trained.result
    assert.equal(goal?.met, false)
    assert.match(
      goal!.sentence,
      /^F1 is 0\.\d+ \(95 % interval .*\): the goal of at least 0\.85 is not met, it is off by 0\.2\d*\.$/,
    )
    assert.ok(validation.f1! > 0.55 && validation.f1! < 0.68, String(validation.f1))
    const { text } = await w.call('GET', '/v1/models/telco/versions/1/card')
    assert.ok(text.includes('**Not met.**') && text.includes(goal!.sentence), text.slice(0, 600))
    const { best } = await w.ask('GET', `/v1/goals/${trained.version.goal}/progress`)
    assert.equal(best.goalOutcome.met, false)
  })

  test('is refused to whoever asks, with the figures', async () => {
    const editor = await w.person('Ed', 'editor')
    for (const token of [w.token, editor.token])
      for (const [path, body] of [
        ['/v1/models/telco/versions/1/promote', { to: 'approved' }],
        ['/v1/endpoints', { name: 'telco', model: 'telco:1' }],
      ] as const) {
        const { status, json } = await w.call('POST', path, { token, body })
        assert.deepEqual([status, json.error.code], [412, 'precondition_failed'])
        assert.match(json.error.message, /the goal of at least 0\.85 is not met, it is off by/)
        assert.equal(json.error.facts.goal.value, trained.result.test.f1!.value)
      }
    assert.equal((await w.ask('GET', '/v1/models/telco/versions/1')).state, 'registered')
    assert.equal((await w.ask('GET', '/v1/endpoints')).items.length, 0)
  })

  test('an editor may not override it, not even with a reason', async () => {
    const editor = await w.person('Eve', 'editor')
    for (const [path, body] of [
      ['/v1/models/telco/versions/1/promote', { to: 'approved', overrideReason: 'I know better' }],
      ['/v1/endpoints', { name: 'telco', model: 'telco:1', overrideReason: 'I know better' }],
    ] as const) {
      const { status, json } = await w.call('POST', path, { token: editor.token, body })
      assert.deepEqual([status, json.error.code], [403, 'forbidden'], JSON.stringify(json))
    }
    assert.equal((await w.ask('GET', '/v1/models/telco/versions/1')).state, 'registered')
  })

  test('an administrator may override it with a written reason, which stays in the audit trail and on the card', async () => {
    const admin = await w.person('Ada', 'admin')
    for (const overrideReason of ['', '   ']) {
      const { status } = await promote(admin.token, { to: 'approved', overrideReason })
      assert.ok(status === 400 || status === 412, String(status))
    }
    const reason = 'Better than calling at random; agreed with the call centre.'
    const { status, json } = await promote(admin.token, { to: 'approved', overrideReason: reason })
    assert.deepEqual([status, json.state], [200, 'approved'])
    const { items } = await w.ask('GET', '/v1/audit?action=models.promote-with-override')
    assert.deepEqual(
      items.map((entry: any) => [entry.actor, entry.target, entry.facts.reason, entry.facts.to]),
      [[admin.id, trained.version.id, reason, 'approved']],
    )
    assert.ok((await w.call('GET', '/v1/models/telco/versions/1/card')).text.includes(reason))
    assert.equal((await w.ask('GET', '/v1/audit/verify')).brokenAt, null)
    assert.equal((await w.deployed('telco', 'telco:1')).state, 'ready')
  })
})
