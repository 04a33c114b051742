import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
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

test('a vocabulary that divides at blanks gives the same ids piece by piece as for the whole text', () => {
  const json = jsonOf('wordpiece')
  const byPiece = openTokenizer(json, 32)
  const described = JSON.parse(json) as { added_tokens: object[] }
  // A token that takes the blanks before it with it cannot be divided so.
  const whole = openTokenizer(
    JSON.stringify({ ...described, added_tokens: described.added_tokens.map((one) => ({ ...one, lstrip: true })) }),
    32,
  )
  const parts = [
    '\u00a0',
    '\u200b',
    '\u3000',
    'é',
    'e\u0301',
    '\u0301',
    '漢字',
    '\t',
    '\n',
    ' ',
    '  ',
    '.',
    ',"',
    'İ',
    'ﬁ',
    '😀',
    'quick',
    'The',
    '\u0000',
    '\ud800',
    '-',
    '٣',
  ]
  const text = fc.array(fc.constantFrom(...parts, ' '), { maxLength: 40 }).map((chosen) => chosen.join(''))
  fc.assert(
    fc.property(text, (one) => assert.deepEqual(byPiece(one), whole(one))),
    { numRuns: 300 },
  )
})

test('a file that is no tokenizer, and a length that leaves no room, are refused', () => {
  assert.throws(() => openTokenizer('{"model": 1', 8), /tokenizer\.json cannot be read/)
  assert.throws(() => openTokenizer('{"model": {"type": "None"}}', 8), /tokenizer\.json cannot be read/)
  assert.throws(() => openTokenizer(jsonOf('wordpiece'), 2), /leaves no room/)
})
