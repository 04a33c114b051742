import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { RawBatch } from '../../../ports/inference/inference.ts'
import { randomFrom } from '../../evaluation/statistics/random.ts'
import { exactShapley } from './exact.ts'
import type { Attribution, Game } from './game.ts'
import { kernelShapley } from './kernel.ts'
import { additiveShapley } from './linear.ts'
import { permutationShapley } from './permutation.ts'

const figures = JSON.parse(readFileSync(new URL('./reference/figures.json', import.meta.url), 'utf8')) as {
  background: number[][]
  rows: number[][]
  base: number[]
  exact: number[][][]
  kernel: number[][][]
}

/** The function of reference/make_reference.py. */
function answers(x: readonly number[]): number[] {
  const [a, b, c, d, e, f] = x as [number, number, number, number, number, number]
  return [2 * a + b * c - Math.sin(d) * a + (e > 0 ? b : -1), Math.exp(-Math.abs(f)) * d + a * b * c]
}

const batchOf = (rows: readonly (readonly number[])[]): RawBatch => ({
  rows: rows.length,
  numbers: Float64Array.from(rows.flat()),
  strings: [],
})

function gameOf(row: readonly number[], background: number[][], f: (x: readonly number[]) => number[], outputs: number): Game {
  const columns = row.length
  return {
    columns: row.map((_, index) => ({ name: `x${index}`, tensor: 'numbers', index })),
    numberColumns: columns,
    stringColumns: 0,
    outputs,
    row: batchOf([row]),
    background: batchOf(background),
    answer: async ({ rows, numbers }) =>
      Float64Array.from(Array.from({ length: rows }, (_, r) => f([...numbers.subarray(r * columns, (r + 1) * columns)])).flat()),
  }
}

function assertAddsUp(found: Attribution, outputs: number): void {
  for (let k = 0; k < outputs; k++) {
    let total = found.base[k]!
    for (let i = k; i < found.values.length; i += outputs) total += found.values[i]!
    assert.ok(Math.abs(total - found.answer[k]!) < 1e-9, `output ${k}: ${total} is not ${found.answer[k]}`)
  }
}

const apart = (a: ArrayLike<number>, b: readonly number[]): number => Math.max(...b.map((value, i) => Math.abs(value - a[i]!)))

test('the exact values are those of shap', async () => {
  for (const [r, row] of figures.rows.entries()) {
    const found = await exactShapley(gameOf(row, figures.background, answers, 2))
    assert.ok(apart(found.values, figures.exact[r]!.flat()) < 1e-9)
    assert.ok(apart(found.base, figures.base) < 1e-9)
    assertAddsUp(found, 2)
  }
})

test('Kernel SHAP with every coalition is exact, and is what shap says', async () => {
  for (const [r, row] of figures.rows.entries()) {
    const found = await kernelShapley(gameOf(row, figures.background, answers, 2), { coalitions: 62, random: randomFrom(1) })
    assert.ok(apart(found.values, figures.exact[r]!.flat()) < 1e-8)
    assert.ok(apart(found.values, figures.kernel[r]!.flat()) < 1e-6)
    assertAddsUp(found, 2)
  }
})

test('Kernel SHAP with a part of the coalitions is near, and adds up', async () => {
  const found = await kernelShapley(gameOf(figures.rows[0]!, figures.background, answers, 2), {
    coalitions: 40,
    random: randomFrom(1),
  })
  assert.ok(apart(found.values, figures.exact[0]!.flat()) < 0.5)
  assertAddsUp(found, 2)
})

test('walks add up exactly however few they are, and come near the exact values by their own standard error', async () => {
  for (const [r, row] of figures.rows.entries()) {
    const game = gameOf(row, figures.background, answers, 2)
    assertAddsUp(await permutationShapley(game, { rounds: 1, random: randomFrom(5).next }), 2)
    const found = await permutationShapley(game, { rounds: 60, random: randomFrom(5).next })
    assertAddsUp(found, 2)
    figures.exact[r]!.flat().forEach((value, i) => {
      const off = Math.abs(value - found.values[i]!)
      assert.ok(off <= 4 * found.errors![i]! + 1e-9, `value ${i} is off by ${off}, error ${found.errors![i]}`)
    })
  }
})

test('the same seed gives the same walks', async () => {
  const once = () =>
    permutationShapley(gameOf(figures.rows[0]!, figures.background, answers, 2), { rounds: 1, random: randomFrom(3).next })
  assert.deepEqual((await once()).values, (await once()).values)
})

test('a sum over the columns is explained by one pass; anything else is not taken for one', async () => {
  const weights = [1.5, -2, 0.25, 0, 3, -1]
  const sum = (x: readonly number[]) => [x.reduce((total, value, i) => total + weights[i]! * value, 4)]
  const row = figures.rows[1]!
  const found = await additiveShapley(gameOf(row, figures.background, sum, 1))
  assert.ok(found)
  weights.forEach((weight, c) => {
    const mean = figures.background.reduce((total, one) => total + one[c]! / figures.background.length, 0)
    assert.ok(Math.abs(found.values[c]! - weight * (row[c]! - mean)) < 1e-9)
  })
  assertAddsUp(found, 1)
  assert.equal(await additiveShapley(gameOf(row, figures.background, answers, 2)), null)
})

test('a column that no background row differs in is worth nothing and is not asked for', async () => {
  const background = figures.background.map((row) => [figures.rows[0]![0]!, ...row.slice(1)])
  const found = await permutationShapley(gameOf(figures.rows[0]!, background, answers, 2), {
    rounds: 1,
    random: randomFrom(2).next,
  })
  assert.deepEqual([found.values[0], found.values[1]], [0, 0])
  assert.equal(found.evaluations, background.length * (1 + 2 * 4) + 1)
})
