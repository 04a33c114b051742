import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isPlatformError } from '../../kernel/errors.ts'
import { compileEncoder } from './encode.ts'
import { parseIsoDate } from './iso-date.ts'
import { mostProblems, type RowProblem } from './problems.ts'
import { compilePrediction } from './row-prediction.ts'
import type { ModelSignature } from './signature.ts'

const signature: ModelSignature = {
  task: 'binary',
  classes: ['no', 'yes'],
  positive: 'yes',
  threshold: 0.37,
  inputs: [
    { name: 'state', type: 'category', tensor: 'strings', index: 0, nullable: false, categories: ['OH', 'AK'] },
    { name: 'minutes', type: 'number', tensor: 'numbers', index: 1, nullable: false, min: 0, max: 350 },
    { name: 'calls', type: 'integer', tensor: 'numbers', index: 0, nullable: true, min: 0, max: 9 },
    { name: 'plan', type: 'boolean', tensor: 'numbers', index: 2, nullable: true },
    { name: 'since', type: 'datetime', tensor: 'numbers', index: 3, nullable: true },
    { name: 'note', type: 'text', tensor: 'strings', index: 1, nullable: true },
  ],
}
const whole = { state: 'OH', minutes: 12.5, calls: 3, plan: true, since: '2026-01-31', note: 'hi' }
const encoder = compileEncoder(signature)

function refusal(row: unknown, rows: unknown[] = []): { message: string; facts: Record<string, unknown> } {
  try {
    encoder.encode([...rows, row])
  } catch (error) {
    assert.ok(isPlatformError(error), String(error))
    assert.equal(error.code, 'unprocessable')
    return error
  }
  assert.fail(`${JSON.stringify(row)} was accepted`)
}

test('a row is laid out as the signature says', () => {
  const { batch, warnings } = encoder.encode([whole, { ...whole, plan: false, since: '2026-01-31T12:00:00+02:00' }])
  assert.equal(batch.rows, 2)
  assert.deepEqual([...batch.numbers], [3, 12.5, 1, Date.UTC(2026, 0, 31), 3, 12.5, 0, Date.UTC(2026, 0, 31, 10)])
  assert.deepEqual(batch.strings, ['OH', 'hi', 'OH', 'hi'])
  assert.deepEqual(warnings, [])
})

test('null, an absent nullable column and an empty text are missing', () => {
  const { batch, warnings } = encoder.encode([{ state: 'AK', minutes: 1, calls: null, note: '' }])
  assert.deepEqual([...batch.numbers], [Number.NaN, 1, Number.NaN, Number.NaN])
  assert.deepEqual(batch.strings, ['AK', ''])
  assert.deepEqual(warnings, [])
})

test('what the model itself refuses is refused before it: a missing value, a word that is none of its categories', () => {
  const inputs = signature.inputs.map((input) => ({
    ...input,
    required: input.name === 'minutes',
    closed: input.name === 'state',
  }))
  const { encode } = compileEncoder({ ...signature, inputs })
  assert.deepEqual(encode([whole]).warnings, [])
  const asked = (row: object) => () => encode([whole, { ...whole, ...row }])
  assert.throws(
    asked({ minutes: null }),
    /Row 1, column "minutes": the value is missing, and the model answers no row without it/,
  )
  assert.throws(
    asked({ state: 'ZZ' }),
    /Row 1, column "state": the model knows no "ZZ" and answers no row with it. It knows: OH, AK/,
  )
})

test('an absent column that was never missing is refused by name; null is allowed and warned of', () => {
  const { minutes: _, ...rest } = whole
  assert.match(refusal(rest, [whole]).message, /Row 1 lacks the column "minutes" \(number\)/)
  const { batch, warnings } = encoder.encode([{ ...whole, minutes: null }])
  assert.equal(batch.numbers[1], Number.NaN)
  assert.match(warnings[0]!, /"minutes": the value is missing; in training it never was/)
})

test('a refusal names row and column', () => {
  const cases: [unknown, RegExp][] = [
    [{ ...whole, extra: 1 }, /Row 0 has a field "extra" .* It takes: state, minutes/],
    [{ ...whole, Minutes: 1 }, /Did you mean "minutes"/],
    [{ ...whole, minutes: '12' }, /column "minutes": expected a number, got the text "12"/],
    [{ ...whole, minutes: true }, /expected a number, got the boolean true/],
    [{ ...whole, minutes: Number.POSITIVE_INFINITY }, /not a finite number/],
    [{ ...whole, calls: 1.5 }, /expected a whole number/],
    [{ ...whole, plan: 'yes' }, /expected true or false/],
    [{ ...whole, since: '2026-02-30' }, /column "since": expected an ISO 8601 date/],
    [{ ...whole, since: 5 }, /ISO 8601/],
    [{ ...whole, state: 408 }, /expected text \(send "408"\)/],
    [{ ...whole, note: ['a'] }, /got a list/],
    [[1, 2], /Row 0 must be an object of columns, not a list/],
    [null, /not null/],
  ]
  for (const [row, message] of cases) {
    const error = refusal(row)
    assert.match(error.message, message)
    assert.equal(error.facts.row, 0)
  }
  assert.equal(refusal({ ...whole, plan: 'yes' }).facts.column, 'plan')
  assert.match(refusal(JSON.parse('{"state":"OH","minutes":1,"__proto__":{"admin":true}}')).message, /field "__proto__"/)
})

