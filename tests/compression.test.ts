import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Ladder } from '../src/domains/compression/schema.ts'
import type { TrainingResult } from '../src/domains/training/schema.ts'
import { customers, type TrainingWorld, trainingWorld } from './training-world.ts'

describe('smaller and faster', { timeout: 10 * 60_000 }, () => {
  let w: TrainingWorld

  before(async () => {
    w = await trainingWorld()
    await w.addTable('customers', customers(500), 'churn')
    const { state, failure } = await w.train({
      dataset: 'customers',
      target: 'churn',
      metric: 'roc_auc',
      algorithms: ['random_forest'],
      search: { strategy: 'none' },
      model: 'churn',
    })
    assert.equal(state, 'succeeded', JSON.stringify(failure))
  })
  after(() => w?.close())

  const shrink = async (input: object) => {
    const { job } = await w.ask('POST', '/v1/models/churn/versions/1/compressions', input)
    return w.ended(job.id)
  }

  test('a student is a version of its own: judged on the same sealed rows, proven, derived from its teacher', async () => {
    const job = await shrink({ method: 'distil', algorithms: ['logistic_regression'], alpha: 0.2 })
    assert.equal(job.state, 'succeeded', JSON.stringify(job.failure))
    const result = job.result as unknown as TrainingResult
    assert.deepEqual(
      [result.model, result.version, result.algorithm, result.parity.flips],
      ['churn', 2, 'logistic_regression', 0],
    )
    const [teacher, student] = [
      await w.ask('GET', '/v1/models/churn/versions/1'),
      await w.ask('GET', '/v1/models/churn/versions/2'),
    ]
    assert.equal(student.split, teacher.split)
    assert.deepEqual([student.derived.from, student.derived.method, student.derived.fromName], [teacher.id, 'distil', 'churn:1'])
    assert.ok(student.parity.passed && student.test.roc_auc.value > 0.7, JSON.stringify(student.test.roc_auc))
    const { edges } = await w.ask('GET', `/v1/lineage/${student.id}`)
    assert.ok(edges.some((edge: any) => edge.from === teacher.id && edge.to === student.id && edge.label === 'distil'))
  })

  test('who asks for the model by its name gets what was trained', async () => {
    const endpoint = await w.ask('POST', '/v1/endpoints', { name: 'churn', model: 'churn' })
    assert.equal(endpoint.versionNumber, 1)
    await w.call('DELETE', '/v1/endpoints/churn')
  })

  test('a version that was made from another is not replayed as if it had been trained', async () => {
    const reply = await w.call('POST', '/v1/models/churn/versions/2/replay')
    assert.equal(reply.status, 412)
    assert.match(reply.text, /was made from another version/)
  })

  test('the ladder compares on the same rows and measures on this machine, and a rule picks', async () => {
    const before = (await w.ask('GET', '/v1/models/churn/versions/2/ladder')) as Ladder
    assert.deepEqual(
      before.rungs.map(({ name, measured }) => [name, measured]),
      [
        ['churn:1', null],
        ['churn:2', null],
      ],
    )
    assert.equal(before.choice.version, null)
    const { job } = await w.ask('POST', '/v1/models/churn/versions/1/ladder', { repetitions: 20 })
    const ended = await w.ended(job.id)
    assert.equal(ended.state, 'succeeded', JSON.stringify(ended.failure))
    const ladder = (await w.ask('GET', '/v1/models/churn/versions/1/ladder?maxLoss=0.5&maxP95Ms=10000')) as Ladder
    const [first, second] = ladder.rungs
    assert.equal(ladder.metric, 'roc_auc')
    assert.equal(first!.difference, null)
    assert.match(second!.difference!.sentence, /on the same 100 sealed rows/)
    for (const { measured, sizeBytes } of ladder.rungs) {
      assert.ok(measured!.one.p50Ms > 0 && measured!.one.p95Ms >= measured!.one.p50Ms)
      assert.ok(measured!.many.rowsPerSecond > 0 && measured!.peakMemoryBytes! > 0 && sizeBytes > 0)
      assert.ok(measured!.repetitions === 20 && measured!.machine.cores > 0)
    }
    assert.ok(second!.sizeBytes < first!.sizeBytes / 4)
    assert.equal(ladder.choice.name, 'churn:2')
  })
})
