import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { LoopRun } from '../../src/domains/loops/schema.ts'
import { customers } from '../training-world.ts'
import { type ExampleWorld, exampleWorld, rowsOf } from './example-world.ts'
import { liveTraffic, type Row } from './live-traffic.ts'

/** Runs of a loop on the whole platform that end with the champion serving; loop.long.test.ts has those that end with a better model. */

const minute = 60_000
const alone = { algorithms: ['logistic_regression'], search: { strategy: 'none' as const } }
let w: ExampleWorld
let endpoint: any
let loop: any
let live: ReturnType<typeof liveTraffic>
let rows: Row[]

before(
  async () => {
    w = await exampleWorld()
    await w.platform.startServing()
    await w.addTable('customers', customers(400), 'churn')
    const contract = { dataset: 'customers', target: 'churn', positive: 'yes', metric: 'roc_auc', atLeast: 0.5 }
    const goal = await w.ask('POST', '/v1/goals', contract)
    await w.trained({ dataset: 'customers', goal: goal.id, ...alone, model: 'churn' })
    endpoint = await w.deployed('churn', 'churn:1')
    rows = rowsOf(customers(900, 5), [...endpoint.signature.inputs, { name: 'churn', type: 'category' }])
    live = liveTraffic(w, endpoint.id, 'churn')
    const nothing = { drift: false, decay: false }
    const window = { minimumRows: 200, sealedShare: 0.35 }
    loop = await w.ask('POST', '/v1/loops', { endpoint: endpoint.id, triggers: nothing, window })
  },
  { timeout: 5 * minute },
)
after(() => w?.close())

/** The world has turned round: who left stays now. */
const turned = ({ truth }: { truth: string }) => (truth === 'yes' ? 'no' : 'yes')

const patch = (changes: object) => w.ask('PATCH', `/v1/loops/${loop.id}`, changes)
const start = (): Promise<LoopRun> => w.ask('POST', `/v1/loops/${loop.id}/run`, {})
const read = (run: { number: number }): Promise<LoopRun> => w.ask('GET', `/v1/loops/${loop.id}/runs/${run.number}`)

async function until(run: { number: number }, is: (run: LoopRun) => boolean): Promise<LoopRun> {
  for (const end = Date.now() + 4 * minute; Date.now() < end; await sleep(150)) {
    const now = await read(run)
    if (is(now)) return now
    if (now.state === 'ended') assert.fail(`It ended at ${now.step}: ${now.sentence}`)
  }
  return assert.fail(JSON.stringify(await read(run)).slice(0, 2000))
}
const ended = (run: { number: number }) => until(run, ({ state }) => state === 'ended')

async function championServesAlone(): Promise<void> {
  const now = await w.ask('GET', `/v1/endpoints/${endpoint.id}`)
  const { variants } = await w.ask('GET', `/v1/endpoints/${endpoint.id}/traffic`)
  assert.deepEqual([now.version, variants.length], [endpoint.version, 1])
}

test('with too few labelled rows nothing is trained, and the reason says how many there are', {
  timeout: 2 * minute,
}, async () => {
  await live.tell(await live.askAll(rows.slice(0, 40), 10), turned)
  const run = await ended(await start())
  assert.deepEqual([run.outcome, run.steps.length], ['kept_champion', 1])
  assert.match(run.sentence, /^Only 40 captured rows of the window have their truth; 200 are needed/)
  await championServesAlone()
})

test('whoever and whatever starts it at once, there is one run', { timeout: 2 * minute }, async () => {
  const began = await Promise.all(Array.from({ length: 6 }, () => w.call('POST', `/v1/loops/${loop.id}/run`, { body: {} })))
  assert.deepEqual(began.map(({ status }) => status).sort(), [201, 409, 409, 409, 409, 409])
  const other = await w.call('POST', '/v1/loops', { body: { endpoint: endpoint.id, name: 'another' } })
  assert.deepEqual([other.status, /has a loop already/.test(other.json.error.message)], [409, true])
  await ended(began.find(({ status }) => status === 201)!.json)
})

