import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { drawCounts, pairedBootstrap, quantile } from './bootstrap.ts'
import { delong } from './delong.ts'
import { chiSquareSurvival } from './distributions.ts'
import { mcnemar } from './mcnemar.ts'
import { metricOf } from './metric.ts'
import type { Predictions } from './predictions.ts'
import { randomFrom } from './random.ts'

const reference = JSON.parse(readFileSync(new URL('./reference/figures.json', import.meta.url), 'utf8'))

function predictionsOf(given: any): Predictions {
  if (given.kind === 'numbers')
    return { kind: 'numbers', actual: Float64Array.from(given.actual), predicted: Float64Array.from(given.predicted) }
  return {
    kind: 'classes',
    classes: given.probabilities[0].length,
    actual: Int32Array.from(given.actual),
    label: Int32Array.from(given.label),
    probabilities: Float64Array.from(given.probabilities.flat()),
  }
}

function close(found: number, expected: number, what: string, tolerance = 1e-9): void {
  const off = Math.abs(found - expected)
  assert.ok(off <= tolerance * Math.max(1, Math.abs(expected)), `${what}: ${found}, expected ${expected} (off by ${off})`)
}

function agrees(figures: any): void {
  for (const given of figures.cases)
    for (const [metric, expected] of Object.entries(given.figures))
      close(metricOf(metric, predictionsOf(given))(), expected as number, metric)
}

describe('metrics', () => {
  test('equal those of scikit-learn to 1e-9', () => agrees(reference))

  test('equal those of scikit-learn on predictions made just now', (t) => {
    const python = process.env.ATOLL_TEST_PYTHON
    if (!python || !existsSync(python)) return t.skip('ATOLL_TEST_PYTHON names no Python with scikit-learn')
    const script = fileURLToPath(new URL('./reference/make_reference.py', import.meta.url))
    const seed = String(Math.floor(Math.random() * 1e6))
    agrees(JSON.parse(execFileSync(python, [script, seed, '500'], { encoding: 'utf8', maxBuffer: 1e9 })))
  })

  test('of a resample are those of the rows drawn', () => {
    for (const given of reference.cases) {
      const all = predictionsOf(given)
      const counts = drawCounts(randomFrom(3), all.actual.length)
      const rows = Array.from(counts).flatMap((count, row) => Array(count).fill(row) as number[])
      const drawn = predictionsOf({
        ...given,
        actual: rows.map((row) => given.actual[row]),
        label: given.label && rows.map((row) => given.label[row]),
        probabilities: given.probabilities && rows.map((row) => given.probabilities[row]),
        predicted: given.predicted && rows.map((row) => given.predicted[row]),
      })
      for (const metric of Object.keys(given.figures))
        close(metricOf(metric, all)(counts), metricOf(metric, drawn)(), `${metric} of a resample`, 1e-12)
    }
  })

  test('refuse a metric of another task', () => {
    assert.throws(() => metricOf('rmse', predictionsOf(reference.cases[0])), /does not fit this task.*f1/)
  })
})

test('DeLong equals the definition by pairs', () => {
  const one = reference.cases[0]
  const scoreA = Float64Array.from(one.probabilities, (p: number[]) => p[1]!)
  const found = delong(Uint8Array.from(one.actual), scoreA, Float64Array.from(reference.rival))
  for (const name of ['difference', 'standardError', 'z', 'pValue'] as const) close(found[name], reference.delong[name], name)
})

test('DeLong of a model against itself finds nothing', () => {
  const score = Float64Array.of(0.1, 0.4, 0.3, 0.9)
  assert.equal(delong(Uint8Array.of(0, 1, 0, 1), score, score).pValue, 1)
})

test('McNemar equals SciPy, exact below 25 differing rows and corrected above', () => {
  for (const { b, c, pValue } of reference.mcnemar) close(mcnemar(b, c).pValue, pValue, `McNemar ${b}, ${c}`)
  assert.equal(mcnemar(0, 0).pValue, 1)
})

test('the chi-square tail equals SciPy', () => {
  for (const { x, degrees, survival } of reference.chiSquare)
    assert.ok(Math.abs(chiSquareSurvival(x, degrees) / survival - 1) < 1e-9, `x ${x}, degrees ${degrees}`)
})

describe('paired bootstrap', () => {
  const actual = Int32Array.from({ length: 400 }, (_, i) => i % 2)
  const model = (wrongEvery: number) =>
    metricOf('accuracy', {
      kind: 'classes',
      classes: 2,
      actual,
      label: actual.map((a, i) => (i % wrongEvery === 0 ? 1 - a : a)),
      probabilities: new Float64Array(800),
    })

  test('says the same with the same seed', async () => {
    const input = { a: model(7), b: model(9), rows: 400, seed: 5, resamples: 300 }
    assert.deepEqual(await pairedBootstrap(input), await pairedBootstrap(input))
  })

  test('finds a large difference and not a tiny one', async () => {
    const large = await pairedBootstrap({ a: model(3), b: model(20), rows: 400, seed: 1 })
    assert.ok(large.low > 0 && large.pValue < 0.01, JSON.stringify(large))
    const tiny = await pairedBootstrap({ a: model(19), b: model(20), rows: 400, seed: 1 })
    assert.ok(tiny.low < 0 && tiny.high > 0 && tiny.pValue > 0.2, JSON.stringify(tiny))
  })

  test('its interval has the width that theory gives', async () => {
    // Models that err on separate rows, each on 10 %: the difference has variance 0.2 / n.
    const { low, high } = await pairedBootstrap({ a: model(10), b: model(10_000), rows: 400, seed: 2, resamples: 4000 })
    const expected = 2 * 1.96 * Math.sqrt((0.1 * 0.9 + 1 / 400) / 400)
    assert.ok(Math.abs((high - low) / expected - 1) < 0.12, `${high - low} against ${expected}`)
  })
})

test('quantiles are linear between neighbours', () => {
  assert.equal(quantile([1, 2, 3, 4], 0.5), 2.5)
  assert.equal(quantile([1, 2, 3, 4], 1), 4)
})
