/** Pipelines: several models as one version, deployed, asked, batched and refused like every other. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { compileExpression } from '../src/domains/endpoints/pipelines/expression.ts'
import { binarySignature } from '../src/domains/endpoints/testing.ts'
import { type ModelWorld, modelWorld } from './model-world.ts'

const numbers = (names: string[]) => (name: string) =>
  names.includes(name) ? ('number' as const) : name === 's' ? ('text' as const) : null

test('expressions are those of recipes: precedence, what is missing, texts, and a place for each mistake', () => {
  const row = { a: 3, b: 2, c: null, s: 'x', 'm.probabilities.yes': 0.25 }
  const value = (source: string) =>
    compileExpression(source, numbers(Object.keys(row).filter((name) => name !== 's'))).evaluate(row)
  for (const [source, wanted] of [
    ['a + b * 2', 7],
    ['(a + b) * 2', 10],
    ['-a - -b', -1],
    ['a / 0', null],
    ['c + 1', null],
    ['coalesce(c, b)', 2],
    ['is_missing(c)', 1],
    ['if(a > b, "more", "less")', 'more'],
    ['s == "x"', 1],
    ['concat("Say ", s, " ", a)', 'Say x 3'],
    ['concat(s, c)', null],
    ['min(a, b, 1)', 1],
    ['m.probabilities.yes * 4', 1],
    ['`m.probabilities.yes` < 0.3', 1],
    ['sqrt(-a)', null],
  ] as const)
    assert.equal(value(source), wanted, source)
  for (const [source, words] of [
    ['a +', /Position 4: a number, a column or a bracket was expected/],
    ['a = b', /Position 3: "=" has no meaning here. Compare with "=="/],
    ['nope + 1', /there is no column "nope"/],
    ['s + 1', /is given a text/],
    ['eval(a)', /there is no function "eval"/],
    ['constructor(a)', /there is no function "constructor"/],
    [`${'('.repeat(60)}a${')'.repeat(60)}`, /nested more than 40 deep/],
    ['a;b', /";" has no meaning/],
    ['', /is empty/],
  ] as const)
    assert.throws(() => value(source), words, source)
})

describe('pipelines', () => {
  let w: ModelWorld
  before(async () => {
    w = await modelWorld()
    await w.register('first')
    // The same graph, whose b is another column of the rows.
    await w.register('second', { signature: { ...binarySignature, threshold: 0.5 } })
  })
  after(() => w.close())

  const spec = {
    inputs: [{ name: 'bonus', type: 'number' }],
    steps: [
      { name: 'prepared', compute: { more: 'coalesce(bonus, 0) + b' } },
      { name: 'one', model: 'first' },
      { name: 'two', model: 'second', inputs: { b: 'more' } },
      { name: 'both', combine: { how: 'average', of: ['one', 'two'] } },
      { name: 'strict', threshold: { of: 'both', at: 0.9 } },
    ],
    output: { from: 'strict', columns: { more: 'more', first_said: 'one.label' } },
  }
  const rows = [
    { a: 0.5, b: 0.5, state: 'OH', bonus: 1 },
    { a: -2, b: 0, state: null, bonus: null },
  ]

  test('a pipeline answers what its steps make of a row, and is deployed, listed and batched like any version', async () => {
    const made = await w.ask('POST', '/v1/pipelines', { name: 'together', pipeline: spec })
    assert.deepEqual(
      [made.manifest.kind, made.task, made.signature.threshold, made.signature.inputs.map(({ name }: any) => name)],
      ['pipeline', 'binary', 0.9, ['bonus', 'a', 'b', 'state']],
    )
    const endpoint = await w.ask('POST', '/v1/endpoints', { name: 'together', model: 'together' })
    assert.equal(endpoint.served, 'pipeline')
    await w.ask('POST', '/v1/endpoints', { name: 'alone', model: 'first' })
    const { predictions } = await w.ask('POST', '/v1/endpoints/together/predict', { rows })
    const asked = async (row: Record<string, unknown>) =>
      (await w.ask('POST', '/v1/endpoints/alone/predict', { row })).predictions[0].probabilities.yes as number
    for (const [i, { a, b, state, bonus }] of rows.entries()) {
      const wanted = ((await asked({ a, b, state })) + (await asked({ a, b: b + (bonus ?? 0), state }))) / 2
      const { label, probabilities, outputs, steps } = predictions[i]
      assert.ok(Math.abs(probabilities.yes - wanted) < 1e-6)
      assert.equal(label, wanted >= 0.9 ? 'yes' : 'no')
      assert.deepEqual(outputs, { more: b + (bonus ?? 0), first_said: steps.one.label })
      assert.deepEqual(Object.keys(steps), ['prepared', 'one', 'two', 'both', 'strict'])
      assert.ok(Object.values(steps).every((step: any) => step.ms >= 0))
    }
    const told = await w.ask('GET', '/v1/endpoints/together/pipeline')
    assert.deepEqual(
      told.steps.map(({ name, calls, rows: asked }: any) => [name, calls, asked]),
      ['prepared', 'one', 'two', 'both', 'strict'].map((name) => [name, 1, 2]),
    )
    assert.equal(told.members[0].name, 'first:1')
    const csv = `a,b,state,bonus\n${rows.map(({ a, b, state, bonus }) => `${a},${b},${state ?? ''},${bonus ?? ''}`).join('\n')}\n`
    const batch = await w.ask('POST', '/v1/transforms', {
      endpoint: 'together',
      input: { upload: await w.upload('rows.csv', csv) },
      output: { format: 'jsonl' },
    })
    await w.ended(batch.job)
    const lines = (await w.call('GET', `/v1/transforms/${batch.id}/result`)).text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    assert.deepEqual(
      lines.map((line) => line.predicted_label),
      predictions.map(({ label }: any) => label),
    )
    assert.deepEqual(
      lines.map(({ predicted_more, predicted_first_said }) => ({ more: predicted_more, first_said: predicted_first_said })),
      predictions.map(({ outputs }: any) => outputs),
    )
    assert.equal((await w.call('POST', '/v1/endpoints/together/explain', { body: { rows: [rows[0]] } })).status, 412)
  })

  test('a cascade asks the next model only about the rows of which the first is not sure', async () => {
    const cascade = {
      steps: [
        { name: 'quick', model: 'first' },
        { name: 'slow', model: 'second' },
        { name: 'answer', combine: { how: 'first_confident', of: ['quick', 'slow'], confidence: 0.8 } },
      ],
      output: { from: 'answer' },
    }
    const { predictions, steps } = await w.ask('POST', '/v1/pipelines/check', {
      pipeline: cascade,
      rows: [
        { a: 3, b: 2, state: 'OH' },
        { a: 0.1, b: 0, state: 'AK' },
      ],
    })
    assert.deepEqual(
      predictions.map((one: any) => one.steps.answer.by),
      ['quick', 'slow'],
    )
    assert.equal(predictions[0].steps.slow, undefined)
    assert.equal(steps.find(({ name }: any) => name === 'slow').rows, 1)
  })

  test('each way of combining is what it says', async () => {
    const said = async (combine: Record<string, unknown>) => {
      const steps = [
        { name: 'one', model: 'first' },
        { name: 'shifted', compute: { c: 'b - 3' } },
        { name: 'two', model: 'second', inputs: { b: 'c' } },
        { name: 'all', combine: { of: ['one', 'two'], ...combine } },
      ]
      const { predictions } = await w.ask('POST', '/v1/pipelines/check', {
        pipeline: { steps, output: { from: 'all' } },
        rows: [{ a: 1, b: 1, state: 'AK' }],
      })
      const { one, two } = predictions[0].steps
      return [predictions[0].probabilities.yes, one.probabilities.yes, two.probabilities.yes] as const
    }
    const near = (a: number, b: number) => assert.ok(Math.abs(a - b) < 1e-6, `${a} and ${b}`)
    const [average, one, two] = await said({ how: 'average' })
    near(average, (one + two) / 2)
    near((await said({ how: 'weighted', weights: [3, 1] }))[0], (3 * one + two) / 4)
    near((await said({ how: 'max' }))[0], Math.max(one, 1 - one) > Math.max(two, 1 - two) ? one : two)
    near((await said({ how: 'vote' }))[0], 0.5)
  })

  test('what does not go together is refused by step and column', async () => {
    const refused = async (pipeline: Record<string, unknown>, words: RegExp, status = 400) => {
      const reply = await w.call('POST', '/v1/pipelines/check', { body: { pipeline } })
      assert.equal(reply.status, status, reply.text)
      assert.match(reply.json.error.message, words)
    }
    const one = { name: 'one', model: 'first' }
    const from = (name: string) => ({ output: { from: name } })
    await refused({ steps: [one], ...from('two') }, /"output.from" names no step "two"/)
    await refused({ steps: [one, one], ...from('one') }, /Step "one": there are two steps/)
    await refused(
      { steps: [one, { name: 'two', model: 'second', inputs: { state: 'one.probabilities.yes' } }], ...from('two') },
      /Step "two": its input "state" \(category\) cannot be the column "one.probabilities.yes" \(number, of the step "one"\)/,
    )
    await refused({ steps: [{ name: 'one', model: 'first', inputs: { zip: 'a' } }], ...from('one') }, /has no input "zip"/)
    await refused(
      { steps: [{ name: 'p', compute: { x: 'nope + 1' } }, one], ...from('one') },
      /Step "p", compute.x: .*no column "nope".*Declare it/,
    )
    await refused(
      { steps: [one, { name: 'p', compute: { a: 'b + 1' } }], ...from('one') },
      /makes the column "a", which the rows have already/,
    )
    await refused({ steps: [{ name: 'p', compute: { x: '1 + 1' } }], ...from('p') }, /needs at least one step with a model/)
    await refused(
      { steps: [one, { name: 'c', combine: { how: 'average', of: ['one', 'later'] } }], ...from('c') },
      /no step "later" before it/,
    )
    await refused(
      { steps: [one, { name: 't', threshold: { of: 'one', at: 0.5, class: 'maybe' } }], ...from('t') },
      /has no class "maybe"/,
    )
    await refused(
      {
        steps: [
          one,
          { name: 'two', model: 'second' },
          { name: 'c', combine: { how: 'first_confident', of: ['one', 'two'] } },
          { name: 'p', compute: { x: 'two.probabilities.yes' } },
        ],
        ...from('c'),
      },
      /is there only for the rows for which the cascade "c" asks "two"/,
    )
    await refused({ steps: [{ name: 'x', model: 'absent' }], ...from('x') }, /no model/, 404)
    await refused({ steps: [{ name: 'x', model: 'together' }], ...from('x') }, /is a pipeline itself/)
    const bad = await w.call('POST', '/v1/endpoints/together/predict', { body: { rows: [rows[0], { ...rows[1], a: 'x' }] } })
    assert.equal(bad.status, 422)
    assert.match(bad.json.error.message, /Row 1, column "a"/)
    const stray = await w.call('POST', '/v1/endpoints/together/predict', { body: { row: { ...rows[0], zip: 1 } } })
    assert.match(stray.json.error.message, /a field "zip" that the model does not use/)
  })

  test('a model that one may not see is no step of one’s pipeline', async () => {
    await w.platform.metadata.db.updateTable('models').set({ visibility: 'private' }).where('name', '=', 'second').execute()
    const other = await w.person('Mallory', 'editor')
    const reply = await w.call('POST', '/v1/pipelines', {
      token: other.token,
      body: { name: 'mine', pipeline: { steps: [{ name: 'x', model: 'second' }], output: { from: 'x' } } },
    })
    assert.equal(reply.status, 404)
  })
})
