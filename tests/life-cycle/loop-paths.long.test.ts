import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { LoopRun } from '../../src/domains/loops/schema.ts'
import { type ExampleWorld, exampleWorld, rowsOf } from './example-world.ts'
import { liveTraffic, type Row } from './live-traffic.ts'
import { hasty, loopRuns, stepOf } from './loop-runs.ts'

/** Ways into a loop and rules that let a challenger through, on real tables, from the trigger to what serves in the end. */

const minute = 60_000
const quiet = { drift: false, decay: false }
const simple = { strategy: 'none' as const }
let w: ExampleWorld
let telco: { header: string; lines: string[] }

before(
  async () => {
    w = await exampleWorld()
    await w.platform.startServing()
    telco = await table('telco', 'telco_churn.csv')
  },
  { timeout: 5 * minute },
)
after(() => w?.close())

async function table(folder: string, file: string) {
  const csv = await readFile(join(import.meta.dirname, '..', '..', 'examples', folder, file), 'utf8')
  const [header, ...lines] = csv.trim().split('\n')
  return { header: header!, lines }
}

const csvOf = (header: string, lines: readonly string[]): string => `${header}\n${lines.join('\n')}\n`

/** A goal on a table, a champion of it behind an endpoint, and the rows that come later. */
async function served(about: {
  name: string
  csv: string
  later: string
  goal: Record<string, unknown>
  algorithms: string[]
}): Promise<{ endpoint: any; goal: any; rows: Row[]; live: ReturnType<typeof liveTraffic> }> {
  const { name, csv, later, algorithms } = about
  const target = String(about.goal.target)
  await w.addTable(name, csv, target)
  const goal = await w.ask('POST', '/v1/goals', { dataset: name, ...about.goal })
  await w.trained({ dataset: name, goal: goal.id, algorithms, search: simple, model: name })
  const endpoint = await w.deployed(name, `${name}:1`)
  return { goal, ...(await seen(endpoint, later, target)) }
}

async function seen(endpoint: any, later: string, target: string) {
  const type = endpoint.signature.task === 'regression' ? 'number' : 'category'
  const rows = rowsOf(later, [...endpoint.signature.inputs, { name: target, type }])
  return { endpoint, rows, live: liveTraffic(w, endpoint.id, target) }
}

/** Rows are asked about and their truth told; a run begins by itself or by hand, while requests keep coming, and ends. */
async function runOf(
  of: { rows: Row[]; live: ReturnType<typeof liveTraffic> },
  runs: ReturnType<typeof loopRuns>,
  { told, begin }: { told: number; begin: () => Promise<unknown> },
): Promise<LoopRun> {
  await of.live.tell(await of.live.askAll(of.rows.slice(0, told), 50))
  of.live.flow(of.rows.slice(told), { perRequest: 3, everyMs: 100 })
  try {
    await begin()
    return await runs.endOf(1)
  } finally {
    await of.live.stop()
    assert.deepEqual(of.live.failed, [], 'no request failed')
  }
}

const told = (run: LoopRun): void => {
  const gathered = stepOf(run, 'gather')?.evidence
  console.log(
    `${run.loopName}: ${run.trigger.kind} -> ${run.outcome}; ${gathered?.original} known, ${gathered?.live} live, ${gathered?.sealed} sealed | ${stepOf(run, 'judge')?.sentence} | ${run.sentence}`,
  )
}
const nothing = async () => {}

test('the clock starts a run; where nothing changed there is no significant difference, and the champion stays', {
  timeout: 30 * minute,
}, async () => {
  const { header, lines } = await table('churn', 'mlc_churn.csv')
  const of = await served({
    name: 'clockwork',
    csv: csvOf(header, lines.slice(0, 1500)),
    later: csvOf(header, lines.slice(1500, 3000)),
    goal: { target: 'churn', positive: 'yes', metric: 'roc_auc', atLeast: 0.5 },
    algorithms: ['logistic_regression'],
  })
  const loop = await w.ask('POST', '/v1/loops', {
    endpoint: of.endpoint.id,
    triggers: { ...quiet, schedule: '* * * * *' },
    ...hasty,
    cooldownMinutes: 10,
  })
  assert.ok(Date.parse(loop.nextRunAt) - Date.now() <= minute)
  const bad = await w.call('PATCH', `/v1/loops/${loop.id}`, { body: { triggers: { schedule: 'at noon' } } })
  assert.equal(bad.status, 400, bad.text)
  const run = await runOf(of, loopRuns(w, loop.id, { patienceMs: 25 * minute }), { told: 900, begin: nothing })
  told(run)
  assert.deepEqual([run.trigger.kind, run.outcome, run.step], ['schedule', 'kept_champion', 'judge'])
  assert.match(run.sentence, /^No significant difference/)
  const next = await w.ask('GET', `/v1/loops/${loop.id}`)
  assert.ok(Date.parse(next.nextRunAt) > Date.parse(run.startedAt), 'it comes round again')
  assert.equal((await w.ask('GET', `/v1/endpoints/${of.endpoint.id}`)).version, of.endpoint.version)
})

