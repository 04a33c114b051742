import assert from 'node:assert/strict'
import { onEachDatabase } from '../../ports/metadata/testing.ts'
import { EndpointInput } from '../endpoints/schema.ts'
import { servingMigrations, servingWorld } from '../endpoints/testing.ts'
import { ExplainInput } from './schema.ts'

/** p(yes) = sigmoid(a + b + (1 when state is OH)): additive in log odds, so what is right is known. */
const background = [
  { a: 0, b: 0, state: 'AK' },
  { a: 1, b: -1, state: 'OH' },
  { a: -1, b: 0.5, state: 'AK' },
  { a: 0.5, b: 2, state: null },
]
const row = { a: 2, b: -1, state: 'OH' }

onEachDatabase('an endpoint says which columns led to its answer', servingMigrations, async (metadata) => {
  const world = await servingWorld(metadata)
  try {
    await world.register('churn', { background })
    const endpoint = await world.endpoints.create(
      world.by,
      EndpointInput.parse({ name: 'why', model: 'churn', capture: { share: 0, keepDays: 1 } }),
    )
    const ask = (input: object) => world.endpoints.explain(world.by, endpoint.id, ExplainInput.parse({ row, ...input }))

    const linear = await ask({ method: 'linear', scale: 'log_odds' })
    const [one] = linear.explanations
    const by = Object.fromEntries(one!.contributions.map(({ column, contribution }) => [column, contribution]))
    assert.ok(Math.abs(by.a! - (2 - 0.125)) < 1e-4)
    assert.ok(Math.abs(by.b! - (-1 - 0.375)) < 1e-4)
    assert.ok(Math.abs(by.state! - 0.75) < 1e-4)
    assert.equal(one!.output, 'yes')
    assert.equal(linear.endpoint, 'why')
    assert.equal(linear.backgroundRows, 4)

    for (const method of ['exact', 'kernel', 'permutation', 'auto']) {
      const { explanations } = await ask({ method })
      const { base, answer, contributions, rest, probabilities } = explanations[0]!
      const total = contributions.reduce((sum, { contribution }) => sum + contribution, base + rest)
      assert.ok(Math.abs(total - answer) < 1e-6, `${method} does not add up`)
      assert.ok(Math.abs(answer - probabilities!.yes!) < 1e-6)
    }

    const top = (await ask({ method: 'exact', top: 1 })).explanations[0]!
    assert.equal(top.contributions.length, 1)
    assert.equal(top.contributions[0]!.column, 'a')
    assert.ok(Math.abs(top.base + top.rest + top.contributions[0]!.contribution - top.answer) < 1e-6)

    const no = (await ask({ method: 'exact', output: 'no' })).explanations[0]!
    assert.ok(no.contributions.find(({ column }) => column === 'a')!.contribution < 0)

    await assert.rejects(ask({ output: 'maybe' }), { code: 'invalid_input', message: /knows no, yes/ })
    await assert.rejects(ask({ method: 'linear' }), { code: 'invalid_input', message: /log_odds/ })
    await assert.rejects(ask({ row: { a: 1, b: 'two', state: null } }), { code: 'unprocessable', message: /column "b"/ })
  } finally {
    await world.endpoints.close()
    await world.done()
  }
})

onEachDatabase('a version without background rows says what would help', servingMigrations, async (metadata) => {
  const world = await servingWorld(metadata)
  try {
    await world.register('old')
    await assert.rejects(world.explanations.explain(world.by, 'old:1', ExplainInput.parse({ row })), {
      code: 'precondition_failed',
      message: /no background rows.*Train a version anew/,
    })
  } finally {
    await world.done()
  }
})
