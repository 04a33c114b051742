import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { loopTables } from '../../src/domains/loops/tables.ts'
import { notFound, PlatformError } from '../../src/kernel/errors.ts'
import { customers } from '../training-world.ts'
import { type ExampleWorld, exampleWorld, rowsOf } from './example-world.ts'
import { liveTraffic, type Row } from './live-traffic.ts'
import { loopRuns } from './loop-runs.ts'

/** Runs of a loop on the whole platform that end with the champion serving; loop.long.test.ts has those that end with a better model. */

const minute = 60_000
const alone = { algorithms: ['logistic_regression'], search: { strategy: 'none' as const } }
let w: ExampleWorld
let endpoint: any
let loop: any
let live: ReturnType<typeof liveTraffic>
let runs: ReturnType<typeof loopRuns>
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
    runs = loopRuns(w, loop.id)
  },
  { timeout: 5 * minute },
)
after(() => w?.close())

/** The world has turned round: who left stays now. */
const turned = ({ truth }: { truth: string }) => (truth === 'yes' ? 'no' : 'yes')

async function championServesAlone(): Promise<void> {
  const now = await w.ask('GET', `/v1/endpoints/${endpoint.id}`)
  const { variants } = await w.ask('GET', `/v1/endpoints/${endpoint.id}/traffic`)
  assert.deepEqual([now.version, variants.length], [endpoint.version, 1])
}

test('with too few labelled rows nothing is trained, and the reason says how many there are', {
  timeout: 2 * minute,
}, async () => {
  await live.tell(await live.askAll(rows.slice(0, 40), 10), turned)
  const run = await runs.ended(await runs.start())
  assert.deepEqual([run.outcome, run.steps.length], ['kept_champion', 1])
  assert.match(run.sentence, /^Only 40 captured rows of the window have their truth; 200 are needed/)
  await championServesAlone()
})

