/** A process that listens and one that works, on PostgreSQL: invocations and transforms are done by the one nobody is connected to, whatever is killed. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { openPostgres } from '../../src/ports/metadata/postgres.ts'
import { freshPostgresUrl } from '../../src/ports/metadata/testing.ts'
import { modelWorld } from '../model-world.ts'
import { ask, kill, type Server, start, startWorker } from './whole-server.ts'

const rows = 600_000
const signal = AbortSignal.timeout(170_000)

test('a worker answers what the web process accepted, and outlives it; another takes on what a killed one left', {
  timeout: 180_000,
}, async (t) => {
  const database = await freshPostgresUrl()
  if (typeof database === 'string') return t.skip(database)
  const dataDir = await mkdtemp(join(tmpdir(), 'atoll-split-'))
  const env = { ATOLL_DATABASE_URL: database.url }
  const running: { child: Server['child'] }[] = []
  const begun = <T extends { child: Server['child'] }>(one: T): T => {
    running.push(one)
    return one
  }
  const metadata = openPostgres({ url: database.url, maxConnections: 2 })
  const stateOf = async (id: string): Promise<any> =>
    metadata.db.selectFrom('invocations').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
  const over = async (id: string): Promise<any> => {
    for (;;) {
      const one = await stateOf(id)
      if (one.state !== 'queued' && one.state !== 'running') return one
      signal.throwIfAborted()
      await sleep(30)
    }
  }
  try {
    const world = await modelWorld({ dataDir, databaseUrl: database.url }, 'postgres')
    await world.register('churn')
    await world.ask('POST', '/v1/endpoints', { name: 'live', model: 'churn', capture: { share: 1 } })
    await world.ask('PUT', '/v1/endpoints/live/queue', { concurrency: 8 })
    const lines = Array.from({ length: rows }, (_, i) => `${i},${(i % 201) / 100 - 1},${(i % 7) / 3},${i % 3 ? 'OH' : 'AK'}`)
    await world.addTable('many', `id,a,b,state\n${lines.join('\n')}\n`)
    await world.close()

    let web = begun(await start({ dataDir, env: { ...env, ATOLL_ROLES: 'web' } }))
    const first = begun(startWorker({ dataDir, env }))
    const submit = async (many: number) => {
      const ids: string[] = []
      for (let i = 0; i < many; i++) {
        const body = { rows: [{ a: i / 10, b: 1, state: 'OH' }] }
        const made = await ask(web, 'POST', '/v1/endpoints/live/invocations', body).catch(() => null)
        if (made) ids.push(made.id)
      }
      return ids
    }
    // The first one waits for the worker to have started; from then on nothing is left for the process that listens.
    await over((await submit(1))[0]!)
    const byWorker = []
    for (const id of await submit(40)) byWorker.push(await over(id))
    assert.ok(byWorker.every(({ state }) => state === 'succeeded'))
    assert.deepEqual([...new Set(byWorker.map(({ worker }) => Number(worker.split('-')[0])))], [first.child.pid])
    const now = await ask(web, 'POST', '/v1/endpoints/live/predict', { rows: [{ a: 0, b: 1, state: 'OH' }] })
    const later = await ask(web, 'GET', `/v1/invocations/${byWorker[0].id}`)
    assert.deepEqual(later.result.predictions[0].probabilities, now.predictions[0].probabilities)
    assert.equal(later.result.predictions[0].id, byWorker[0].id)

    // The worker is killed in the middle of a transform and of a queue.
    const transform = await ask(web, 'POST', '/v1/transforms', {
      model: 'churn',
      input: { dataset: 'many' },
      keep: ['id'],
      output: { format: 'csv' },
    })
    const done = async (): Promise<number> => (await ask(web, 'GET', `/v1/jobs/${transform.job}`)).progress?.done ?? 0
    const left = await submit(30)
    while ((await done()) === 0 && (await ask(web, 'GET', `/v1/transforms/${transform.id}`)).state !== 'succeeded')
      await sleep(20)
    await kill(first)
    const started = Date.now()
    begun(startWorker({ dataDir, env }))
    left.push(...(await submit(30)))
    for (const id of left) assert.equal((await over(id)).state, 'succeeded')
    console.log(`# 60 invocations were answered ${((Date.now() - started) / 1000).toFixed(1)} s after their worker was killed`)
    for (;;) {
      const { state, failure } = await ask(web, 'GET', `/v1/transforms/${transform.id}`)
      assert.equal(failure, null)
      if (state === 'succeeded') break
      signal.throwIfAborted()
      await sleep(100)
    }
    console.log(`# the transform was done ${((Date.now() - started) / 1000).toFixed(1)} s after its worker was killed`)
    const [head, ...answers] = (await ask(web, 'GET', `/v1/transforms/${transform.id}/result`)).trim().split('\n') as string[]
    assert.equal(head, 'id,predicted_label,predicted_probability_no,predicted_probability_yes')
    assert.equal(answers.length, rows)
    assert.ok(answers.every((line, i) => line.startsWith(`${i},`)))

    // Nobody listens any more: what was accepted is answered all the same.
    const accepted = await submit(20)
    await kill(web)
    for (const id of accepted) assert.equal((await over(id)).state, 'succeeded')
    web = begun(await start({ dataDir, env: { ...env, ATOLL_ROLES: 'web' } }))
    assert.equal((await ask(web, 'GET', `/v1/invocations/${accepted.at(-1)}`)).state, 'succeeded')
  } finally {
    await Promise.all(running.map(kill))
    await metadata.close()
    await rm(dataDir, { recursive: true, force: true })
  }
})
