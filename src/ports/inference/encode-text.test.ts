import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { RawBody } from '../../kernel/raw-body.ts'
import { compileEncoder, type RowEncoder } from './encode.ts'
import type { ModelSignature } from './signature.ts'

const signature: ModelSignature = {
  task: 'regression',
  classes: null,
  positive: null,
  threshold: null,
  inputs: [
    { name: 'x', type: 'number', tensor: 'numbers', index: 0, nullable: false },
    { name: 'n "quoted"', type: 'integer', tensor: 'numbers', index: 1, nullable: true },
    { name: 'flag', type: 'boolean', tensor: 'numbers', index: 2, nullable: true },
    { name: 'day', type: 'datetime', tensor: 'numbers', index: 3, nullable: true },
    { name: 'city', type: 'category', tensor: 'strings', index: 0, nullable: true, categories: ['Köln', 'Bern'] },
    { name: 'constructor', type: 'text', tensor: 'strings', index: 1, nullable: true },
  ],
}
const first = { x: 1, 'n "quoted"': 2, flag: true, day: '2026-01-31', city: 'Bern', constructor: 'a' }

/** What parsing in full gives: tensors, or that it refuses or warns. */
function parsed(encoder: RowEncoder, text: string) {
  try {
    const body = JSON.parse(text)
    const { batch, warnings } = encoder.encode(body.rows ?? [body.row])
    return warnings.length > 0 ? null : batch
  } catch {
    return null
  }
}

/** Reading the text directly may give up, but never gives anything else than parsing does. */
function agrees(encoder: RowEncoder, text: string): boolean {
  const direct = encoder.encodeBody(RawBody.of(text))
  if (direct === null) return false
  const full = parsed(encoder, text)
  assert.ok(full, `parsing refuses or warns of ${text}`)
  assert.deepEqual(
    { rows: direct.rows, numbers: [...direct.numbers], strings: [...direct.strings] },
    { rows: full.rows, numbers: [...full.numbers], strings: [...full.strings] },
    text,
  )
  return true
}

const learnt = (row: object = first): RowEncoder => {
  const encoder = compileEncoder(signature)
  encoder.learn([row])
  return encoder
}

test('plain bodies of one and of many rows are read without parsing', () => {
  const encoder = learnt()
  for (const text of [
    JSON.stringify({ row: first }),
    JSON.stringify({ rows: [first, first, first] }),
    JSON.stringify({ rows: Array.from({ length: 50 }, (_, i) => ({ ...first, x: i / 7 })) }),
    ` ${JSON.stringify({ row: first })}`.trim().replaceAll(',', ', ').replaceAll('":', '" : '),
    JSON.stringify({ row: { ...first, x: -0.000123, day: null, city: null, flag: false } }),
    JSON.stringify({ row: first }).replace('"x":1', '"x":-0'),
    JSON.stringify({ row: first }).replace('"x":1', '"x":0.1000'),
    JSON.stringify({ row: { ...first, x: 9007199254740991 } }),
    JSON.stringify({ row: { ...first, x: 1.5e-300 } }),
    JSON.stringify({ row: first }).replace('"x":1', '"x":1E+5'),
    JSON.stringify({ row: first }).replace('"x":1', '"x":12345678901234567890'),
    JSON.stringify({ row: first }).replace('"x":1', '"x":0.12345678901234567890'),
  ])
    assert.ok(agrees(encoder, text), text)
})

test('what is not plain is left to the parser', () => {
  const encoder = learnt()
  assert.equal(compileEncoder(signature).encodeBody(RawBody.of(JSON.stringify({ row: first }))), null)
  const text = JSON.stringify({ row: first })
  for (const other of [
    '',
    '{',
    text.slice(0, -1),
    `${text}x`,
    `${text}}`,
    text.replace('"x":1', '"x":01'),
    text.replace('"x":1', '"x":1.'),
    text.replace('"x":1', '"x":.5'),
    text.replace('"x":1', '"x":-'),
    text.replace('"x":1', '"x":+1'),
    text.replace('"x":1', '"x":1e'),
    text.replace('"x":1', '"x":1e+'),
    text.replace('"x":1', '"x":1e999'),
    text.replace('"x":1', '"x":NaN'),
    text.replace('"x":1', '"x":null'),
    text.replace('"x":1,', ''),
    text.replace('"x":1', '"x":1,"x":2'),
    text.replace('"x":1', '"x":1,"y":2'),
    text.replace('true', 'truer'),
    text.replace('Bern', 'B\\u0065rn'),
    text.replace('Bern', 'B\nrn'),
    text.replace('Bern', 'Paris'),
    text.replace('2026-01-31', 'soon'),
    JSON.stringify({ rows: [] }),
    JSON.stringify({ rows: [first], row: first }),
    JSON.stringify({ row: [first] }),
    JSON.stringify({ row: first, more: 1 }),
    JSON.stringify({ rows: new Array(10_001).fill(first) }),
  ])
    assert.equal(encoder.encodeBody(RawBody.of(other)), null, other.slice(0, 200))
})

test('whatever a body holds and however it is written, it is read as the parser reads it', () => {
  const number = fc.oneof(
    fc.double({ noNaN: true }),
    fc.integer(),
    fc.double({ min: -1000, max: 1000, noNaN: true }).map((x) => Number(x.toFixed(4))),
  )
  const rarely = (usual: fc.Arbitrary<unknown>, ...other: unknown[]) =>
    fc.oneof({ weight: 19, arbitrary: usual }, fc.constantFrom(...other))
  const row = fc.record(
    {
      x: number,
      'n "quoted"': fc.option(fc.integer()),
      flag: rarely(fc.constantFrom(true, false, null, 0, 1), 'yes'),
      day: rarely(fc.constantFrom('2026-01-31', '2026-01-31T10:00:00.123Z', null), 7),
      city: rarely(fc.constantFrom('Bern', '', null), 'Köln', 'Paris'),
      constructor: fc.oneof({ weight: 8, arbitrary: fc.option(fc.string()) }, fc.string({ unit: 'binary' })),
    },
    { requiredKeys: ['x', 'city'] },
  )
  const spaces = fc.constantFrom('', ' ', '  ', '\n')
  let understood = 0
  fc.assert(
    fc.property(fc.array(row, { minLength: 1, maxLength: 4 }), fc.boolean(), spaces, spaces, (rows, isMany, before, after) => {
      const encoder = learnt(rows[0])
      const body = isMany || rows.length > 1 ? { rows } : { row: rows[0] }
      const text = JSON.stringify(body, null, before.length === 2 ? 1 : undefined)
      const spaced = text.replace(/([,:])(?=["\d{])/g, `${before}$1${after}`)
      if (agrees(encoder, text)) understood++
      agrees(encoder, spaced)
      // One character off.
      const at = rows.length % text.length
      agrees(encoder, text.slice(0, at) + text.slice(at + 1))
      agrees(encoder, text.slice(0, -1 - (at % 5)) + text.slice(text.length - (at % 5)))
    }),
    { numRuns: 3000 },
  )
  assert.ok(understood > 200, `only ${understood} of 3000 were read directly`)
})
