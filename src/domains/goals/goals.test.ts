import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { judgeTarget, type TargetFacts, targetColumn } from './judge-target.ts'
import { refuseHopelessBound } from './metrics.ts'
import { goalSentence, judgeOutcome } from './outcome.ts'

const facts = (given: Partial<TargetFacts>): TargetFacts => ({
  name: 'y',
  type: 'category',
  rows: 1000,
  missing: 0,
  distinct: 2,
  values: [
    { value: 'no', count: 860 },
    { value: 'yes', count: 140 },
  ],
  ...given,
})
const manyValues = (n: number) => Array.from({ length: Math.min(n, 51) }, (_, i) => ({ value: String(i), count: 10 }))

describe('what a target sets', () => {
  test('two classes are binary, and the one that means yes is positive', () => {
    assert.deepEqual(judgeTarget(facts({})), { task: 'binary', positive: 'yes', classes: facts({}).values })
  })

  test('without such a word the rarer class is positive', () => {
    const values = [
      { value: 'stayed', count: 700 },
      { value: 'left', count: 300 },
    ]
    assert.equal(judgeTarget(facts({ values })).positive, 'left')
  })

  test('the positive class is found whatever its case, and a wrong one is refused with the right ones', () => {
    assert.equal(judgeTarget(facts({}), { positive: 'YES' }).positive, 'yes')
    assert.throws(() => judgeTarget(facts({}), { positive: 'maybe' }), /never "maybe"; it is "no" or "yes"/)
  })

  test('numbers are a regression, unless the metric is of classes', () => {
    const number = facts({ type: 'integer', distinct: 30, values: manyValues(30) })
    assert.equal(judgeTarget(number).task, 'regression')
    assert.equal(judgeTarget(number, { metric: 'f1_macro' }).task, 'multiclass')
    assert.equal(judgeTarget(facts({ type: 'integer', distinct: 2 }), { metric: 'rmse' }).task, 'regression')
    assert.equal(judgeTarget(facts({ type: 'number', distinct: 400, values: manyValues(400) })).task, 'regression')
  })

  test('what cannot be learnt is refused in one sentence that names the column', () => {
    assert.throws(() => judgeTarget(facts({ distinct: 1, values: [{ value: 'no', count: 1000 }] })), /"y" is "no" in every row/)
    assert.throws(() => judgeTarget(facts({ missing: 1000, distinct: 0, values: [] })), /"y" is missing in every one/)
    assert.throws(() => judgeTarget(facts({ type: 'text', distinct: 900, values: manyValues(900) })), /"y" is free text \(900/)
    assert.throws(() => judgeTarget(facts({ distinct: 51, values: manyValues(51) })), /51 different values.*too many for classes/)
    assert.throws(() => judgeTarget(facts({ type: 'id', distinct: 1000, values: manyValues(1000) })), /identifies rows/)
    const lonely = [...facts({}).values, { value: 'maybe', count: 1 }]
    assert.throws(() => judgeTarget(facts({ distinct: 3, values: lonely })), /class "maybe".*single row/)
  })

  test('a column that is not there is answered with the nearest one', () => {
    assert.throws(
      () => targetColumn([{ name: 'churn' }, { name: 'state' }], 'chrun'),
      /no column "chrun".*Did you mean "churn"\?/,
    )
    assert.throws(() => targetColumn([{ name: 'churn' }, { name: 'state' }], 'price'), /Its columns are churn, state/)
  })
})

describe('a goal', () => {
  const churn = {
    target: 'churn',
    positive: 'yes',
    task: 'binary' as const,
    metric: 'f1' as const,
    atLeast: 0.85,
    atMost: null,
    costFalsePositive: 1,
    costFalseNegative: 5,
  }

  test('is said in words', () => {
    assert.equal(goalSentence(churn), 'F1 of "churn" = "yes" at least 0.85; a missed "yes" costs 5 times a needless alarm.')
  })

  test('of a task that learns from the rows alone names what is found', () => {
    const groups = {
      ...churn,
      target: null,
      positive: null,
      task: 'clustering' as const,
      metric: 'silhouette' as const,
      atLeast: 0.4,
    }
    assert.equal(goalSentence(groups), 'Silhouette of the groups at least 0.4.')
  })

  test('is met by the value, and surely met by the worse end of the interval', () => {
    const sure = judgeOutcome(churn, { value: 0.92, low: 0.88, high: 0.95 })
    assert.deepEqual([sure.met, sure.sure], [true, true])
    const lucky = judgeOutcome(churn, { value: 0.86, low: 0.8, high: 0.9 })
    assert.deepEqual([lucky.met, lucky.sure], [true, false])
    assert.match(lucky.sentence, /is met, but the interval reaches below it/)
    const missed = judgeOutcome(churn, { value: 0.63, low: 0.6, high: 0.66 })
    assert.deepEqual([missed.met, missed.sure], [false, false])
    assert.equal(
      missed.sentence,
      'F1 is 0.63 (95 % interval 0.6 to 0.66): the goal of at least 0.85 is not met, it is off by 0.22.',
    )
  })

  test('of an error is met from below', () => {
    const goal = { ...churn, metric: 'rmse' as const, atLeast: null, atMost: 10, positive: null }
    assert.equal(judgeOutcome(goal, { value: 9, low: 8, high: 9.9 }).sure, true)
    assert.equal(judgeOutcome(goal, { value: 9, low: 8, high: 10.1 }).sure, false)
    assert.equal(judgeOutcome(goal, { value: 11, low: 8, high: 12 }).met, false)
  })

  test('is not met by what is not a number', () => {
    assert.equal(judgeOutcome(churn, { value: Number.NaN }).met, false)
  })

  test('needs a bound on the side where the metric improves', () => {
    assert.throws(() => refuseHopelessBound('f1', { atLeast: null, atMost: 0.9 }), /at least/)
    assert.throws(() => refuseHopelessBound('rmse', { atLeast: 3, atMost: null }), /at most/)
    assert.throws(() => refuseHopelessBound('f1', { atLeast: 85, atMost: null }), /Did you mean 0.85\?/)
    assert.throws(() => refuseHopelessBound('f1', { atLeast: null, atMost: null }), /Say how much F1/)
  })
})
