import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { randomFrom } from '../../evaluation/statistics/random.ts'
import { compareShares } from './attribution-shares.ts'

// Made by scipy: scripts/make-drift-references.py
const { welch }: { welch: { seed: number; n1: number; n2: number; shift: number; pValue: number }[] } = JSON.parse(
  readFileSync(new URL('./references.json', import.meta.url), 'utf8'),
)

test("each column's mean share is compared as scipy compares means of unequal variance", () => {
  for (const { seed, n1, n2, shift, pValue } of welch) {
    let state = seed
    const draw = () => {
      state = (state * 48271) % 2147483647
      return state / 2147483647 / 2
    }
    // Two columns that share a row: where one mean differs the other does as much.
    const row = (x: number) => [x, x - 1]
    const before = Array.from({ length: n1 }, () => row(draw()))
    const now = Array.from({ length: n2 }, () => row(draw() * (1 + shift)))
    const found = compareShares(before, now)
    assert.ok(Math.abs(found.pValue - Math.min(1, 2 * pValue)) < 1e-9, `${found.pValue} is not scipy's ${2 * pValue}`)
  }
})

test('what moves to another column is told as a share, whatever the size of the contributions', () => {
  const random = randomFrom(1)
  const rows = (first: number, size: number) =>
    Array.from({ length: 100 }, () => {
      const share = first + 0.1 * (random.next() - 0.5)
      return [size * share, -size * (1 - share)]
    })
  const same = compareShares(rows(0.7, 1), rows(0.7, 40))
  assert.ok(same.moved < 0.02 && same.pValue > 0.01)
  const other = compareShares(rows(0.7, 1), rows(0.4, 1))
  assert.ok(Math.abs(other.moved - 0.3) < 0.02 && other.pValue < 1e-20)
})

test('a column that a single row rests on is no surer than a row, and a row without contributions counts for none', () => {
  const still = Array.from({ length: 50 }, () => [1, 0])
  const found = compareShares(still, [...still.slice(1), [0, 1]])
  assert.ok(found.pValue > 0.3, String(found.pValue))
  assert.ok(Math.abs(compareShares(still, [...still.slice(1), [0, 0]]).now[0]! - 0.98) < 1e-12)
})
