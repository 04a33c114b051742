import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { chiSquareTest, poolRare } from './chi-square-test.ts'
import { jensenShannonDistance, populationStability } from './divergence.ts'
import { holmAdjusted } from './holm.ts'
import { kolmogorovSurvival, smirnovSurvival } from './kolmogorov.ts'
import { ksTest } from './ks-test.ts'

interface References {
  ks: { seed: number; n1: number; n2: number; shift: number; ties: boolean; statistic: number; pValue: number }[]
  kolmogorov: { n: number; x: number; survival: number; smirnov: number }[]
  counts: { a: number[]; b: number[]; statistic: number; pValue: number; jensenShannon: number; psi: number }[]
  holm: { p: number[]; adjusted: number[] }
}

// Made by scipy: scripts/make-drift-references.py
const references: References = JSON.parse(readFileSync(new URL('./references.json', import.meta.url), 'utf8'))

const close = (actual: number, expected: number, what: string) =>
  assert.ok(Math.abs(actual - expected) <= 1e-9, `${what}: ${actual} is not scipy's ${expected}`)

/** The samples of the reference script (Park and Miller 1988). */
function samplesOf({ seed, n1, n2, shift, ties }: References['ks'][number]): [Float64Array, Float64Array] {
  let state = seed
  const draw = () => {
    state = (state * 48271) % 2147483647
    return state / 2147483647
  }
  const coarse = (x: number) => (ties ? Math.floor(x * 12) : x)
  const a = Float64Array.from({ length: n1 }, () => coarse(draw()))
  const b = Float64Array.from({ length: n2 }, () => coarse(draw() * (1 + shift)))
  return [a.sort(), b.sort()]
}

test('the two-sample KS test agrees with scipy, exact and asymptotic, with and without ties', () => {
  for (const expected of references.ks) {
    const found = ksTest(...samplesOf(expected))
    close(found.statistic, expected.statistic, `statistic of ${JSON.stringify(expected)}`)
    close(found.pValue, expected.pValue, `p of ${JSON.stringify(expected)}`)
  }
})

test('the Kolmogorov and Smirnov distributions agree with scipy', () => {
  for (const { n, x, survival, smirnov } of references.kolmogorov) {
    close(kolmogorovSurvival(n, x), survival, `P(D_${n} >= ${x})`)
    close(smirnovSurvival(n, x), smirnov, `P(D+_${n} >= ${x})`)
  }
})

test('chi-square, PSI and Jensen-Shannon agree with scipy', () => {
  for (const { a, b, statistic, pValue, jensenShannon, psi } of references.counts) {
    const chi = chiSquareTest(a, b)
    close(chi.statistic, statistic, `chi-square of ${a} and ${b}`)
    close(chi.pValue, pValue, `p of ${a} and ${b}`)
    close(jensenShannonDistance(a, b), jensenShannon, `Jensen-Shannon of ${a} and ${b}`)
    close(populationStability(a, b), psi, `PSI of ${a} and ${b}`)
  }
})

test('Holm: p-values rise with the number of questions asked', () => {
  const adjusted = holmAdjusted(references.holm.p)
  for (const [i, expected] of references.holm.adjusted.entries()) close(adjusted[i]!, expected, `Holm ${i}`)
  assert.deepEqual(holmAdjusted([]), [])
})

test('rare categories are pooled until each is expected five times; no count is lost', () => {
  const a = [900, 80, 9, 6, 5, 0]
  const b = [450, 40, 0, 0, 0, 4]
  const pooled = poolRare(a, b)
  assert.deepEqual([sum(pooled.a), sum(pooled.b)], [sum(a), sum(b)])
  assert.equal(pooled.a.length, 3)
  assert.deepEqual(poolRare([0, 0], [0, 0]), { a: [], b: [] })
})

test('empty and constant samples are no drift', () => {
  assert.deepEqual(ksTest([], [1]), { statistic: 0, pValue: 1 })
  assert.deepEqual(ksTest([2, 2, 2], [2, 2]), { statistic: 0, pValue: 1 })
  assert.equal(chiSquareTest([5], [9]).pValue, 1)
  assert.equal(populationStability([0, 0], [0, 0]), 0)
  assert.equal(jensenShannonDistance([1, 0], [0, 1]), 1)
})

const sum = (values: number[]) => values.reduce((total, value) => total + value, 0)
