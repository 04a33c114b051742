import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileDecision } from '../../ports/inference/row-prediction.ts'
import { answerWidth } from '../../ports/inference/signature.ts'
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
    const refused = {
      code: 'unprocessable',
      facts: { row: 1, problem: 'value' },
      message: /^Row 1 has no answer: the model says (NaN|-?Infinity)/,
    }
    assert.throws(() => compileAnswer(number as never)({ values: Float32Array.of(0, value), width: 1 }, 1, 'a'), refused)
    assert.throws(() => compileAnswer(two as never)({ values: Float32Array.of(0, 1, value, value), width: 2 }, 1, 'a'), refused)
  }
})

test('what a package says beside its answer comes under outputs, and the label is still that of the probabilities', () => {
  const outputs = [
    { name: 'probabilities', width: 2 },
    { name: 'left_vector', width: 2 },
    { name: 'right_vector', width: 2 },
  ]
  const pairs = { ...two, threshold: 0.75, outputs } as never
  const scores = { values: Float32Array.of(0.5, 0.5, 9, 8, 7, 6, 0.25, 0.75, 5, 4, 3, 2), width: 6 }
  const answer = compileAnswer(pairs)
  assert.deepEqual(JSON.parse(answer(scores, 0, 'a')), {
    id: 'a',
    label: 'no',
    probabilities: { no: 0.5, yes: 0.5 },
    outputs: { left_vector: [9, 8], right_vector: [7, 6] },
  })
  assert.equal(JSON.parse(answer(scores, 1, 'b')).label, 'yes')
  assert.deepEqual(
    [0, 1].map((row) => compileDecision(pairs)?.(scores, row)),
    ['no', 'yes'],
  )
  assert.equal(answerWidth(pairs), 2)
  assert.equal(answerWidth({ ...number, outputs: [{ name: 'prediction', width: 1 }, ...outputs.slice(1)] } as never), 1)
})
