import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { pairedBootstrap } from '../../evaluation/statistics/bootstrap.ts'
import type { ClassPredictions } from '../../evaluation/statistics/predictions.ts'
import { randomFrom } from '../../evaluation/statistics/random.ts'
import { judgePair, type Pair } from './judge-pair.ts'
import { boundedDifference } from './losses.ts'
import { mcnemarExact, pairedT } from './paired-tests.ts'
import reference from './reference.json' with { type: 'json' }

const near = (got: number, want: number, what: string, tolerance = 1e-9) =>
  assert.ok(Math.abs(got - want) <= tolerance * Math.max(1, Math.abs(want)), `${what}: ${got}, not ${want}`)

describe('paired tests', () => {
  test('the t-test of paired losses and its interval are those of scipy', () => {
    for (const { champion, challenger, alpha, ...want } of reference.t) {
      const got = pairedT(Float64Array.from(champion), Float64Array.from(challenger), alpha, 't')
      for (const name of ['value', 'low', 'high', 'statistic', 'pValue'] as const) near(got[name]!, want[name], name)
    }
  })
  test("McNemar's exact p is that of scipy's binomial test, its interval that of Bonett and Price", () => {
    for (const { onlyChampion, onlyChallenger, rows, alpha, ...want } of reference.mcnemar) {
      const got = mcnemarExact(onlyChampion, onlyChallenger, rows, alpha)
      for (const name of ['value', 'low', 'high', 'pValue'] as const) near(got[name], want[name], name)
    }
  })
  test('the paired bootstrap gives the interval that scipy draws', async () => {
    const { champion, challenger, value, low, high } = reference.bootstrap
    const mean = (values: number[]) => (counts?: Uint32Array) =>
      values.reduce((sum, one, i) => sum + one * (counts ? counts[i]! : 1), 0) / values.length
    const got = await pairedBootstrap({ a: mean(champion), b: mean(challenger), rows: champion.length, seed: 7 })
    near(got.value, value, 'value')
    near(got.low, low, 'low', 0.01)
    near(got.high, high, 'high', 0.01)
  })
})

/** Two classes, right with the given chances on the same rows. */
function pairOf(rightness: { champion: number; challenger: number }, rows = 800, changes: Partial<Pair> = {}): Pair {
  const random = randomFrom(5)
  const actual = Int32Array.from({ length: rows }, () => (random.next() < 0.4 ? 1 : 0))
  const said = (chance: number): ClassPredictions => {
    const label = actual.map((one) => (random.next() < chance ? one : 1 - one))
    const probabilities = new Float64Array(rows * 2)
    label.forEach((one, i) => {
      probabilities[i * 2 + one] = 0.8
      probabilities[i * 2 + 1 - one] = 0.2
    })
    return { kind: 'classes', classes: 2, actual, label, probabilities }
  }
  return {
    champion: said(rightness.champion),
    challenger: said(rightness.challenger),
    names: { champion: 'churn:1', challenger: 'churn:2' },
    metric: 'f1',
    rules: { rule: 'better', alpha: 0.05, margin: 0.05, fairness: null },
    sizeBytes: { champion: 1000, challenger: 900 },
    microsecondsPerRow: { champion: 10, challenger: 9.8 },
    groups: null,
    positive: 1,
    leftOut: 0,
    ...changes,
  }
}
const rules = (rule: Pair['rules']['rule'], more: Partial<Pair['rules']> = {}): Partial<Pair> => ({
  rules: { rule, alpha: 0.05, margin: 0.08, fairness: null, ...more },
})

describe('the judge', () => {
  test('lets one through that is significantly better, by whatever rule', async () => {
    for (const rule of ['better', 'not_worse_and_smaller'] as const) {
      const found = await judgePair(pairOf({ champion: 0.7, challenger: 0.85 }, 800, rules(rule)))
      assert.deepEqual([found.verdict, found.passed], ['better', true])
      assert.ok(found.difference.low > 0)
      assert.match(found.sentence, /significantly better.*800 sealed recent rows/)
    }
  })
  test('keeps the champion where there is no significant difference, and says so', async () => {
    const found = await judgePair(pairOf({ champion: 0.8, challenger: 0.8 }))
    assert.deepEqual([found.verdict, found.passed], ['no_difference', false])
    assert.match(found.sentence, /^No significant difference.*the champion stays/)
  })
  test('lets one through that is not worse and smaller; not where it is no smaller, nor where few rows leave it open', async () => {
    const alike = { champion: 0.85, challenger: 0.85 }
    assert.equal((await judgePair(pairOf(alike, 3000, rules('not_worse_and_smaller')))).passed, true)
    const larger = { sizeBytes: { champion: 900, challenger: 1000 } }
    assert.equal((await judgePair(pairOf(alike, 3000, { ...rules('not_worse_and_smaller'), ...larger }))).passed, false)
    const few = await judgePair(pairOf(alike, 60, rules('not_worse_and_smaller', { margin: 0.01 })))
    assert.deepEqual([few.isNotWorse, few.passed], [false, false])
    assert.match(few.sentence, /could be worse by more than the margin/)
  })
  test('a clock that says two per cent less says nothing', async () => {
    const found = await judgePair(pairOf({ champion: 0.85, challenger: 0.85 }, 3000, rules('not_worse_and_cheaper')))
    assert.equal(found.passed, false)
    assert.match(found.sentence, /but not clearly cheaper/)
  })
  test('one that is worse never passes', async () => {
    const found = await judgePair(pairOf({ champion: 0.9, challenger: 0.7 }, 800, rules('not_worse_and_smaller', { margin: 1 })))
    assert.deepEqual([found.verdict, found.passed], ['worse', false])
  })
  test('fairer is a smaller gap between groups whose interval leaves out nought', async () => {
    const pair = pairOf(
      { champion: 0.9, challenger: 0.9 },
      3000,
      rules('not_worse_and_fairer', { fairness: { column: 'town', rate: 'favourable' } }),
    )
    const groups = Int32Array.from(pair.champion.actual, (_, i) => i % 2)
    const champion = pair.champion as ClassPredictions
    // The champion says yes of nearly the whole second group.
    champion.label.forEach((_, i) => {
      if (groups[i] === 1 && i % 3 > 0) champion.label[i] = 1
    })
    const found = await judgePair({ ...pair, groups, metric: 'roc_auc' })
    assert.ok(found.fairness!.champion > 0.2 && found.fairness!.challenger < 0.1, JSON.stringify(found.fairness))
    assert.equal(found.passed, true, found.sentence)
  })
  test('of numbers the smaller error is better, and the nearer one has the smaller bounded difference', async () => {
    const random = randomFrom(2)
    const actual = Float64Array.from({ length: 500 }, () => random.next() * 10)
    const numbers = (noise: number) => ({
      kind: 'numbers' as const,
      actual,
      predicted: actual.map((value) => value + (random.next() - 0.5) * noise),
    })
    const [champion, challenger] = [numbers(2), numbers(1)]
    const found = await judgePair({ ...pairOf({ champion: 1, challenger: 1 }), champion, challenger, metric: 'rmse' })
    assert.deepEqual([found.verdict, found.greaterIsBetter, found.passed], ['better', false, true])
    assert.ok(found.difference.value > 0)
    const nearer = boundedDifference(champion, challenger)
    assert.ok(nearer.every((one) => one >= -1 && one <= 1) && nearer.reduce((a, b) => a + b) < 0)
  })
})
