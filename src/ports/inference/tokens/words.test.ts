import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type PlacedWord, spansOf, splitWords } from './words.ts'

test('words are letters and digits together and every other sign alone, as in Python', () => {
  const text = 'Dr. Ó’Neill: 3-4 mg\u00a0(x_y) 😀é'
  const { words, pieces } = splitWords(text)
  assert.deepEqual(pieces, ['Dr', '.', 'Ó', '’', 'Neill', ':', '3', '-', '4', 'mg', '(', 'x_y', ')', '😀', 'é'])
  const signs = [...text]
  assert.deepEqual(
    words.map(([start, end]) => signs.slice(start, end).join('')),
    pieces,
  )
  for (const nothing of ['', ' \n\t\u0085\u2028']) assert.deepEqual(splitWords(nothing), { words: [], pieces: [] })
})

test('tags become spans; two of one label side by side stay two, an inside tag alone begins one', () => {
  const text = 'At Ness Point: 12 grey heron.'
  const { words } = splitWords(text)
  const placed = words.map(([start, end], i): PlacedWord => [i + 1, start, end])
  const read = (tags: number[]) =>
    spansOf({ text, words: placed }, ['count', 'place', 'species'], {
      tag: (token) => tags[token - 1]!,
      confidence: (token) => (token === 2 ? 0.5 : 1),
    })
  assert.deepEqual(
    read([0, 3, 4, 0, 1, 5, 6, 0]).map(({ start, end, label, text: said, score }) => [start, end, label, said, score]),
    [
      [3, 13, 'place', 'Ness Point', 0.75],
      [15, 17, 'count', '12', 1],
      [18, 28, 'species', 'grey heron', 1],
    ],
  )
  assert.deepEqual(
    read([3, 3, 4, 0, 6, 5, 0, 0]).map(({ label, text: said }) => [label, said]),
    [
      ['place', 'At'],
      ['place', 'Ness Point'],
      ['species', '12'],
      ['species', 'grey'],
    ],
  )
})
