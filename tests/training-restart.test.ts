import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { freshPostgresUrl } from '../src/ports/metadata/testing.ts'
import { customers, trainingWorld } from './training-world.ts'

test('a training that a restart interrupts goes on where it was, on PostgreSQL too', async (t) => {
  const database = await freshPostgresUrl()
  if (typeof database === 'string') return t.skip(database)
  const dataDir = await mkdtemp(join(tmpdir(), 'atoll-restart-'))
  const settings = { dataDir, databaseUrl: database.url }
  let w = await trainingWorld(settings)
  try {
    await w.addTable('customers', customers(600), 'churn')
    const goal = await w.ask('POST', '/v1/goals', { dataset: 'customers', target: 'churn', metric: 'f1', atLeast: 0.5 })
    const asked = {
      dataset: 'customers',
      goal: goal.id,
      algorithms: ['lightgbm' as const],
      search: { trials: 8 },
      model: 'churn',
    }
    const { job, run } = await w.ask('POST', '/v1/training-jobs', asked)
    const complete = async () =>
      (await w.ask('GET', `/v1/searches/${job.id}`)).trials.filter((trial: any) => trial.state === 'complete').length as number
    while ((await complete()) < 2) await sleep(100)
    await w.close()

    w = await trainingWorld(settings)
    const ended = await w.ended(job.id)
    assert.equal(ended.state, 'succeeded', JSON.stringify(ended.failure))
    assert.equal(ended.attempt, 2)
    const log = (await w.ask('GET', `/v1/jobs/${job.id}/log?type=log&limit=500`)).items
    assert.ok(
      log.some((event: any) => /Resumed after \d+ finished trials/.test(event.data.message)),
      'the search went on',
    )
    assert.equal((await w.ask('GET', `/v1/runs/${run}`)).state, 'finished')
    const openings = (await w.ask('GET', '/v1/audit?action=datasets.open-sealed')).items
    assert.deepEqual(
      openings.map((entry: any) => entry.facts.job),
      [job.id],
      'the sealed rows were opened once',
    )

    // What was interrupted equals what was not.
    const whole = await w.train({ ...asked, model: 'whole' })
    const graph = async (model: string) =>
      (await w.ask('GET', `/v1/models/${model}/versions/1`)).manifest.files.find((file: any) => file.path === 'model.onnx').sha256
    assert.equal(whole.state, 'succeeded', JSON.stringify(whole.failure))
    assert.equal(await graph('churn'), await graph('whole'))
    assert.deepEqual((await w.ask('GET', '/v1/audit/verify')).brokenAt, null)
  } finally {
    await w.close()
    await rm(dataDir, { recursive: true, force: true })
  }
})