test('where too little is left to judge on, or all of one class, the reason says what lacks', {
  timeout: 2 * minute,
}, async () => {
  await live.tell(await live.askAll(rows.slice(40, 140), 10), turned)
  await runs.patch({ window: { minimumRows: 20 }, judge: { minimumRows: 500 } })
  const few = await runs.ended(await runs.start())
  assert.deepEqual([few.outcome, few.step], ['kept_champion', 'gather'])
  assert.match(few.sentence, /^Only \d+ rows are left to judge on; 500 are needed \(0 were known when the champion was made/)
  const newest = await live.askAll(rows.slice(140, 180), 10)
  await live.tell(newest, () => 'yes')
  await runs.patch({ window: { minimumRows: 20, rows: 40, sealedShare: 0.5 }, judge: { minimumRows: 20 } })
  const alike = await runs.ended(await runs.start())
  assert.deepEqual([alike.outcome, alike.step], ['kept_champion', 'gather'])
  assert.match(alike.sentence, /^All rows to judge on are "yes": no two models can be told apart on them/)
  await live.tell(newest, turned)
  await runs.patch({ window: { minimumRows: 200, sealedShare: 0.35 }, judge: {} })
  await championServesAlone()
})

test('a disk that is full while rows are gathered ends the run, nothing half is left, and the words say what would help', {
  timeout: 2 * minute,
}, async (t) => {
  const versions = () => w.ask('GET', '/v1/datasets/customers/versions').then(({ items }) => items.length)
  const before = await versions()
  t.mock.method(w.platform.blobs, 'putFile', async () => {
    throw new PlatformError('storage_full', 'The disk is full. Free some space and try again.')
  })
  await runs.patch({ window: { minimumRows: 50 }, judge: { minimumRows: 20 } })
  const run = await runs.ended(await runs.start())
  t.mock.restoreAll()
  assert.deepEqual([run.outcome, run.step, await versions()], ['failed', 'gather', before])
  assert.match(run.sentence, /^Gathering the rows failed: The disk is full. Free some space/)
  await runs.patch({ window: { minimumRows: 200, sealedShare: 0.35 }, judge: {} })
  await championServesAlone()
})

test('a monitor that was deleted starts nothing any more', { timeout: minute }, async () => {
  const monitor = await w.ask('POST', '/v1/monitors', { endpoint: endpoint.id, name: 'drift' })
  await runs.patch({ triggers: { drift: true, decay: true }, cooldownMinutes: 0 })
  const report = {
    id: 'rep_1',
    monitor: monitor.id,
    checks: [{ kind: 'data_drift', state: 'alert' }],
    columns: [],
    sentence: 'it moved',
  }
  const { db } = w.platform.metadata
  const row = { id: 'rep_1', monitor_id: monitor.id, at: Date.now() + 1000, state: 'alert', report: JSON.stringify(report) }
  await w.ask('DELETE', `/v1/monitors/${monitor.id}`)
  await db.insertInto('monitor_reports').values(row).execute()
  const count = () => w.ask('GET', `/v1/loops/${loop.id}/runs`).then(({ items }) => items.length)
  const before = await count()
  await w.platform.domains.loops.scheduler.look(Date.now() + 60_000)
  assert.equal(await count(), before, 'the report of a deleted monitor is no reason')
  await db.updateTable('monitors').set({ deleted_at: null }).where('id', '=', monitor.id).execute()
  await w.platform.domains.loops.scheduler.look(Date.now() + 120_000)
  assert.equal(await count(), before + 1, 'that of one which is there is')
  const started = await runs.ended({ number: before + 1 })
  assert.deepEqual([started.trigger.kind, started.outcome], ['drift', 'kept_champion'])
  await w.ask('DELETE', `/v1/monitors/${monitor.id}`)
  await runs.patch({ triggers: { drift: false, decay: false } })
})

test('whoever and whatever starts it at once, there is one run', { timeout: 2 * minute }, async () => {
  const began = await Promise.all(Array.from({ length: 6 }, () => w.call('POST', `/v1/loops/${loop.id}/run`, { body: {} })))
  assert.deepEqual(began.map(({ status }) => status).sort(), [201, 409, 409, 409, 409, 409])
  const other = await w.call('POST', '/v1/loops', { body: { endpoint: endpoint.id, name: 'another' } })
  assert.deepEqual([other.status, /has a loop already/.test(other.json.error.message)], [409, true])
  await runs.ended(began.find(({ status }) => status === 201)!.json)
})

test('a training that fails leaves the champion alone, and its reason is the run’s', { timeout: 3 * minute }, async () => {
  for (let i = 180; i < 600; i += 140) await live.tell(await live.askAll(rows.slice(i, i + 140), 20), turned)
  await runs.patch({ training: { algorithms: ['no_such_algorithm'] } })
  const run = await runs.ended(await runs.start())
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
  await runs.patch({ training: {}, window: { minimumRows: 200, sealedShare: 0.35, original: false } })
  await w.ask('PUT', '/v1/loop-rules', { approval: true })
  const run = await runs.start()
  const waiting = await runs.until(run, ({ state }) => state === 'waiting')
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
  const over = await runs.ended(run)
  assert.deepEqual([over.outcome, over.steps.some(({ step }) => step === 'shadow')], ['rejected', false])
  assert.match(over.sentence, /rejected it: It was trained in a holiday week/)
  assert.equal((await w.call('POST', `${path}/approve`, { body: {} })).status, 412)
  await championServesAlone()
})

test('a champion whose package is gone cannot be judged against: it goes on serving what is loaded, and the reason names what lacks', {
  timeout: 2 * minute,
}, async (t) => {
  const deleted = await w.call('DELETE', '/v1/models/churn')
  assert.deepEqual([deleted.status, /serves an endpoint/.test(deleted.json.error.message)], [409, true])
  const { manifest } = await w.ask('GET', '/v1/models/churn/versions/1')
  const gone = new Set(manifest.files.map(({ sha256 }: { sha256: string }) => sha256))
  const { materialise } = w.platform.blobs
  t.mock.method(w.platform.blobs, 'materialise', (sha256: string, path: string) => {
    if (gone.has(sha256)) throw notFound('blob', sha256)
    return materialise(sha256, path)
  })
  // The run of the test before, from where its challenger was made.
  const { db } = w.platform.metadata
  const tables = loopTables(db)
  const last = await tables.selectFrom('loop_runs').selectAll().where('outcome', '=', 'rejected').executeTakeFirstOrThrow()
  const steps = await tables.selectFrom('loop_steps').selectAll().where('run_id', '=', last.id).execute()
  const fresh = { state: 'running', outcome: null, decision: null, ended_at: null, wake_at: 0, fence: 0 } as const
  const again = { ...last, ...fresh, id: 'lrun_again', number: last.number + 1, step: 'judge' as const }
  await w.platform.metadata.transaction(async (tx) => {
    await loopTables(tx).updateTable('loops').set({ runs: again.number }).execute()
    await loopTables(tx).insertInto('loop_runs').values(again).execute()
    const copied = steps
      .filter(({ step }) => ['gather', 'train', 'judge'].includes(step))
      .map((step) => ({ ...step, run_id: again.id, ...(step.step === 'judge' && { work: '{}', evidence: '{}' }) }))
    await loopTables(tx).insertInto('loop_steps').values(copied).execute()
  })
  const run = await runs.ended(again)
  t.mock.restoreAll()
  assert.deepEqual([run.outcome, run.step], ['failed', 'judge'])
  assert.match(run.sentence, /^The judging failed: There is no blob "[0-9a-f]{64}"/)
  await championServesAlone()
  assert.equal((await live.ask(rows.slice(0, 5))).length, 5)
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
