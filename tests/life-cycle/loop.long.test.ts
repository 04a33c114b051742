import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { LoopRun } from '../../src/domains/loops/schema.ts'
import { type ExampleWorld, exampleWorld, rowsOf } from './example-world.ts'
import { f1Of, liveTraffic, type Row } from './live-traffic.ts'

/** The loop, with nobody there: prices change, and a better model serves; then truth goes wrong for a while, and the good one serves again. */

let w: ExampleWorld
let endpoint: any
let live: ReturnType<typeof liveTraffic>
let after2500: Row[]
let later: Row[]
const minute = 60_000

before(
  async () => {
    w = await exampleWorld()
    await w.platform.startServing()
  },
  { timeout: minute },
)
after(async () => {
  await live?.stop()
  await w?.close()
})

/** The day rate goes up by six tenths; what people use, and whether they leave, does not change with it. */
const priceChange = (row: Row): Row => ({ ...row, total_day_charge: Number((Number(row.total_day_charge) * 1.6).toFixed(2)) })

async function ended(loop: string, number: number, mostMs: number): Promise<LoopRun> {
  const until = Date.now() + mostMs
  let said = ''
  while (Date.now() < until) {
    const { items } = await w.ask('GET', `/v1/loops/${loop}/runs`)
    const run: LoopRun | undefined = items.find((one: LoopRun) => one.number === number)
    said = run ? `${run.step}: ${run.sentence}` : said
    if (run?.state === 'ended') return run
    await sleep(300)
  }
  throw new Error(`Run ${number} has not ended: ${said}`)
}

test('prices change, a monitor sees it, and a better model serves in the end, with no human', {
  timeout: 8 * minute,
}, async () => {
  const { csv } = await w.addExample('churn', 'mlc_churn.csv', 'churn')
  const [header, ...lines] = csv.trim().split('\n')
  await w.addTable('customers', `${header}\n${lines.slice(0, 2500).join('\n')}\n`, 'churn')
  const goal = await w.ask('POST', '/v1/goals', {
    dataset: 'customers',
    target: 'churn',
    positive: 'yes',
    metric: 'f1',
    atLeast: 0.6,
  })
  const champion = await w.trained({
    dataset: 'customers',
    goal: goal.id,
    algorithms: ['lightgbm'],
    search: { strategy: 'none' },
    model: 'churn',
  })
  endpoint = await w.deployed('churn', 'churn:1')
  live = liveTraffic(w, endpoint.id, 'churn')
  const typed = [...endpoint.signature.inputs, { name: 'churn', type: 'category' }]
  const rows = rowsOf(`${header}\n${lines.slice(2500).join('\n')}`, typed)
  ;[after2500, later] = [rows.slice(0, 1500).map(priceChange), rows.slice(1500).map(priceChange)]

  await w.ask('POST', '/v1/monitors', { endpoint: endpoint.id, name: 'churn drift', schedule: '* * * * *' })
  const loop = await w.ask('POST', '/v1/loops', {
    endpoint: endpoint.id,
    window: { minimumRows: 500, sealedShare: 0.35 },
    shadow: { minutes: 0.03, minimumRequests: 10 },
    rollout: {
      steps: [
        { weight: 30, minutes: 0.03 },
        { weight: 60, minutes: 0.03 },
      ],
      guard: { minimumRequests: 5, maxLatencyFactor: 50 },
    },
    watch: { minutes: 0.15 },
    cooldownMinutes: 0,
  })
  assert.equal(loop.goal, goal.id)

  const sent = await live.askAll(after2500, 25)
  await live.tell(sent)
  const before = f1Of(sent, 'yes')
  live.flow(later)
  // A minute passes for the scheduler of monitors.
  await w.platform.domains.monitoring.scheduler.runDue(Date.now() + minute)
  const run = await ended(loop.id, 1, 4 * minute)
  assert.deepEqual([run.outcome, run.trigger.kind], ['done', 'drift'])
  const now = await w.ask('GET', `/v1/endpoints/${endpoint.id}`)
  assert.equal(now.version, run.challenger!.version)
  assert.notEqual(now.version, champion.version.id)
  await live.stop()
  const better = f1Of(await live.askAll(later, 25), 'yes')
  console.log({ before, better })
  assert.ok(better > before + 0.1, `F1 ${before} before, ${better} after`)
  assert.deepEqual(live.failed, [])
})
