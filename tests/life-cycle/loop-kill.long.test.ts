import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { LoopRun } from '../../src/domains/loops/schema.ts'
import { customers, trainingWorld } from '../training-world.ts'
import { rowsOf } from './example-world.ts'
import { liveTraffic } from './live-traffic.ts'

const minute = 60_000
const root = join(import.meta.dirname, '..', '..')

/** A better model waits to be found: the world has turned round, and its truth is told. Answers what the server will need. */
async function prepared(dataDir: string) {
  const w = await trainingWorld({ dataDir })
  try {
    await w.addTable('customers', customers(400), 'churn')
    const contract = { dataset: 'customers', target: 'churn', positive: 'yes', metric: 'roc_auc', atLeast: 0.5 }
    const goal = await w.ask('POST', '/v1/goals', contract)
    const how = { algorithms: ['logistic_regression'], search: { strategy: 'none' as const } }
    const trained = await w.train({ dataset: 'customers', goal: goal.id, ...how, model: 'churn' })
    assert.equal(trained.state, 'succeeded', JSON.stringify(trained.failure))
    const endpoint = await w.ask('POST', '/v1/endpoints', { name: 'churn', model: 'churn:1' })
    const rows = rowsOf(customers(900, 5), [...endpoint.signature.inputs, { name: 'churn', type: 'category' }])
    const live = liveTraffic(w, endpoint.id, 'churn')
    for (let i = 0; i < 600; i += 150)
      await live.tell(await live.askAll(rows.slice(i, i + 150), 25), ({ truth }) => (truth === 'yes' ? 'no' : 'yes'))
    const loop = await w.ask('POST', '/v1/loops', {
      endpoint: endpoint.id,
      triggers: { drift: false, decay: false },
      window: { minimumRows: 200, sealedShare: 0.35, original: false },
      shadow: { minutes: 0.05, minimumRequests: 5 },
      rollout: { steps: [{ weight: 50, minutes: 0.05 }], guard: { minimumRequests: 2, maxLatencyFactor: 100, maxErrorRate: 1 } },
      watch: { minutes: 0.1, maxErrorRate: 1 },
    })
    return { token: w.token, endpoint, loop, rows: rows.slice(600) }
  } finally {
    await w.close()
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

test('a server that is killed between every two steps of a run goes on with it, and a better model serves in the end', {
  timeout: 15 * minute,
}, async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'atoll-loop-kill-'))
  const { token, endpoint, loop, rows } = await prepared(dataDir)
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  let child: ChildProcess | null = null
  let over = false
  t.after(async () => {
    over = true
    child?.kill('SIGKILL')
    await sleep(200)
    await rm(dataDir, { recursive: true, force: true })
  })
  const call = async (method: string, path: string, { body }: { body?: unknown } = {}) => {
    const response = await fetch(url + path, {
      method,
      headers: { authorization: `Bearer ${token}`, ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(20_000),
    })
    const text = await response.text()
    return { status: response.status, headers: response.headers, text, json: JSON.parse(text || 'null') }
  }
  async function start(): Promise<void> {
    child = spawn(process.execPath, [join(root, 'src', 'main.ts'), 'up', '--port', String(port), '--data', dataDir], {
      stdio: 'ignore',
      env: process.env,
    })
    for (const end = Date.now() + minute; Date.now() < end; await sleep(100))
      if (
        await call('GET', '/v1/ready').then(
          ({ status }) => status < 300,
          () => false,
        )
      )
        return
    assert.fail('the server does not come up')
  }
  async function kill(): Promise<void> {
    const dead = new Promise((resolve) => child!.once('exit', resolve))
    child!.kill('SIGKILL')
    await dead
  }

  await start()
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
    await kill()
    await start()
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
