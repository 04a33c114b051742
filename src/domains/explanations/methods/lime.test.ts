import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { randomFrom } from '../../evaluation/statistics/random.ts'
import { accumulatedEffects, conditionalAnswers, type DependenceTable, pairedAnswers, placesAlong } from './dependence.ts'
import { limeOfImage, limeOfRow, limeOfText } from './lime.ts'
import { localLine } from './local-line.ts'

test('the local line is scikit-learn’s weighted ridge regression', () => {
  const figures = JSON.parse(readFileSync(new URL('./reference/ridge.json', import.meta.url), 'utf8'))
  const line = localLine(4, { ...figures, there: Uint8Array.from(figures.there) })
  figures.weights.forEach((weight: number, p: number) => {
    assert.ok(Math.abs(weight - line.weights[p]!) < 1e-10)
  })
  assert.ok(Math.abs(line.intercept - figures.intercept) < 1e-10)
  assert.ok(Math.abs(line.fit - figures.fit) < 1e-10)
})

test('LIME of a text finds the words that count, with their signs', async () => {
  const ask = async (texts: string[]) =>
    Float64Array.from(texts, (text) => (/\bgood\b/i.test(text) ? 0.4 : 0) - (/\bawful\b/i.test(text) ? 0.3 : 0) + 0.5)
  const lime = await limeOfText(ask, 'Good food, good wine, but the service was awful.', { samples: 500, random: randomFrom(1) })
  const ranked = lime.parts
    .map(({ name }, p) => ({ name, weight: lime.weights[p]! }))
    .sort((a, b) => Math.abs(b.weight) - Math.abs(a.weight))
  assert.deepEqual(
    ranked.slice(0, 2).map(({ name }) => name),
    ['good', 'awful'],
  )
  assert.ok(Math.abs(ranked[0]!.weight - 0.4) < 0.05 && Math.abs(ranked[1]!.weight + 0.3) < 0.05)
  assert.ok(Math.abs(ranked[2]!.weight) < 0.02 && lime.fit > 0.95)
  assert.equal(lime.parts.filter(({ name }) => name === 'good').length, 1, 'a word is one part, however often it stands')
})

test('LIME of an image finds the square that the answer is made of', async () => {
  const [height, width, channels] = [28, 28, 1]
  const pixels = Uint8Array.from({ length: height * width }, (_, i) => (i % 2 === 0 ? 200 : 20))
  // Contrast of the square in the second row, third column: painting it in one colour takes it away.
  const contrast = (image: Uint8Array) =>
    Math.abs(image[(6 * width + 10) * channels]! - image[(6 * width + 11) * channels]!) / 255
  const lime = await limeOfImage(
    async (images) => Float64Array.from(images, contrast),
    { pixels, height, width, channels },
    { samples: 300, random: randomFrom(2), grid: 7 },
  )
  const best = lime.weights.indexOf(Math.max(...lime.weights))
  assert.equal(lime.parts[best]!.name, 'row 2, column 3')
  assert.deepEqual(lime.parts[best]!.shown, { x: 2 / 7, y: 1 / 7, width: 1 / 7, height: 1 / 7 })
})

const columns = [
  { name: 'a', tensor: 'numbers' as const, index: 0 },
  { name: 'b', tensor: 'numbers' as const, index: 1 },
]
const numbers = Float64Array.from({ length: 200 }, (_, i) => ((i * 37) % 101) / 50 - 1)
const rows = { rows: 100, numbers, strings: [] }
const table = { numberColumns: 2, stringColumns: 0 }

test('LIME of a row says which range of a column counts, and explains one row by its neighbours', async () => {
  const lime = await limeOfRow(
    async (batch) => Float64Array.from({ length: batch.rows }, (_, r) => (batch.numbers[2 * r]! > 0.5 ? 1 : 0)),
    { ...table, columns, row: { rows: 1, numbers: Float64Array.of(0.9, 0.1), strings: [] }, background: rows },
    { samples: 800, random: randomFrom(3) },
  )
  assert.ok(lime.weights[0]! > 0.8 && Math.abs(lime.weights[1]!) < 0.05)
  assert.match(String(lime.parts[0]!.shown), /^above 0\./)
})

test('lines of rows, their mean, a plane and accumulated effects follow the function', async () => {
  const dependence: DependenceTable = {
    ...table,
    column: columns[0]!,
    rows,
    ask: async (batch) =>
      Float64Array.from(
        { length: batch.rows },
        (_, r) => 3 * batch.numbers[2 * r]! + batch.numbers[2 * r]! * batch.numbers[2 * r + 1]!,
      ),
  }
  const places = placesAlong(dependence, 10) as number[]
  assert.equal(places.length, 10)
  const lines = await conditionalAnswers(dependence, places)
  for (const [r, line] of lines.entries())
    for (const [i, value] of line.entries()) assert.ok(Math.abs(value - places[i]! * (3 + numbers[2 * r + 1]!)) < 1e-9)
  const plane = await pairedAnswers(dependence, columns[1]!, [
    [0, 1],
    [-1, 1],
  ])
  assert.deepEqual(plane, [
    [0, 0],
    [2, 4],
  ])
  const alone: DependenceTable = {
    ...dependence,
    ask: async (batch) => Float64Array.from({ length: batch.rows }, (_, r) => 3 * batch.numbers[2 * r]!),
  }
  const effects = await accumulatedEffects(alone, places)
  for (let i = 1; i < places.length; i++)
    assert.ok(Math.abs(effects[i]! - effects[i - 1]! - 3 * (places[i]! - places[i - 1]!)) < 1e-9)
})
