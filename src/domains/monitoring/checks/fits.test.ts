import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Signature } from '../../registry/schema.ts'
import { signature as ofCustomers } from '../testing.ts'
import { usualChecks } from './all-checks.ts'
import { whyMisnamed, whyUnfit } from './fits.ts'
import { CheckInput, checkKinds } from './settings.ts'

const bare = { target: null, classes: null, positive: null, threshold: null, tolerance: 0 }
const image = { name: 'photo', type: 'image', tensor: 'image', index: 0, nullable: false } as const
const prompt = { name: 'prompt', type: 'text', tensor: 'tokens', index: 0, nullable: false } as const
const writer: Signature = { ...bare, task: 'generation', inputs: [prompt] }
const looker: Signature = { ...bare, task: 'multiclass', target: 'kind', classes: ['cat', 'dog', 'owl'], inputs: [image] }

const fitting = (signature: Signature, served: 'onnx' | 'gguf' | 'external' = 'onnx') =>
  checkKinds.filter((kind) => whyUnfit(kind, { signature, served }) === null)
const usual = (signature: Signature) => usualChecks({ signature, served: 'onnx' }).map(({ kind }) => kind)

test('a language model is watched by its operations alone, and the refusal says so', () => {
  assert.deepEqual(fitting(writer, 'gguf'), ['operations'])
  assert.deepEqual(usual(writer), ['operations'])
  assert.match(whyUnfit('data_drift', { signature: writer, served: 'external' })!, /language model .* operations/)
})

test('every check makes sense for a model of columns and classes; what needs the model itself not where it answers elsewhere', () => {
  assert.deepEqual(fitting(ofCustomers), [...checkKinds])
  assert.deepEqual(
    fitting(ofCustomers, 'external'),
    checkKinds.filter((kind) => kind !== 'explanation_drift'),
  )
  assert.ok(!usual(ofCustomers).includes('embedding_drift'))
})

test('groups and outcomes that the model does not know are told', () => {
  const bias = (settings: object) => whyMisnamed(CheckInput.parse({ kind: 'bias', settings }), ofCustomers)
  assert.equal(bias({ facets: ['region'], favourable: 'no' }), null)
  assert.match(bias({ facets: ['sex'] })!, /"sex" is no input/)
  assert.match(bias({ facets: ['region'], favourable: 'No' })!, /"No" is none of the model's classes: no, yes/)
})

test('a model of images is watched by what it makes of them', () => {
  const kinds = ['prediction_drift', 'performance', 'performance_estimate', 'embedding_drift', 'operations']
  assert.deepEqual(fitting(looker), kinds)
  assert.deepEqual(usual(looker), kinds)
  assert.match(whyUnfit('bias', { signature: looker, served: 'onnx' })!, /which group/)
})

test('vectors have no distribution of their own, but are compared as vectors', () => {
  const vectors: Signature = { ...bare, task: 'embedding', inputs: [{ ...prompt, name: 'text' }] }
  assert.deepEqual(fitting(vectors, 'gguf'), [
    'data_quality',
    'data_drift',
    'multivariate_drift',
    'embedding_drift',
    'operations',
  ])
})
