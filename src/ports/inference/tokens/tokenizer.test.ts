import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { openTokenizer } from './tokenizer.ts'

const media = new URL('../fixtures/media/', import.meta.url)
const expected: { texts: string[]; maxLength: number; ids: Record<string, number[][]> } = JSON.parse(
  readFileSync(new URL('tokens.json', media), 'utf8'),
)
const jsonOf = (name: string) => readFileSync(new URL(`${name}.tokenizer.json`, media), 'utf8')

for (const name of ['wordpiece', 'bpe', 'unigram', 'words'])
  test(`${name}: the same ids as Python for every text, cut to the same length`, () => {
    const tokenise = openTokenizer(jsonOf(name), expected.maxLength)
    const ids = expected.ids[name]!
    assert.ok(ids.some((one) => one.length === expected.maxLength))
    for (const [i, text] of expected.texts.entries()) assert.deepEqual(tokenise(text), ids[i], JSON.stringify(text))
  })

test('a file that is no tokenizer, and a length that leaves no room, are refused', () => {
  assert.throws(() => openTokenizer('{"model": 1', 8), /tokenizer\.json cannot be read/)
  assert.throws(() => openTokenizer('{"model": {"type": "None"}}', 8), /tokenizer\.json cannot be read/)
  assert.throws(() => openTokenizer(jsonOf('wordpiece'), 2), /leaves no room/)
})