test('all that is wrong is told at once, by row and column, up to a bound', () => {
  const { note: _, state: __, ...lacking } = whole
  const error = refusal({ ...lacking, minutes: '12', calls: 1.5, extra: 1, Plan: true }, [whole])
  assert.deepEqual(
    (error.facts.problems as RowProblem[]).map(({ row, column, problem }) => [row, column, problem]),
    [
      [1, 'minutes', 'type'],
      [1, 'calls', 'type'],
      [1, 'state', 'missing'],
      [1, 'extra', 'unknown'],
      [1, 'Plan', 'unknown'],
    ],
  )
  assert.match(error.message, /^Row 1, column "minutes".* Row 1, column "calls".* Row 1 lacks .*And 2 more\.$/)
  assert.deepEqual([error.facts.row, error.facts.column, error.facts.expected], [1, 'minutes', 'number'])
  const many = refusal(7, new Array(5000).fill({ x: 1 }))
  assert.equal((many.facts.problems as RowProblem[]).length, mostProblems)
  assert.ok(many.facts.andMore && /And at least 97 more\.$/.test(many.message), many.message)
})

test('values outside what training saw are warned of once per column', () => {
  const far = { ...whole, minutes: 900, state: 'ZZ' }
  const { warnings } = encoder.encode([whole, far, far, far])
  assert.deepEqual(warnings, [
    'Row 1, column "minutes": 900 is outside what training saw (0 to 350) (and 2 more rows like it).',
    'Row 1, column "state": "ZZ" was never seen in training (and 2 more rows like it).',
  ])
})

test('fields that the model does not know can be ignored', () => {
  const { batch } = compileEncoder(signature, { unknownFields: 'ignore' }).encode([{ ...whole, churn: 'yes' }])
  assert.equal(batch.numbers[1], 12.5)
})

test('a column named like an inherited property is still a column', () => {
  const odd: ModelSignature = {
    ...signature,
    inputs: [{ name: 'constructor', type: 'category', tensor: 'strings', index: 0, nullable: true }],
  }
  assert.deepEqual(compileEncoder(odd).encode([{}, { constructor: 'x' }]).batch.strings, ['', 'x'])
})

test('no rows make an empty batch; a signature with a place taken twice is refused', () => {
  assert.equal(encoder.encode([]).batch.rows, 0)
  const twice = { ...signature, inputs: [signature.inputs[0]!, { ...signature.inputs[5]!, index: 0 }] }
  assert.throws(() => compileEncoder(twice), /"note" at strings 0, which is taken/)
})

test('ISO dates: zones, fractions, nothing that is not a date', () => {
  assert.equal(parseIsoDate('1969-12-31T23:59:59.250Z'), -750)
  assert.equal(parseIsoDate('2026-03-01 10:00:00.123456'), Date.UTC(2026, 2, 1, 10) + 123.456)
  assert.equal(parseIsoDate('0099-03-01'), new Date('0099-03-01T00:00:00Z').getTime())
  assert.equal(parseIsoDate('2024-02-29T00:00-05:30'), Date.UTC(2024, 1, 29, 5, 30))
  for (const text of ['', '2025-02-29', '2026-1-1', '2026-01-01T24:00', '01/02/2026', '2026-13-01', 'yesterday'])
    assert.equal(parseIsoDate(text), Number.NaN, text)
})

test('binary: the threshold decides in float32 widened to float64; classes keep their order', () => {
  const label = compilePrediction(signature)
  const scores = { width: 2, values: Float32Array.of(0.7, 0.3, 0.63, 0.37, 0.6, 0.4) }
  assert.equal(label(scores, 0).label, 'no')
  // 0.37 as float32 is 0.3700000047…, which is not below the float64 threshold 0.37.
  assert.equal(label(scores, 1).label, 'yes')
  assert.deepEqual(label(scores, 2), { label: 'yes', probabilities: { no: Math.fround(0.6), yes: Math.fround(0.4) } })
  const reversed = compilePrediction({ ...signature, classes: ['yes', 'no'] })
  assert.equal(reversed(scores, 0).label, 'yes')
})

test('multi-class: the first largest wins; regression: the value', () => {
  const three = compilePrediction({ ...signature, task: 'multiclass', classes: ['a', 'b', 'c'], positive: null, threshold: null })
  assert.equal(three({ width: 3, values: Float32Array.of(0.2, 0.4, 0.4) }, 0).label, 'b')
  const value = compilePrediction({ ...signature, task: 'regression', classes: null, positive: null, threshold: null })
  assert.deepEqual(value({ width: 1, values: Float32Array.of(1, 2.5) }, 1), { value: 2.5 })
})
