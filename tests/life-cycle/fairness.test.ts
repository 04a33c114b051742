/** Bias reports and policies over the whole platform: what groups of people get, who may see it, and what it keeps from being promoted. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type TrainingWorld, trainingWorld } from '../training-world.ts'

/** Applicants whose group decides much of what they get: the label itself is unfair, and a model that sees the group learns it. */
function applicants(rows: number): string {
  let state = 11
  const random = () => {
    state = (state * 48271) % 2147483647
    return state / 2147483647
  }
  const lines = ['id,age,income,branch,origin,consent,granted']
  for (let i = 0; i < rows; i++) {
    const origin = random() < 0.4 ? 'south' : random() < 0.03 ? 'west' : 'north'
    const age = 18 + Math.floor(random() * 60)
    const income = Math.round(1000 + random() * 4000)
    const branch = ['a', 'b', 'c'][Math.floor(random() * 3)]
    const score = income / 2000 + (origin === 'south' ? -1 : 0.4) + (random() - 0.5) * 1.4
    const shown = random() < 0.02 ? '' : origin
    lines.push(`p${i},${age},${income},${branch},${shown},${random() < 0.5},${score > 0.9 ? 'yes' : 'no'}`)
  }
  return `${lines.join('\n')}\n`
}

const rows = 1200
const byOrigin = [{ column: 'origin', reference: 'north' }]