test('people mend the labels, and that alone starts a run that learns from what they mended', {
  timeout: 30 * minute,
}, async () => {
  const { header, lines } = telco
  const wrong = lines
    .slice(0, 1500)
    .map((line) => (line.startsWith('Yes,') ? line.replace('Yes,', 'No,') : line.replace('No,', 'Yes,')))
  const of = await served({
    name: 'reviewed',
    csv: csvOf(header, wrong),
    later: csvOf(header, lines.slice(1500, 3500)),
    goal: { target: 'churn', positive: 'Yes', metric: 'roc_auc', atLeast: 0.5 },
    algorithms: ['logistic_regression'],
  })
  const loop = await w.ask('POST', '/v1/loops', {
    endpoint: of.endpoint.id,
    triggers: { ...quiet, reviewedLabels: true },
    ...hasty,
  })
  let version = ''
  const run = await runOf(of, loopRuns(w, loop.id, { patienceMs: 25 * minute }), {
    told: 800,
    begin: async () => {
      const bytes = Buffer.from(csvOf(header, lines.slice(0, 1500)))
      const upload = await w.ask('POST', '/v1/uploads', { filename: 'mended.csv', sizeBytes: bytes.length })
      await fetch(`${w.server.url}/v1/uploads/${upload.id}?offset=0`, {
        method: 'PUT',
        headers: { authorization: `Bearer ${w.token}`, 'content-type': 'application/octet-stream' },
        body: bytes,
      })
      const made = await w.ask('POST', '/v1/datasets/reviewed/versions', { source: { upload: upload.id }, note: 'labels mended' })
      version = made.version.id
    },
  })
  told(run)
  assert.deepEqual([run.trigger.kind, run.trigger.facts.version, run.outcome], ['reviewed_labels', version, 'done'])
  const gathered = stepOf(run, 'gather').evidence
  const { items } = await w.ask('GET', '/v1/datasets/reviewed/versions')
  assert.equal(
    items.find(({ id }: any) => id === gathered.version).derivedFrom.version,
    version,
    'it rests on what people mended',
  )
  await new Promise((resolve) => setTimeout(resolve, 5000))
  assert.equal(
    (await w.ask('GET', `/v1/loops/${loop.id}/runs`)).items.length,
    1,
    'what a loop gathered is no review: it does not start itself',
  )
})

test('numbers: enough new truths start a run, and the nearer model serves', { timeout: 30 * minute }, async () => {
  const { header, lines } = await table('ridership', 'chicago_ridership.csv')
  const cut = (line: string) => line.slice(line.indexOf(',') + 1)
  const rows = lines.map(cut)
  const of = await served({
    name: 'riders',
    csv: csvOf(cut(header), rows.slice(0, 500)),
    later: csvOf(cut(header), rows.slice(500)),
    goal: { target: 'ridership', metric: 'mae', atMost: 50 },
    algorithms: ['ridge'],
  })
  // A line was opened: a third more ride, and then some.
  of.rows = of.rows.map((row) => ({ ...row, ridership: Number((Number(row.ridership) * 1.35 + 1).toFixed(3)) }))
  of.live = liveTraffic(w, of.endpoint.id, 'ridership', Number)
  const loop = await w.ask('POST', '/v1/loops', {
    endpoint: of.endpoint.id,
    triggers: { ...quiet, newRows: 500 },
    window: { original: false },
    ...hasty,
  })
  const run = await runOf(of, loopRuns(w, loop.id, { patienceMs: 25 * minute }), { told: 700, begin: nothing })
  told(run)
  assert.deepEqual([run.trigger.kind, run.outcome], ['new_rows', 'done'], run.sentence)
  assert.equal(stepOf(run, 'judge').evidence.loss, 'squared error')
})

test('a champion of many trees: not worse and smaller, not worse and cheaper', {
  timeout: 30 * minute,
}, async () => {
  const { header, lines } = telco
  const later = csvOf(header, lines.slice(2500, 5500))
  const of = await served({
    name: 'trees',
    csv: csvOf(header, lines.slice(0, 2500)),
    later,
    goal: { target: 'churn', positive: 'Yes', metric: 'roc_auc', atLeast: 0.5 },
    algorithms: ['random_forest'],
  })
  const linear = { algorithms: ['logistic_regression'] }
  const asked: [name: string, judge: object][] = [
    ['smaller', { rule: 'not_worse_and_smaller', margin: 0.03 }],
    ['cheaper', { rule: 'not_worse_and_cheaper', margin: 0.03 }],
  ]
  for (const [name, judge] of asked) {
    const endpoint = name === 'smaller' ? of.endpoint : await w.deployed(name, 'trees:1')
    const mine = await seen(endpoint, later, 'churn')
    const policy = {
      endpoint: endpoint.id,
      name,
      triggers: quiet,
      judge,
      training: linear,
      window: { sealedShare: 0.5 },
      ...hasty,
    }
    const loop = await w.ask('POST', '/v1/loops', policy)
    const runs = loopRuns(w, loop.id, { patienceMs: 25 * minute })
    const run = await runOf(mine, runs, { told: 2000, begin: runs.start })
    told(run)
    const judged = stepOf(run, 'judge')
    assert.deepEqual(
      [run.outcome, judged.evidence.verdict, judged.evidence.passed],
      ['done', 'no_difference', true],
      judged.sentence,
    )
    assert.match(judged.sentence, new RegExp(`It is not worse by more than .* and (clearly )?${name}`))
    assert.equal((await w.ask('GET', `/v1/endpoints/${endpoint.id}`)).version, run.challenger!.version)
  }
})