test('a training that fails leaves the champion alone, and its reason is the run’s', { timeout: 3 * minute }, async () => {
  for (let i = 40; i < 600; i += 140) await live.tell(await live.askAll(rows.slice(i, i + 140), 20), turned)
  await patch({ training: { algorithms: ['no_such_algorithm'] } })
  const run = await ended(await start())
  assert.deepEqual([run.outcome, run.step], ['failed', 'train'])
  assert.match(run.sentence, /no_such_algorithm/)
  const gathered = run.steps[0]!.evidence as any
  assert.ok(gathered.sealed >= 100 && gathered.live > 300 && gathered.original > 300, JSON.stringify(gathered).slice(0, 500))
  const filter = encodeURIComponent(JSON.stringify([{ column: 'gathered_part', op: '=', value: 'test/live' }]))
  const marked = await w.ask('GET', `/v1/datasets/customers/rows?version=${gathered.version}&where=${filter}`)
  assert.equal(marked.total, gathered.sealed, 'the version says of each row which part it is in')
  await championServesAlone()
})

test('where the project asks, a challenger waits for an administrator; rejected, it never meets traffic', {
  timeout: 5 * minute,
}, async () => {
  await patch({ training: {}, window: { minimumRows: 200, sealedShare: 0.35, original: false } })
  await w.ask('PUT', '/v1/loop-rules', { approval: true })
  const run = await start()
  const waiting = await until(run, ({ state }) => state === 'waiting')
  assert.equal(waiting.step, 'approve')
  assert.match(waiting.sentence, /churn:2 waits for a person to approve it, as the project asks/)
  const judged = waiting.steps.find(({ step }) => step === 'judge')!
  assert.match(judged.sentence, /^churn:2 is significantly better: ROC AUC is/)
  const openings = await w.platform.domains.datasets.openings((waiting.steps[0]!.evidence as any).split)
  assert.equal(openings.filter(({ reason }) => reason.startsWith('judged by the loop run')).length, 2)
  const editor = await w.person('Ed', 'editor')
  const path = `/v1/loops/${loop.id}/runs/${run.number}`
  assert.equal((await w.call('POST', `${path}/approve`, { token: editor.token, body: {} })).status, 403)
  await w.ask('POST', `${path}/reject`, { reason: 'It was trained in a holiday week.' })
  const over = await ended(run)
  assert.deepEqual([over.outcome, over.steps.some(({ step }) => step === 'shadow')], ['rejected', false])
  assert.match(over.sentence, /rejected it: It was trained in a holiday week/)
  assert.equal((await w.call('POST', `${path}/approve`, { body: {} })).status, 412)
  await championServesAlone()
})

test('variants are told apart by what turned out to be true', { timeout: 2 * minute }, async () => {
  const alone = await w.ask('GET', `/v1/endpoints/${endpoint.id}/ab`)
  assert.deepEqual([alone.variants.length, alone.comparisons], [1, []])
  await w.ask('PUT', `/v1/endpoints/${endpoint.id}/traffic`, { variants: [{ name: 'b', model: 'churn:2', weight: 50 }] })
  const early = await w.ask('GET', `/v1/endpoints/${endpoint.id}/ab`)
  assert.match(early.comparisons[0].sentence, /^Too early to say anything/)
  await live.tell(await live.askAll(rows.slice(600), 5), turned)
  const { comparisons, variants } = await w.ask('GET', `/v1/endpoints/${endpoint.id}/ab`)
  const [found] = comparisons
  assert.deepEqual([found.decision, found.better], ['b_higher', 'b'], found.sentence)
  assert.ok(found.low > 0 && found.pValue < 0.001 && found.looks.length > 5)
  assert.ok(variants.every(({ mean }: any) => mean.low <= mean.value && mean.value <= mean.high))
  const outcomes = await w.ask('GET', `/v1/endpoints/${endpoint.id}/ab?outcome=truth&value=yes`)
  assert.deepEqual([outcomes.greaterIsBetter, outcomes.comparisons[0].better], [null, null])
  const wrong = await w.call('GET', `/v1/endpoints/${endpoint.id}/ab?outcome=error`)
  assert.deepEqual([wrong.status, wrong.json.error.facts.field], [400, 'outcome'])
  await w.ask('PUT', `/v1/endpoints/${endpoint.id}/traffic`, { variants: [] })
})
