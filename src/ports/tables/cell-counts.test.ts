import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { cellCounter } from './cell-counts.ts'

/** As it is defined: each value by itself. */
function plainly(points: Float64Array, values: Float64Array) {
  const cells = new Float64Array(2 * points.length + 1)
  let missing = 0
  for (const value of values) {
    if (Number.isNaN(value)) missing++
    else {
      const below = points.filter((point) => point < value).length
      cells[2 * below + (points[below] === value ? 1 : 0)]!++
    }
  }
  return { cells, missing }
}

const ascending = (values: readonly number[]) =>
  Float64Array.from(new Set(values.map((value) => value + 0)))
    .sort()
    .filter((value) => !Number.isNaN(value))

function assertCounted(points: Float64Array, values: Float64Array): void {
  const counter = cellCounter(points)
  counter.addAll(values)
  const right = plainly(points, values)
  assert.deepEqual([...counter.cells], [...right.cells])
  assert.equal(counter.missing, right.missing)
}

/** Each point, its neighbours among all numbers, and what lies between points. */
function around(points: Float64Array): Float64Array {
  const near = [...points].flatMap((point, i) => [
    point,
    point * (1 + Number.EPSILON) + Number.MIN_VALUE,
    point * (1 - Number.EPSILON) - Number.MIN_VALUE,
    point / 2 + (points[i + 1] ?? point) / 2,
  ])
  return Float64Array.from([...near, Number.NaN, 0, -0, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, Number.MAX_VALUE])
}

test('any numbers are counted between and at any points as one by one', () => {
  const number = fc.oneof(
    fc.double({ noNaN: true }),
    fc.double({ min: -4, max: 4, noNaN: true }),
    fc.integer({ min: -20, max: 20 }),
    fc.constantFrom(0, 1e300, -1e300, Number.MIN_VALUE, 1e-300, Number.POSITIVE_INFINITY),
  )
  fc.assert(
    fc.property(fc.array(number, { maxLength: 60 }), fc.array(number, { maxLength: 60 }), (points, values) => {
      const at = ascending(points)
      assertCounted(at, Float64Array.from([...values, ...around(at)]))
    }),
    { numRuns: 300 },
  )
})

const many = (of: (i: number) => number) => ascending(Array.from({ length: 600 }, (_, i) => of(i)))
const shapes: [string, Float64Array][] = [
  ['points that crowd at zero', many((i) => (i / 600) ** 9)],
  ['a point far from all others', many((i) => (i === 0 ? 1e18 : i / 600))],
  ['points that double', many((i) => 2 ** (i - 300))],
  ['points of neighbouring numbers', many((i) => 1 + i * Number.EPSILON)],
  ['points of the smallest numbers', many((i) => i * Number.MIN_VALUE)],
  ['points over all there is', many((i) => (i % 2 === 0 ? 1 : -1) * 1.7e308 * (i / 600))],
  ['one point', many(() => 3)],
  ['no points', new Float64Array()],
]
for (const [what, points] of shapes) test(`counts are exact with ${what}`, () => assertCounted(points, around(points)))

test('more values than are looked up at once, one by one and together, are the same counts', () => {
  const points = many((i) => Math.sin(i))
  const values = Float64Array.from({ length: 5000 }, (_, i) => (i % 97 === 0 ? Number.NaN : 1.2 * Math.sin(i * i)))
  const counter = cellCounter(points)
  for (const value of values) counter.add(Number.isNaN(value) ? null : value)
  const right = plainly(points, values)
  assert.deepEqual([[...counter.cells], counter.missing], [[...right.cells], right.missing])
  assertCounted(points, values)
})
