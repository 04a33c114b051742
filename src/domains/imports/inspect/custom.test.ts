import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Bundle } from './bundle.ts'
import { codeIn, inspectCustom } from './custom.ts'

const holding = (...paths: string[]) =>
  ({ files: paths.map((path) => ({ path, sizeBytes: 1 })), container: null, members: new Map() }) as unknown as Bundle

test('the code nearest to the top answers, at the top or in code/', () => {
  const found = inspectCustom(holding('model.joblib', 'deep/er/predict.py', 'code/inference.py', 'code/helper.py'))
  assert.deepEqual([found.format, found.file, found.marked], ['custom', '', 'code'])
  assert.deepEqual(found.facts, { script: 'code/inference.py', programs: 3 })
  assert.equal(codeIn(holding('my model/predict.py'))?.file, 'my model')
  assert.equal(inspectCustom(holding('a/predict.py', 'b/code/inference.py'), 'b/').file, 'b')
})

test('where no code could answer it is said', () => {
  assert.equal(codeIn(holding('train.py', 'predict.pyc', 'xpredict.py', 'predict.py/readme.md')), null)
  assert.throws(() => inspectCustom(holding('train.py')), /There is no inference.py .* in it, so that nothing could answer/)
  assert.throws(() => inspectCustom(holding('predict.py'), 'other'), /in "other", so that nothing could answer/)
})
