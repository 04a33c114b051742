import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Endpoint } from '../schema.ts'
import { binarySignature } from '../testing.ts'
import { answerFields } from './answer-fields.ts'
import { endpointOpenApi } from './openapi.ts'
import { healthOf } from './routes.ts'

const endpoint = {
  id: 'end_1',
  name: 'live',
  description: '',
  state: 'ready',
  message: null,
  modelName: 'churn',
  versionNumber: 3,
  served: 'onnx',
  signature: binarySignature,
  capture: { key: 'customer' },
} as unknown as Endpoint

const schemaOf = (one: Endpoint) =>
  endpointOpenApi(one) as { components: { schemas: Record<string, any> }; paths: Record<string, any> }

test('the description of an endpoint has its columns with their types, categories and ranges', () => {
  const { components, paths } = schemaOf(endpoint)
  const { Row, Prediction } = components.schemas
  assert.deepEqual(Row.required, ['b'])
  assert.equal(Row.additionalProperties, false)
  assert.deepEqual(Object.keys(Row.properties), ['customer', 'a', 'b', 'state'])
  assert.deepEqual(Row.properties.a.type, ['number', 'null'])
  assert.deepEqual(Row.properties.a['x-training-range'], { minimum: -5, maximum: 5 })
  assert.match(Row.properties.b.description, /-5 to 5.*absence refused/)
  assert.deepEqual(Row.properties.state.anyOf[0].enum, ['OH', 'AK'])
  assert.deepEqual(Prediction.required, ['id', 'label', 'probabilities'])
  assert.deepEqual(Prediction.properties.probabilities.required, ['no', 'yes'])
  assert.ok(paths['/v1/endpoints/end_1/predict'].post.responses['422'])
})

test('every reference of the description leads somewhere', () => {
  const document = schemaOf(endpoint)
  const refs = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)].map((match) => match[1]!)
  assert.ok(refs.length > 8)
  for (const name of refs) assert.ok(document.components.schemas[name], name)
})

test('the fields of an answer follow from the signature', () => {
  const names = (change: object) =>
    answerFields({ ...binarySignature, ...change } as typeof binarySignature).map(({ name }) => name)
  assert.deepEqual(names({}), ['label', 'probabilities'])
  assert.deepEqual(names({ task: 'regression', classes: null }), ['value'])
  assert.deepEqual(names({ task: 'multilabel' }), ['labels', 'probabilities'])
  assert.deepEqual(names({ task: 'anomaly', classes: null, outputs: [{ name: 'score', width: 1 }] }), ['score', 'isAnomaly'])
  assert.deepEqual(
    names({
      task: 'forecast',
      classes: null,
      outputs: [
        { name: 'prediction', width: 4 },
        { name: 'low', width: 4 },
      ],
    }),
    ['values', 'outputs.low'],
  )
  assert.deepEqual(names({ task: 'clustering', classes: null, outputs: [{ name: 'distances', width: 3 }] }), [
    'cluster',
    'distances',
  ])
})

test('an endpoint that does not answer is not healthy, and says why', () => {
  assert.equal(healthOf(endpoint).version, 3)
  assert.throws(() => healthOf({ ...endpoint, state: 'failed', message: 'no memory.' }), {
    code: 'unavailable',
    message: 'The endpoint "live" is failed: no memory.',
  })
})
