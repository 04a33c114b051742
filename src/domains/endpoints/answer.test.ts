import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileAnswer } from './answer.ts'

const number = { task: 'regression', classes: null, positive: null, threshold: null, inputs: [] } as const
const two = { task: 'binary', classes: ['no', 'yes'], positive: 'yes', threshold: 0.5, inputs: [] } as const

test('an answer is the text of its JSON', () => {
  assert.deepEqual(JSON.parse(compileAnswer(number as never)({ values: Float32Array.of(1, 2.5), width: 1 }, 1, 'a')), {
    id: 'a',
    value: 2.5,
  })
  const answer = compileAnswer(two as never)({ values: Float32Array.of(0.25, 0.75), width: 2 }, 0, 'b')
  assert.deepEqual(JSON.parse(answer), { id: 'b', label: 'yes', probabilities: { no: 0.25, yes: 0.75 } })
})

test('an answer that is no finite number is refused by its row, not sent as something else', () => {
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
    const refused = { code: 'invalid_input', facts: { row: 1 }, message: /^Row 1 has no answer: the model says (NaN|-?Infinity)/ }
    assert.throws(() => compileAnswer(number as never)({ values: Float32Array.of(0, value), width: 1 }, 1, 'a'), refused)
    assert.throws(() => compileAnswer(two as never)({ values: Float32Array.of(0, 1, value, value), width: 2 }, 1, 'a'), refused)
  }
})