describe('bias of data and models', { timeout: 300_000 }, () => {
  let world: TrainingWorld & { close(): Promise<void> }
  let model: string

  before(async () => {
    world = await trainingWorld()
    await world.addTable('applicants', applicants(rows), 'granted')
    const job = await world.train({
      dataset: 'applicants',
      target: 'granted',
      positive: 'yes',
      metric: 'roc_auc',
      algorithms: ['logistic_regression'],
      search: { strategy: 'none' },
      model: 'grants',
    })
    assert.equal(job.state, 'succeeded', job.failure?.message)
    model = 'grants:1'
  })
  after(() => world?.close())

  const ofData = (body: object) =>
    world.call('POST', '/v1/bias/data', { body: { dataset: 'applicants', facets: byOrigin, ...body } })
  const ofModel = (body: object = {}) => world.call('POST', '/v1/bias/models', { body: { model, facets: byOrigin, ...body } })

  test('before training: every row is in one group, and what is unfair is said', async () => {
    const { status, json: report } = await ofData({
      facets: [...byOrigin, { column: 'age', threshold: 40 }],
      intersections: [['origin', 'age']],
    })
    assert.equal(status, 200, JSON.stringify(report))
    assert.equal(report.rows, rows)
    assert.equal(report.favourable, 'granted is "yes"')
    for (const { groups } of report.facets)
      assert.equal(
        groups.reduce((sum: number, group: any) => sum + group.rows, 0),
        rows,
      )
    const south = report.facets[0].comparisons.find((one: any) => one.group === 'south')
    const difference = south.measures.find((one: any) => one.measure === 'label_difference')
    assert.ok(difference.value > 0.3 && difference.verdict === 'outside', JSON.stringify(difference))
    assert.match(south.sentences.join(' '), /more than chance, p < 0\.001 after Holm/)
    assert.equal(report.facets[2].groups.length, 2 * report.facets[0].groups.length)
  })

  test('a group of few rows is said to be too small, a missing value is a group of its own', async () => {
    const { json: report } = await ofData({})
    const [facet] = report.facets
    assert.equal(facet.groups.find((group: any) => group.kind === 'missing').name, '(missing)')
    const west = facet.comparisons.find((one: any) => one.group === 'west')
    assert.equal(west.measures.find((one: any) => one.measure === 'label_difference').verdict, 'too_few')
    assert.match(west.sentences[0], /Too few rows to say/)
  })

  test("the rows behind a group are a filter of the data set's rows", async () => {
    const { json: report } = await ofData({ facets: [{ column: 'age', edges: [30, 50] }], intersections: [] })
    for (const group of report.facets[0].groups) {
      const found = await world.ask('GET', `/v1/datasets/applicants/rows?limit=1&where=${encodeURIComponent(group.where)}`)
      assert.equal(found.total, group.rows, group.name)
    }
  })

  test('after training: the sealed rows by a column, each measure with what it rests on, the model asked again', async () => {
    const { status, json: report } = await ofModel({ facets: [...byOrigin, { column: 'age', threshold: 40 }], stratum: 'branch' })
    assert.equal(status, 200, JSON.stringify(report))
    assert.equal(report.rows, 240)
    const [origin] = report.facets
    const south = origin.comparisons.find((one: any) => one.group === 'south')
    const impact = south.measures.find((one: any) => one.measure === 'disparate_impact')
    assert.ok(impact.value < 0.7 && impact.high < 0.8 && impact.verdict === 'outside', JSON.stringify(impact))
    const said = (name: string) => south.measures.find((one: any) => one.measure === name)
    const rateOf = (name: string) => origin.groups.find((group: any) => group.name === name).rates.predicted
    assert.ok(Math.abs(said('positive_difference').value - (rateOf('north').value - rateOf('south').value)) < 1e-12)
    assert.ok(said('flip_test').value > 0.1, 'the neighbours in the north fare better')
    assert.ok(Number.isFinite(said('conditional_disparity_predicted').value))
    const toNorth = origin.counterfactuals.changes.find((one: any) => one.from === 'south' && one.to === 'north')
    assert.ok(toNorth.toFavourable > 5 && toNorth.toUnfavourable === 0, JSON.stringify(toNorth))
    assert.match(origin.counterfactuals.sentence, /changed \d+ of \d+ answers/)
  })

  test('a facet need not be an input of the model; then changing it changes nothing', async () => {
    const { json: report } = await ofModel({ facets: [{ column: 'id', groups: [{ name: 'first', values: ['p0'] }] }] })
    assert.match(report.facets[0].counterfactuals.sentence, /does not read "id"/)
    assert.equal(report.facets[0].counterfactuals.asked, 0)
  })

  test('what cannot be reported is refused with the column and what would help', async () => {
    for (const [body, sentence] of [
      [{ facets: [{ column: 'Origin' }] }, /no column "Origin"\. Did you mean "origin"/],
      [{ facets: [{ column: 'id' }] }, /1200 groups; a report compares at most 50\. Put its values into groups/],
      [{ facets: [{ column: 'income' }] }, /Give it a threshold or edges/],
      [{ facets: [{ column: 'origin', threshold: 3 }] }, /holds no numbers/],
      [{ facets: [{ column: 'age', edges: [40, 30] }] }, /do not ascend/],
      [{ facets: [{ column: 'origin', reference: 'east' }] }, /No row .* is in the reference "east"/],
      [
        {
          facets: [
            { column: 'age', threshold: 40 },
            { column: 'age', edges: [30] },
          ],
        },
        /Two facets are called "age"/,
      ],
      [{ intersections: [['origin', 'sex']] }, /no facet "sex" to cross/],
      [{ favourable: { values: ['maybe'] } }, /"maybe" is no value of "granted"; these are "(no|yes)"/],
      [{ favourable: { atLeast: 3 } }, /holds no numbers/],
      [{ stratum: 'id' }, /1200 values; demographic disparity/],
      [{ label: 'income' }, /Say which outcome is favourable/],
    ] as const) {
      const { status, json } = await ofData(body)
      assert.equal(status, 400, JSON.stringify(body))
      assert.match(json.error.message, sentence)
    }
  })

  test('names and values are data, never SQL', async () => {
    const evil = `north' OR 1=1; DROP TABLE cube; --"`
    const { status, json } = await ofData({
      facets: [{ column: 'origin', name: evil.slice(0, 60), groups: [{ name: evil, values: [evil, 'south'] }] }],
    })
    assert.equal(status, 200, JSON.stringify(json))
    assert.deepEqual(json.facets[0].groups.map((group: any) => group.name).sort(), ['(missing)', '(other)', evil].sort())
    const { status: refused } = await ofData({ facets: [{ column: `origin" FROM t; --` }] })
    assert.equal(refused, 400)
  })

  test('numbers may be outcomes: favourable from a bound on', async () => {
    const { json: report } = await ofData({ label: 'income', favourable: { atLeast: 3000 } })
    assert.equal(report.favourable, 'income is at least 3000')
    assert.ok(report.facets[0].groups.every((group: any) => group.rates.favourable.value > 0.2))
  })

  test('whoever may not see the data sees no groups, also where they see the model', async () => {
    const { token } = await world.person('reader', 'viewer')
    await world.ask('PATCH', '/v1/datasets/applicants', { visibility: 'private' })
    assert.equal((await world.call('GET', '/v1/models/grants', { token })).status, 200)
    for (const [method, path, body] of [
      ['POST', '/v1/bias/models', { model, facets: byOrigin }],
      ['POST', '/v1/bias/data', { dataset: 'applicants', facets: byOrigin }],
      ['GET', `/v1/bias/reports?model=${model}`, undefined],
      ['GET', `/v1/bias/check?model=${model}`, undefined],
    ] as const)
      assert.equal((await world.call(method, path, { token, body })).status, 404, path)
    await world.ask('PATCH', '/v1/datasets/applicants', { visibility: 'team' })
    assert.equal((await world.call('POST', '/v1/bias/models', { token, body: { model, facets: byOrigin } })).status, 200)
    const kept = await world.call('POST', '/v1/bias/models', { token, body: { model, facets: byOrigin, keep: true } })
    assert.equal(kept.status, 403, 'a reader keeps nothing')
  })

  test('a kept report is on the card, and can be forgotten', async () => {
    const card = async () => (await world.call('GET', '/v1/models/grants/versions/1/card')).text
    assert.match(await card(), /Fairness between groups of people was not examined/)
    const { json: report } = await ofModel({ keep: true })
    assert.match(await card(), /## Fairness[\s\S]*\| south \| \d+ \| [\d.]+ %/)
    assert.doesNotMatch(await card(), /was not examined/)
    assert.deepEqual(
      (await world.ask('GET', `/v1/bias/reports?model=${model}`)).items.map((one: any) => one.id),
      [report.id],
    )
    assert.equal((await world.call('DELETE', `/v1/bias/reports/${report.id}`)).status, 204)
    assert.match(await card(), /was not examined/)
  })

  test('a policy refuses a promotion with its figures; an administrator overrides it with a reason', async () => {
    const editor = await world.person('editor', 'editor')
    const input = {
      name: 'four fifths',
      dataset: 'applicants',
      facets: byOrigin,
      rules: [
        { measure: 'disparate_impact', atLeast: 0.8, atMost: 1.25 },
        { measure: 'recall_difference', atMost: 0.1 },
      ],
    }
    const refusedToEditor = await world.call('POST', '/v1/bias/policies', { token: editor.token, body: input })
    assert.equal(refusedToEditor.status, 403, 'who could set a policy could also lift it')
    const { status, json: policy } = await world.call('POST', '/v1/bias/policies', { body: input })
    assert.equal(status, 201, JSON.stringify(policy))
    assert.match(policy.sentence, /disparate impact between 0\.8 and 1\.25; recall difference at most 0\.1 either way/)
    assert.equal((await world.call('POST', '/v1/bias/policies', { body: input })).status, 409)

    const { items } = await world.ask('GET', `/v1/bias/check?model=${model}`)
    assert.equal(items[0].met, false)
    assert.equal(items[0].checks.find((one: any) => one.group === 'west').met, null, 'too few rows neither meet nor break it')

    const promote = (body: object, token?: string) =>
      world.call('POST', '/v1/models/grants/versions/1/promote', { body, ...(token && { token }) })
    const refusal = await promote({ to: 'approved' }, editor.token)
    assert.equal(refusal.status, 412, refusal.text)
    assert.match(
      refusal.json.error.message,
      /Disparate impact of "south" against "north" is 0\.\d+ .*the policy "four fifths" wants between 0\.8 and 1\.25/,
    )
    assert.equal(refusal.json.error.facts.fairness[0].policy, policy.id)
    const deployed = await world.call('POST', '/v1/endpoints', { token: editor.token, body: { name: 'grants', model } })
    assert.equal(deployed.status, 412, 'nor is it deployed')
    const reason = 'Reviewed by the board on Monday: used for statistics only.'
    assert.equal((await promote({ to: 'approved', overrideReason: reason }, editor.token)).status, 403)

    const { json: approved } = await promote({ to: 'approved', overrideReason: reason })
    assert.equal(approved.state, 'approved')
    assert.equal(approved.override.reason, reason)
    assert.equal((await world.call('DELETE', `/v1/bias/policies/${policy.id}`, { token: editor.token })).status, 403)
    assert.equal((await world.call('DELETE', `/v1/bias/policies/${policy.id}`)).status, 204)
  })

  test('a policy that no row can be held to is not met in silence', async () => {
    const rule = { measure: 'disparate_impact', atLeast: 0.8 }
    const body = { name: 'sure', dataset: 'applicants', facets: byOrigin, minimumRows: 5000, rules: [rule] }
    const { json: policy } = await world.call('POST', '/v1/bias/policies', { body })
    const { items } = await world.ask('GET', `/v1/bias/check?model=${model}`)
    assert.equal(items[0].met, false)
    assert.match(items[0].sentences[0], /cannot be checked: no two groups have 5000 sealed rows/)
    await world.call('DELETE', `/v1/bias/policies/${policy.id}`)
    for (const [wrong, sentence] of [
      [{ ...body, dataset: null }, /Say which models the policy binds/],
      [{ ...body, facets: [{ column: 'sex' }] }, /no column "sex"/],
      [{ ...body, rules: [{ measure: 'recall_difference' }] }, /atLeast/],
    ] as const) {
      const refused = await world.call('POST', '/v1/bias/policies', { body: wrong })
      assert.equal(refused.status, 400)
      assert.match(refused.json.error.message, sentence)
    }
  })
})
