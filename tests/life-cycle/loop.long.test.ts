import assert from 'node:assert/strict'
import { after, before as beforeAll, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { LoopRun } from '../../src/domains/loops/schema.ts'
import type { ModelVersion } from '../../src/domains/registry/schema.ts'
import { type ExampleWorld, exampleWorld, rowsOf } from './example-world.ts'
import { f1Of, liveTraffic, type Row } from './live-traffic.ts'

/** The loop, with nobody there: prices change, and a better model serves; then truth goes wrong for a while, and the good one serves again. */

const minute = 60_000
let w: ExampleWorld
let endpoint: any
let loop: any
let champion: ModelVersion
let better: string
let live: ReturnType<typeof liveTraffic>
let before: Row[]
let later: Row[]

beforeAll(
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

async function ended(number: number, mostMs: number): Promise<LoopRun> {
  const until = Date.now() + mostMs
  let said = ''
  while (Date.now() < until) {
    const { items } = await w.ask('GET', `/v1/loops/${loop.id}/runs`)
    const run: LoopRun | undefined = items.find((one: LoopRun) => one.number === number)
    if (run?.state === 'ended') return w.ask('GET', `/v1/loops/${loop.id}/runs/${number}`)
    said = run ? `${run.step}: ${run.sentence}` : 'it has not begun'
    await sleep(300)
  }
  throw new Error(`Run ${number} has not ended: ${said}`)
}

const rollout = {
  steps: [
    { weight: 30, minutes: 0.03 },
    { weight: 60, minutes: 0.03 },
  ],
  // On a machine that others use too, times say little.
  guard: { minimumRequests: 5, maxLatencyFactor: 100 },
}

test('prices change, a monitor sees it, and a better model serves in the end, with no human', {
  timeout: 8 * minute,
}, async () => {
  const { csv } = await w.addExample('churn', 'mlc_churn.csv', 'churn')
  const [header, ...lines] = csv.trim().split('\n')
  await w.addTable('customers', `${header}\n${lines.slice(0, 2500).join('\n')}\n`, 'churn')
  const contract = { dataset: 'customers', target: 'churn', positive: 'yes', metric: 'f1', atLeast: 0.6 }
  const goal = await w.ask('POST', '/v1/goals', contract)
  const how = { algorithms: ['lightgbm'], search: { strategy: 'none' as const } }
  champion = (await w.trained({ dataset: 'customers', goal: goal.id, ...how, model: 'churn' })).version
  endpoint = await w.deployed('churn', 'churn:1')
  live = liveTraffic(w, endpoint.id, 'churn')
  const typed = [...endpoint.signature.inputs, { name: 'churn', type: 'category' }]
  const rows = rowsOf(`${header}\n${lines.slice(2500).join('\n')}`, typed).map(priceChange)
  before = rows.slice(0, 1500)
  later = rows.slice(1500)

  await w.ask('POST', '/v1/monitors', { endpoint: endpoint.id, name: 'churn drift', schedule: '* * * * *' })
  loop = await w.ask('POST', '/v1/loops', {
    endpoint: endpoint.id,
    window: { minimumRows: 500, sealedShare: 0.35 },
    shadow: { minutes: 0.03, minimumRequests: 10 },
    rollout,
    watch: { minutes: 0.15 },
    cooldownMinutes: 0,
  })
  assert.equal(loop.goal, goal.id)

  const sent = await live.askAll(before, 25)
  await live.tell(sent)
  live.flow(later)
  // A minute passes for the scheduler of monitors.
  await w.platform.domains.monitoring.scheduler.runDue(Date.now() + minute)
  const run = await ended(1, 6 * minute)
  assert.equal(run.outcome, 'done', run.sentence)
  // Its truth is known already, so the monitor sees both: that the prices moved, and that the model got worse.
  assert.match(run.trigger.kind, /^(drift|decay)$/)
  assert.ok((run.trigger.facts.kinds as string[]).includes('data_drift'), JSON.stringify(run.trigger))
  assert.deepEqual(
    run.steps.map(({ step, state }) => [step, state]),
    ['gather', 'train', 'judge', 'approve', 'shadow', 'rollout', 'watch'].map((step) => [
      step,
      step === 'approve' ? 'skipped' : 'done',
    ]),
  )
  better = (await w.ask('GET', `/v1/endpoints/${endpoint.id}`)).version
  assert.equal(better, run.challenger!.version)
  assert.notEqual(better, champion.id)
  await live.stop()
  const [was, is] = [f1Of(sent, 'yes'), f1Of(await live.askAll(later, 25), 'yes')]
  console.log(`F1 on live traffic after the price change: ${was.toFixed(3)} before the loop, ${is.toFixed(3)} after`)
  assert.ok(is > was + 0.2, `F1 ${was} before, ${is} after`)
  assert.deepEqual(live.failed, [], 'no request failed meanwhile')
  const trail = await w.ask('GET', `/v1/audit?target=${loop.id}&limit=100`)
  const moves = trail.items.filter((entry: any) => entry.facts.run === run.id).map((entry: any) => entry.action)
  assert.deepEqual(moves.sort(), ['loops.end', 'loops.run', ...Array(6).fill('loops.step')])
})

test('truth goes wrong for a while, and a bad challenger is let through; live truth turns, and the good version serves again', {
  timeout: 9 * minute,
}, async () => {
  // Only what is fresh, and nothing of before: the challenger learns the opposite of what is so, and is judged by it.
  await w.ask('PATCH', `/v1/loops/${loop.id}`, {
    triggers: { drift: false, decay: false, newRows: 900 },
    window: { minimumRows: 500, sealedShare: 0.35, original: false, rows: 1000 },
    watch: { minutes: 2 },
  })
  const wrong = await live.askAll(before.slice(0, 900), 25)
  await live.tell(wrong, ({ truth }) => (truth === 'yes' ? 'no' : 'yes'))
  live.flow(later)
  const run = await ended(2, 8 * minute)
  await live.stop()
  assert.equal(run.trigger.kind, 'new_rows')
  const judged = run.steps.find(({ step }) => step === 'judge')
  assert.equal(judged?.evidence.verdict, 'better', `by the wrong truth it is better; ${run.sentence}`)
  assert.equal(run.outcome, 'rolled_back', run.sentence)
  assert.match(run.sentence, /^Live truth turned against churn:3/)
  console.log(run.sentence)
  const now = await w.ask('GET', `/v1/endpoints/${endpoint.id}`)
  assert.equal(now.version, better, 'what served before serves again')
  const traffic = await w.ask('GET', `/v1/endpoints/${endpoint.id}/traffic`)
  assert.ok(!traffic.variants.some((one: any) => one.version === run.challenger!.version), 'nothing of the bad one is left')
  assert.ok(f1Of(await live.askAll(later.slice(0, 300), 25), 'yes') > 0.7)
  assert.deepEqual(live.failed, [], 'no request failed meanwhile')
})
