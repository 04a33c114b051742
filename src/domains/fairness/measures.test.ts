import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { randomFrom } from '../evaluation/statistics/random.ts'
import { compareSides } from './compare-groups.ts'
import { definitions, type Measure } from './measures.ts'
import { type Cells, type Population, populationsOf } from './population.ts'
import { fisherExact, holm, katz, newcombe, sameProportion, wilson } from './statistics/proportions.ts'
import { binomial, resampleCounts } from './statistics/resample.ts'

type Countable = Exclude<Measure, 'flip_test'>
const names = Object.keys(definitions) as Countable[]
const reference = JSON.parse(readFileSync(new URL('./reference/figures.json', import.meta.url), 'utf8'))

function close(found: number, expected: number, what: string, tolerance = 1e-9): void {
  const off = Math.abs(found - expected)
  assert.ok(off <= tolerance * Math.max(1, Math.abs(expected)), `${what}: ${found}, expected ${expected}`)
}

/** One cell a row. */
function cellsOf(given: { d: number[]; label: number[]; stratum: number[]; actual: number[]; predicted: number[] }): Cells {
  return {
    group: Int32Array.from(given.d),
    label: Int32Array.from(given.label),
    stratum: Int32Array.from(given.stratum),
    favourable: Uint8Array.from(given.actual),
    predicted: Uint8Array.from(given.predicted),
    count: new Float64Array(given.d.length).fill(1),
    labels: Math.max(0, ...given.label) + 1,
    strata: Math.max(0, ...given.stratum) + 1,
  }
}

const sidesOf = (cells: Cells) => populationsOf(cells, 2, (group) => group) as [Population, Population]

function agrees(figures: any): void {
  for (const given of figures.cases) {
    const [a, d] = sidesOf(cellsOf(given))
    assert.deepEqual(Object.keys(given.figures).sort(), [...names].sort())
    for (const name of names) close(definitions[name].value(a, d), given.figures[name], name)
  }
  for (const { pair, wilson: score, newcombe: hybrid, katz: log, p } of figures.proportions) {
    const [x, n, y, m] = pair
    const [a, b] = [
      { hits: x, of: n },
      { hits: y, of: m },
    ]
    close(wilson(a).low, score[0], `Wilson of ${pair}`)
    close(wilson(a).high, score[1], `Wilson of ${pair}`)
    close(newcombe(a, b).low, hybrid[0], `Newcombe of ${pair}`)
    close(newcombe(a, b).high, hybrid[1], `Newcombe of ${pair}`)
    if (log) close(katz(a, b).low, log[0], `Katz of ${pair}`)
    if (log) close(katz(a, b).high, log[1], `Katz of ${pair}`)
    close(sameProportion(a, b), p, `test of ${pair}`)
  }
  for (const [i, p] of holm(figures.holm.p).entries()) close(p, figures.holm.adjusted[i], 'Holm')
}

describe('every measure', () => {
  test('equals that of fairlearn, SciPy or the formula written out, to 1e-9', () => agrees(reference))

  test('equals them on tables made just now', (t) => {
    const python = process.env.ATOLL_TEST_FAIRLEARN
    if (!python || !existsSync(python)) return t.skip('ATOLL_TEST_FAIRLEARN names no Python with fairlearn')
    const script = fileURLToPath(new URL('./reference/make_reference.py', import.meta.url))
    const seed = String(Math.floor(Math.random() * 1e6))
    agrees(JSON.parse(execFileSync(python, [script, seed, '900'], { encoding: 'utf8', maxBuffer: 1e9 })))
  })
})

const row = fc.record({
  d: fc.constantFrom(0, 1),
  label: fc.integer({ min: 0, max: 3 }),
  stratum: fc.integer({ min: 0, max: 2 }),
  actual: fc.constantFrom(0, 1),
  predicted: fc.constantFrom(0, 1),
})
const rows = fc.array(row, { minLength: 8, maxLength: 80 })
const columnsOf = (list: { d: number; label: number; stratum: number; actual: number; predicted: number }[]) => ({
  d: list.map(({ d }) => d),
  label: list.map(({ label }) => label),
  stratum: list.map(({ stratum }) => stratum),
  actual: list.map(({ actual }) => actual),
  predicted: list.map(({ predicted }) => predicted),
})

describe('swapping the groups', () => {
  const inverts: Record<string, (value: number) => number> = { disparate_impact: (value) => 1 / value }
  const stays = new Set([
    'js_divergence',
    'lp_norm',
    'total_variation',
    'kolmogorov_smirnov',
    'equalised_odds_difference',
    'generalised_entropy',
  ])
  // Neither the divergence from d to a nor the share of the other group follows from its counterpart.
  const free = new Set(['kl_divergence', 'conditional_disparity_labels', 'conditional_disparity_predicted'])
  test('changes the sign of a difference, inverts a ratio, and leaves a distance', () => {
    fc.assert(
      fc.property(rows, (list) => {
        const [a, d] = sidesOf(cellsOf(columnsOf(list)))
        for (const name of names) {
          const there = definitions[name].value(a, d)
          const back = definitions[name].value(d, a)
          if (free.has(name) || !Number.isFinite(there) || !Number.isFinite(back) || (inverts[name] && there === 0)) continue
          const expected = inverts[name]?.(there) ?? (stays.has(name) ? there : -there)
          close(back, expected, name, 1e-12)
        }
      }),
      { numRuns: 300 },
    )
  })

  test('of like groups shows nothing', () => {
    fc.assert(
      fc.property(rows, (list) => {
        const twice = [...list.map((one) => ({ ...one, d: 0 })), ...list.map((one) => ({ ...one, d: 1 }))]
        const [a, d] = sidesOf(cellsOf(columnsOf(twice)))
        for (const name of names) {
          const value = definitions[name].value(a, d)
          if (name === 'generalised_entropy' || !Number.isFinite(value)) continue
          close(value, definitions[name].neutral, name, 1e-12)
        }
      }),
    )
  })
})

