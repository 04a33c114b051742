import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { flipValue, nearestFlips, toPoints } from './nearest-flip.ts'

const { flip } = JSON.parse(readFileSync(new URL('./reference/figures.json', import.meta.url), 'utf8'))

test("the flip test gives each row the outcome that scikit-learn's nearest neighbours give it", async () => {
  for (const { points: rows, d, predicted, toFavourable, toUnfavourable, value } of flip) {
    const points = toPoints(
      rows,
      rows[0].map(() => true),
    )
    const side = (wanted: number) => d.flatMap((one: number, i: number) => (one === wanted ? [i] : []))
    const found = await nearestFlips(points, predicted, { group: side(1), against: side(0) })
    assert.deepEqual([found.toFavourable, found.toUnfavourable], [toFavourable, toUnfavourable])
    assert.ok(Math.abs(flipValue(found).value - value) < 1e-12)
  }
})

test('a row that is alike in everything is the nearest; missing numbers are as the mean', async () => {
  const rows = [
    ['a', 1],
    ['a', 1],
    ['b', 9],
    ['b', null],
  ]
  const points = toPoints(rows, [false, true])
  const flips = await nearestFlips(points, [0, 1, 0, 1], { group: [0, 3], against: [1, 2] })
  // The last row is 1 + 0.5 from the second (another category, the mean is 0.7 deviations away) and 2 from the third.
  assert.deepEqual(flips, { toFavourable: 1, toUnfavourable: 0, rows: 2 })
})

test('nobody to compare with flips nothing', () => {
  assert.ok(Number.isNaN(flipValue({ toFavourable: 0, toUnfavourable: 0, rows: 0 }).value))
})
