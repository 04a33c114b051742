import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileDecision, compilePrediction } from './row-prediction.ts'
import type { ModelSignature } from './signature.ts'

const bare = { classes: null, positive: null, threshold: null, inputs: [] }
const one = (signature: ModelSignature, ...values: number[]) =>
  compilePrediction(signature)({ width: values.length, values: Float32Array.from(values) }, 0)
const decided = (signature: ModelSignature, ...values: number[]) =>
  compileDecision(signature)?.({ width: values.length, values: Float32Array.from(values) }, 0)

test('several labels: every class at or above its own threshold, or none', () => {
  const signature: ModelSignature = { ...bare, task: 'multilabel', classes: ['a', 'b', 'c'], thresholds: [0.5, 0.25, 0.75] }
  assert.deepEqual(one(signature, 0.5, 0.25, 0.5), { labels: ['a', 'b'], probabilities: { a: 0.5, b: 0.25, c: 0.5 } })
  assert.deepEqual(one(signature, 0, 0, 0.5).labels, [])
  assert.deepEqual(one({ ...signature, thresholds: null }, 0.25, 0.5, 0.75).labels, ['b', 'c'])
  assert.equal(decided(signature, 0, 0.5, 1), '["b","c"]')
  assert.throws(() => compilePrediction({ ...signature, thresholds: [0.5] }), /1 thresholds for 3 classes/)
})

test('groups: the number that the graph says, the nearest, or the most probable', () => {
  const clustering = { ...bare, task: 'clustering' }
  const said = {
    ...clustering,
    outputs: [
      { name: 'cluster', width: 1 },
      { name: 'distances', width: 2 },
    ],
  }
  assert.deepEqual(one(said, -1, 4, 3), { cluster: -1, distances: [4, 3] })
  assert.equal(decided(said, -1, 4, 3), '-1')
  assert.deepEqual(one({ ...clustering, outputs: [{ name: 'distances', width: 3 }] }, 4, 1, 1).cluster, 1)
  const mixture = { ...clustering, outputs: [{ name: 'probabilities', width: 2 }] }
  assert.deepEqual(one(mixture, 0.25, 0.75), { cluster: 1, probabilities: { 0: 0.25, 1: 0.75 } })
})

test('anomalies from the threshold on; a projection is a vector; forecasts have steps; what else there is keeps its name', () => {
  const anomaly = { ...bare, task: 'anomaly', threshold: 0.5, outputs: [{ name: 'score', width: 1 }] }
  assert.deepEqual(one(anomaly, 0.5), { score: 0.5, isAnomaly: true })
  assert.equal(decided(anomaly, 0.25), 'false')
  const projection = { ...bare, task: 'projection', outputs: [{ name: 'vector', width: 2 }] }
  assert.deepEqual(one(projection, 1, 2), { vector: [1, 2] })
  assert.equal(compileDecision(projection), null)
  assert.deepEqual(one({ ...bare, task: 'forecast', outputs: [{ name: 'prediction', width: 2 }] }, 1, 2), { values: [1, 2] })
  const extra = {
    ...bare,
    task: 'binary',
    classes: ['no', 'yes'],
    positive: 'yes',
    outputs: [
      { name: 'margin', width: 1 },
      { name: 'probabilities', width: 2 },
      { name: 'embedding', width: 2 },
    ],
  }
  assert.deepEqual(one(extra, 7, 0.25, 0.75, 1, 2), {
    label: 'yes',
    probabilities: { no: 0.25, yes: 0.75 },
    outputs: { margin: 7, embedding: [1, 2] },
  })
})

test('a signature whose classes and values do not match is refused', () => {
  assert.throws(
    () => compilePrediction({ ...bare, task: 'multiclass', classes: ['a'], outputs: [{ name: 'probabilities', width: 2 }] }),
    /names 1 classes, but its output "probabilities" has 2/,
  )
})
