import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { randomFrom } from '../../evaluation/statistics/random.ts'
import { binomialUpperTail, shareAtMost } from './binomial.ts'
import { totalVariation } from './divergence.ts'
import { fitIsotonic, isotonicAt } from './isotonic.ts'
import { meanDiscrepancy } from './mean-discrepancy.ts'
import { rankingKept } from './ndcg.ts'
import { normalUpperTail, rankAuc } from './rank-auc.ts'
import { wassersteinDistance, wassersteinPValue } from './wasserstein.ts'

interface Samples {
  seed: number
  n1: number
  n2: number
  shift: number
  ties: boolean
}
interface References {
  counts: { a: number[]; b: number[]; totalVariation: number }[]
  wasserstein: (Samples & { distance: number })[]
  binomial: { hits: number; trials: number; share: number; upperTail: number; atMost: number }[]
  ranks: (Samples & { auc: number; pValue: number })[]
  isotonic: { seed: number; n: number; fitted: number[] }[]
  discrepancy: (Omit<Samples, 'ties'> & { squared: number })[]
}

// Made by scipy: scripts/make-drift-references.py
const references: References = JSON.parse(readFileSync(new URL('./references.json', import.meta.url), 'utf8'))

const close = (actual: number, expected: number, what: string) =>
  assert.ok(Math.abs(actual - expected) <= 1e-9, `${what}: ${actual} is not scipy's ${expected}`)

/** The samples of the reference script (Park and Miller 1988), in the order drawn. */
function samplesOf({ seed, n1, n2, shift, ties }: Samples): [number[], number[]] {
  let state = seed
  const draw = () => {
    state = (state * 48271) % 2147483647
    return state / 2147483647
  }
  const coarse = (x: number) => (ties ? Math.floor(x * 12) : x)
  const a = Array.from({ length: n1 }, () => coarse(draw()))
  return [a, Array.from({ length: n2 }, () => coarse(draw() * (1 + shift)))]
}

test('total variation and the Wasserstein distance agree with scipy', () => {
  for (const { a, b, totalVariation: expected } of references.counts) close(totalVariation(a, b), expected, 'total variation')
  for (const expected of references.wasserstein) {
    const [a, b] = samplesOf(expected).map((values) => values.sort((x, y) => x - y)) as [number[], number[]]
    close(wassersteinDistance(a, b), expected.distance, JSON.stringify(expected))
    close(wassersteinDistance(b, a), expected.distance, 'the other way round')
  }
})

test('the permutation test of the Wasserstein distance keeps its level and sees a shift', () => {
  const random = randomFrom(3)
  const draw = (n: number, shift: number) => Float64Array.from({ length: n }, () => random.next() + shift).sort()
  let alarms = 0
  for (let round = 0; round < 200; round++) {
    if (wassersteinPValue(draw(40, 0), draw(60, 0), { permutations: 99, random }) <= 0.05) alarms++
  }
  // 200 trials at 0.05: 21 or more come once in a thousand times.
  assert.ok(alarms <= 20, `${alarms} of 200`)
  assert.equal(wassersteinPValue(draw(100, 0), draw(100, 0.4), { permutations: 99, random }), 0.01)
})

test('binomial tails and exact bounds agree with scipy', () => {
  for (const { hits, trials, share, upperTail, atMost } of references.binomial) {
    close(binomialUpperTail(hits, trials, share), upperTail, `P(X >= ${hits}) of ${trials} at ${share}`)
    close(shareAtMost(hits, trials, 0.001), atMost, `upper bound of ${hits} in ${trials}`)
  }
})

test('the area under the curve and its test are those of Mann and Whitney, with ties', () => {
  for (const expected of references.ranks) {
    const [a, b] = samplesOf(expected)
    const found = rankAuc([...a.map(() => 0), ...b.map(() => 1)], [...a, ...b])
    close(found.auc, expected.auc, 'area')
    close(normalUpperTail((found.auc - 0.5) / found.nullError), expected.pValue, 'p')
  }
})

test('isotonic regression agrees with scipy, and counts weigh as repeated rows do', () => {
  for (const { seed, n, fitted } of references.isotonic) {
    const [x, y] = samplesOf({ seed, n1: n, n2: n, shift: 0, ties: false })
    const found = fitIsotonic(x, y)
    for (const [i, at] of [...x].sort((p, q) => p - q).entries()) close(isotonicAt(found, at), fitted[i]!, `step ${i}`)
    const counts = x.map((_, i) => i % 3)
    const repeated = x.flatMap((value, i) => Array.from({ length: i % 3 }, () => [value, y[i]!] as const))
    const again = fitIsotonic(
      repeated.map(([value]) => value),
      repeated.map(([, value]) => value),
    )
    const weighted = fitIsotonic(x, y, counts)
    assert.deepEqual(weighted.at, again.at)
    for (const [i, value] of again.value.entries()) close(weighted.value[i]!, value, 'weighted')
  }
})

test('the mean discrepancy is that of its definition; its test sees a shift', () => {
  for (const { squared, ...of } of references.discrepancy) {
    const [a, b] = samplesOf({ ...of, n1: 2 * of.n1, n2: 2 * of.n2, ties: false })
    const pairs = (values: number[]) => Array.from({ length: values.length / 2 }, (_, i) => values.slice(2 * i, 2 * i + 2))
    const found = meanDiscrepancy([...pairs(a), ...pairs(b)], of.n1, { permutations: 199, random: randomFrom(1) })
    close(found.squared, squared, 'squared discrepancy')
    assert.ok(of.shift > 0 ? found.pValue <= 0.01 : found.pValue > 0.05, `p = ${found.pValue}`)
  }
})

test('the order of importance: kept is 1, and what mattered most counts most', () => {
  assert.equal(rankingKept([3, 2, 1], [30, 20, 10]), 1)
  const swappedLast = rankingKept([3, 2, 1], [3, 1, 2])
  const swappedFirst = rankingKept([3, 2, 1], [2, 3, 1])
  assert.ok(swappedFirst < swappedLast && swappedLast < 1)
  // (2 + 3 / log2(3) + 1 / 2) / (3 + 2 / log2(3) + 1 / 2)
  assert.ok(Math.abs(swappedFirst - (2.5 + 3 / Math.log2(3)) / (3.5 + 2 / Math.log2(3))) < 1e-12)
})
