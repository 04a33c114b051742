import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { LoopRun } from '../../src/domains/loops/schema.ts'
import { liveTraffic } from './live-traffic.ts'
import { preparedLoop } from './loop-prepared.ts'
import { serverProcess } from './server-process.ts'

const minute = 60_000

test('a server that is killed between every two steps of a run goes on with it, and a better model serves in the end', {
  timeout: 15 * minute,
}, async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'atoll-loop-kill-'))
  const { token, endpoint, loop, rows } = await preparedLoop({ dataDir })
  const server = await serverProcess({ dataDir, token })
  const { call } = server
  let over = false
  t.after(async () => {
    over = true
    await server.kill()
    await sleep(200)
    await rm(dataDir, { recursive: true, force: true })
  })
  await server.start()
  const flowing = (async () => {
    const live = liveTraffic({ call } as never, endpoint.id, 'churn')
    for (let at = 0; !over; at = (at + 5) % (rows.length - 5)) {
      await live.ask(rows.slice(at, at + 5)).catch(() => {})
      await sleep(80)
    }
  })()
  const began: LoopRun = (await call('POST', `/v1/loops/${loop.id}/run`, { body: {} })).json
  const killedAt: string[] = []
  let run = began
  for (const end = Date.now() + 12 * minute; Date.now() < end && run.state !== 'ended'; await sleep(40)) {
    const read = await call('GET', `/v1/loops/${loop.id}/runs/${began.number}`).catch(() => null)
    if (read?.status !== 200) continue
    run = read.json
    if (run.state === 'ended' || killedAt.includes(run.step)) continue
    killedAt.push(run.step)
    await server.kill()
    await server.start()
  }
  over = true
  await flowing
  console.log(`killed at: ${killedAt.join(', ')}; ${run.sentence}`)
  assert.equal(run.outcome, 'done', `${run.step}: ${run.sentence}`)
  for (const step of ['gather', 'train', 'shadow', 'rollout', 'watch']) assert.ok(killedAt.includes(step), `killed at ${step}`)
  const now = (await call('GET', `/v1/endpoints/${endpoint.id}`)).json
  assert.equal(now.version, run.challenger!.version)
  const { items: versions } = (await call('GET', '/v1/models/churn/versions')).json
  assert.equal(versions.length, 2, 'one challenger was made')
  const { items: tables } = (await call('GET', '/v1/datasets/customers/versions')).json
  assert.equal(tables.length, 2, 'one version of the data was gathered')
  const { items: jobs } = (await call('GET', '/v1/jobs?limit=200')).json
  const count = (kind: string) => jobs.filter((job: any) => job.kind === kind).length
  assert.deepEqual([count('loop.gather'), count('training'), count('loop.judge')], [1, 2, 1])
  const { brokenAt } = (await call('GET', '/v1/audit/verify')).json
  assert.equal(brokenAt, null)
})