describe('with nobody in a group, or nothing to divide by', () => {
  const nobody = sidesOf(cellsOf({ d: [0, 0], label: [0, 1], stratum: [0, 0], actual: [1, 0], predicted: [1, 0] }))

  test('a measure is not a number, never zero or infinity', () => {
    for (const name of names) {
      const value = definitions[name].value(...nobody)
      if (['class_imbalance', 'generalised_entropy'].includes(name) || name.startsWith('conditional_disparity')) continue
      assert.ok(Number.isNaN(value), `${name} is ${value}`)
    }
  })

  test('a comparison gives null and no test', async () => {
    const cells = cellsOf({ d: [0, 0, 0], label: [0, 1, 0], stratum: [0, 0, 0], actual: [1, 0, 1], predicted: [1, 0, 0] })
    for (const one of await compareSides({ cells, sideOf: (group) => group, measures: names, seed: 7 })) {
      assert.ok(one.value === null || Number.isFinite(one.value), one.measure)
      assert.equal(one.pValue, null, one.measure)
      assert.equal(Math.min(...one.rests), 0, one.measure)
    }
  })

  test('labels that one group never has leave the divergence undefined and the distances whole', () => {
    const [a, d] = sidesOf(
      cellsOf({ d: [0, 0, 1, 1], label: [0, 1, 0, 0], stratum: [0, 0, 0, 0], actual: [1, 0, 1, 1], predicted: [1, 0, 1, 1] }),
    )
    assert.ok(Number.isNaN(definitions.kl_divergence.value(a, d)))
    assert.equal(definitions.total_variation.value(a, d), 0.5)
  })
})

describe('intervals', () => {
  test('of the bootstrap are those of the analytic ones where there are both', async () => {
    const given = reference.cases[0]
    const cells = cellsOf(given)
    const random = randomFrom(11)
    const values: number[] = []
    for (let i = 0; i < 4000; i++) {
      const [a, d] = populationsOf(cells, 2, (group) => group, resampleCounts(random, cells.count)) as [Population, Population]
      values.push(definitions.recall_difference.value(a, d))
    }
    values.sort((x, y) => x - y)
    const [a, d] = sidesOf(cells)
    const analytic = newcombe(...definitions.recall_difference.difference!(a, d))
    close(values[100]!, analytic.low, 'low end', 0.012)
    close(values[3899]!, analytic.high, 'high end', 0.012)
  })

  test('hold the value, and are the same at each call', async () => {
    const cells = cellsOf(reference.cases[1])
    const ask = () => compareSides({ cells, sideOf: (group) => group, measures: names, seed: 7 })
    const once = await ask()
    assert.deepEqual(await ask(), once)
    for (const { measure, value, low, high } of once)
      if (measure !== 'class_imbalance') assert.ok(low! <= value! && value! <= high!, `${measure}: ${low} ${value} ${high}`)
  })

  test('cover the truth about as often as they say', () => {
    const random = randomFrom(5)
    let covered = 0
    for (let i = 0; i < 2000; i++) {
      const a = { hits: binomial(random, 60, 0.7), of: 60 }
      const b = { hits: binomial(random, 35, 0.6), of: 35 }
      const { low, high } = newcombe(a, b)
      if (low <= 0.1 && 0.1 <= high) covered++
    }
    assert.ok(covered > 1860 && covered < 1940, `${covered} of 2000`)
  })
})

describe('draws', () => {
  for (const [n, p] of [
    [9, 0.3],
    [50, 0.9],
    [400, 0.04],
    [5000, 0.31],
    [1_000_000, 0.5],
  ] as const)
    test(`of ${n} with chance ${p} have the mean and spread of the binomial distribution`, () => {
      const random = randomFrom(n)
      const draws = Array.from({ length: 20_000 }, () => binomial(random, n, p))
      const mean = draws.reduce((sum, k) => sum + k, 0) / draws.length
      const variance = draws.reduce((sum, k) => sum + (k - mean) ** 2, 0) / (draws.length - 1)
      const deviation = Math.sqrt(n * p * (1 - p))
      close((mean - n * p) / deviation, 0, 'mean', 0.03)
      close(variance / deviation ** 2, 1, 'variance', 0.04)
      assert.ok(draws.every((k) => Number.isInteger(k) && k >= 0 && k <= n))
    })

  test('of rows give as many rows back', () => {
    const drawn = resampleCounts(randomFrom(3), [0, 10, 0, 500_000, 3])
    assert.equal(
      drawn.reduce((sum, n) => sum + n, 0),
      500_013,
    )
    assert.equal(drawn[0], 0)
  })
})

test("Fisher's exact test of large margins is not lost in rounding", () => {
  close(fisherExact({ hits: 3, of: 4 }, { hits: 300_000, of: 1_000_000 }), 0.0837, 'p', 1e-3)
})
