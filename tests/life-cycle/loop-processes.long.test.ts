import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { LoopRun } from '../../src/domains/loops/schema.ts'
import { loopTables } from '../../src/domains/loops/tables.ts'
import { openPostgres } from '../../src/ports/metadata/postgres.ts'
import { freshPostgresUrl } from '../../src/ports/metadata/testing.ts'
import { liveTraffic } from './live-traffic.ts'
import { preparedLoop } from './loop-prepared.ts'
import { serverProcess } from './server-process.ts'

const minute = 60_000

test('two servers on one PostgreSQL: an endpoint has one run, whoever dies in the middle of it the other goes on, and both serve the better model', {
  timeout: 40 * minute,
}, async (t) => {
  const database = await freshPostgresUrl()
  if (typeof database === 'string') return t.skip(database)
  const dataDir = await mkdtemp(join(tmpdir(), 'atoll-loop-two-'))
  const { token, endpoint, loop, rows } = await preparedLoop({ dataDir, databaseUrl: database.url }, { trafficMinutes: 0.4 })
  const env = { ATOLL_DATABASE_URL: database.url }
  const servers = [await serverProcess({ dataDir, token, env }), await serverProcess({ dataDir, token, env })]
  const metadata = openPostgres({ url: database.url, maxConnections: 2 })
  let over = false
  t.after(async () => {
    over = true
    await Promise.all(servers.map((server) => server.kill()))
    await metadata.close()
    await sleep(200)
    await rm(dataDir, { recursive: true, force: true })
  })
  await Promise.all(servers.map((server) => server.start()))

  /** Asks whoever is there. */
  const call: (typeof servers)[number]['call'] = async (...asked) =>
    servers[0]!.call(...asked).catch(() => servers[1]!.call(...asked))
  const flowing = servers.map(async (server) => {
    const live = liveTraffic(server as never, endpoint.id, 'churn')
    for (let at = 0; !over; at = (at + 5) % (rows.length - 5)) {
      await live.ask(rows.slice(at, at + 5)).catch(() => {})
      await sleep(120)
    }
  })

  const path = `/v1/loops/${loop.id}/run`
  const began = await Promise.all([0, 1, 0, 1, 0, 1].map((n) => servers[n]!.call('POST', path, { body: {} })))
  assert.deepEqual(began.map(({ status }) => status).sort(), [201, 409, 409, 409, 409, 409])
  const { number, id } = began.find(({ status }) => status === 201)!.json as LoopRun

  const killed: string[] = []
  const drivers = new Set<string>()
  let run: LoopRun | null = null
  for (const end = Date.now() + 35 * minute; Date.now() < end && run?.state !== 'ended'; await sleep(30)) {
    const row = await loopTables(metadata.db)
      .selectFrom('loop_runs')
      .select(['step', 'lease_owner'])
      .where('id', '=', id)
      .executeTakeFirstOrThrow()
    if (row.lease_owner) drivers.add(row.lease_owner)
    const turn = killed.length % 2
    // One dies while it drives or works, and is back only once the other has brought the run further.
    if (['train', 'shadow', 'rollout', 'watch'].includes(row.step) && !killed.includes(row.step)) {
      killed.push(row.step)
      await servers[turn]!.kill()
      await further(row.step)
      await servers[turn]!.start()
    }
    run = (await call('GET', `/v1/loops/${loop.id}/runs/${number}`).catch(() => null))?.json ?? run
  }
  over = true
  await Promise.all(flowing)

  /** Waits until the run has left a step, driven by the one that is there. */
  async function further(step: string): Promise<void> {
    for (const end = Date.now() + 8 * minute; Date.now() < end; await sleep(50)) {
      const row = await loopTables(metadata.db)
        .selectFrom('loop_runs')
        .select(['step', 'ended_at', 'lease_owner'])
        .where('id', '=', id)
        .executeTakeFirstOrThrow()
      if (row.lease_owner) drivers.add(row.lease_owner)
      if (row.step !== step || row.ended_at !== null) return
    }
    assert.fail(`the other server does not go on with the run at ${step}`)
  }

  console.log(`killed at: ${killed.join(', ')}; driven by ${drivers.size} processes; ${run!.sentence}`)
  assert.equal(run!.outcome, 'done', `${run!.step}: ${run!.sentence}`)
  // On a slow machine a server may come up too late to die at each.
  assert.ok(killed[0] === 'train' && killed.length >= 2, killed.join(', '))
  assert.ok(drivers.size >= 2, 'more than one process drove it')
  const { items: versions } = (await call('GET', '/v1/models/churn/versions')).json
  assert.equal(versions.length, 2, 'one challenger was made')
  const { items: tables } = (await call('GET', '/v1/datasets/customers/versions')).json
  assert.equal(tables.length, 2, 'one version of the data was gathered')
  const { items: jobs } = (await call('GET', '/v1/jobs?limit=200')).json
  const count = (kind: string) => jobs.filter((job: any) => job.kind === kind).length
  assert.deepEqual([count('loop.gather'), count('training'), count('loop.judge')], [1, 2, 1])
  assert.equal((await call('GET', '/v1/audit/verify')).json.brokenAt, null)
  for (const server of servers) {
    const live = liveTraffic(server as never, endpoint.id, 'churn')
    const right = (await live.askAll(rows, 25)).filter(({ truth, label }) => truth !== label).length / rows.length
    assert.ok(right > 0.75, `each server answers with the better model: ${right}`)
  }
})
