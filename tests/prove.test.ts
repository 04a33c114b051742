import assert from 'node:assert/strict'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type Candidate, prove } from '../src/domains/evaluation/prove.ts'
import type { Signature } from '../src/domains/registry/schema.ts'
import { compileEncoder } from '../src/ports/inference/encode.ts'
import { labelIndex } from '../src/ports/inference/label.ts'
import { shapeOf } from '../src/ports/inference/signature.ts'
import { customers, type TrainingWorld, trainingWorld } from './training-world.ts'

describe('the proof that what is served is what was trained', () => {
  let w: TrainingWorld
  let folder: string
  let signature: Signature
  let otherGraph: string

  before(async () => {
    w = await trainingWorld()
    folder = await mkdtemp(join(tmpdir(), 'prove-'))
    await w.addTable('customers', customers(400), 'churn')
    const recipe = {
      steps: [
        { step: 'one_hot', columns: '*categories' },
        { step: 'impute', columns: '*numbers' },
      ],
    }
    const quick = { dataset: 'customers', recipe, search: { strategy: 'none' as const } }
    for (const [model, algorithms] of [
      ['a', ['logistic_regression']],
      ['b', ['naive_bayes']],
    ] as const)
      assert.equal((await w.train({ ...quick, algorithms: [...algorithms], model })).state, 'succeeded')
    const version = await w.ask('GET', '/v1/models/a/versions/1')
    signature = version.signature
    const { registry } = w.platform.domains
    await registry.layPackage(version.id, join(folder, 'a'), { sandboxOnly: true })
    await registry.layPackage((await w.ask('GET', '/v1/models/b/versions/1')).id, join(folder, 'b'))
    otherGraph = join(folder, 'b/model.onnx')
    await writeEvidence()
  })
  after(async () => {
    await w?.close()
    await rm(folder, { recursive: true, force: true })
  })

  /** Rows with gaps and words never seen, and what the proven graph says about them: the same as training code. */
  async function writeEvidence(): Promise<void> {
    const rows = Array.from({ length: 1000 }, (_, i) => ({
      minutes: i % 9 === 0 ? null : (i * 37) % 300,
      calls: i % 10,
      plan: i % 11 === 0 ? 'never seen' : ['basic', 'plus', 'pro'][i % 3],
      town: ['Bern', 'Gent', 'Lund', 'Pisa'][i % 4],
      age: 18 + (i % 60),
    }))
    const model = await w.platform.inference.load({ file: join(folder, 'a/model.onnx'), ...shapeOf(signature), trust: 'built' })
    const { values, width } = await model.predict(compileEncoder(signature).encode(rows).batch)
    await model.close()
    const probabilities = rows.map((_, i) => Array.from(values.subarray(i * width, (i + 1) * width)))
    const labels = rows.map((_, i) => signature.classes![labelIndex(signature, values, i * width)])
    await writeFile(join(folder, 'parity_rows.jsonl'), rows.map((row) => JSON.stringify(row)).join('\n'))
    await writeFile(
      join(folder, 'parity_expected.json'),
      JSON.stringify({ kinds: rows.map(() => 'held_out'), probabilities, predictions: null, labels }),
    )
  }

  async function proven(change: (packageFolder: string) => Promise<Partial<Candidate> | void>) {
    const packageFolder = await mkdtemp(join(folder, 'package-'))
    for (const file of ['model.onnx', 'signature.json']) await cp(join(folder, 'a', file), join(packageFolder, file))
    const changed = await change(packageFolder)
    return prove(w.platform, {
      signature,
      exported: { ok: true, reason: null },
      packageFolder,
      evidenceFolder: folder,
      engine: { family: 'tabular', runtime: 'tabular' },
      hashOf: async (path) => `hash of ${path}`,
      layNative: () => cp(join(folder, 'a/native'), join(packageFolder, 'native'), { recursive: true }),
      ...changed,
    })
  }

  test('a graph that says the same is served', async () => {
    const parity = await proven(async () => {})
    assert.deepEqual(
      [parity.passed, parity.served, parity.reason, parity.rows, parity.modelSha256],
      [true, 'onnx', null, 1000, 'hash of model.onnx'],
    )
  })

  test('a graph that says something else is refused, and the Python worker is proven instead and marked', async () => {
    const parity = await proven((packageFolder) => cp(otherGraph, join(packageFolder, 'model.onnx')))
    assert.deepEqual([parity.passed, parity.served, parity.flips], [true, 'python', 0])
    assert.match(parity.reason!, /The graph is not served: \d+ of 1000 labels differ/)
    assert.equal(parity.modelSha256, 'hash of native/pipeline.joblib')
  })

  test('a graph that cannot be loaded is refused with the reason', async () => {
    const parity = await proven(async (packageFolder) => {
      const graph = await readFile(join(folder, 'a/model.onnx'))
      await rm(join(packageFolder, 'model.onnx'))
      await writeFile(join(packageFolder, 'model.onnx'), graph.subarray(0, graph.length / 2))
    })
    assert.deepEqual([parity.passed, parity.served], [true, 'python'])
    assert.match(parity.reason!, /^The graph could not be run: /)
  })

  test('an export that training itself gave up is not tried', async () => {
    const parity = await proven(async () => ({ exported: { ok: false, reason: 'This step has no graph form.' } }))
    assert.deepEqual([parity.served, parity.reason], ['python', 'This step has no graph form.'])
  })
})
