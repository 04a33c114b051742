import { mkdtempSync, openAsBlob, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateTable } from '../scripts/generate-table.ts'
import { type Atoll, createAtoll, type JobEvent, type TrainingResult } from '../sdk/src/index.ts'
import { limitMemory } from './lib/memory-limit.ts'
import { startSubject } from './lib/processes.ts'
import { type BenchOptions, type BenchResult, judged } from './lib/result.ts'
import { quantile } from './lib/stats.ts'
import { browse, type Watch, type Watched, watchServer } from './scale/watch.ts'

const main = join(import.meta.dirname, '..', 'src', 'main.ts')
const columns = 30
const memoryBytes = 4 * 2 ** 30
const memoryName = '4 GB'
const longestLagMs = 100
const page = 50

interface Phase {
  name: string
  seconds: number
  seen: Watched
}

/** Scale: a CSV of 5 million rows and 30 columns from the upload to a served LightGBM model, on 2 cores, while somebody looks around. */
export async function suite({ quick }: BenchOptions): Promise<BenchResult[]> {
  const rows = quick ? 1_000_000 : 5_000_000
  const folder = mkdtempSync(join(tmpdir(), 'atoll-bench-scale-'))
  const limit = limitMemory(memoryBytes)
  if (typeof limit === 'string') console.error(`memory is watched, not limited: ${limit}`)
  const prefix = typeof limit === 'string' ? [] : limit.prefix
  try {
    const csv = join(folder, 'table.csv')
    await generateTable(csv, { rows, columns, seed: 7 })
    console.error(`${rows.toLocaleString('en')} rows, ${columns} columns, ${(statSync(csv).size / 1e6).toFixed(0)} MB`)
    const subject = await startSubject(
      ['taskset', '-c', '0,1', ...prefix, process.execPath, main, 'up', '--port', '0', '--data', join(folder, 'data'), '--json'],
      { isReady: (line) => line.startsWith('{"url"') },
    )
    try {
      const { url, token } = JSON.parse(subject.ready) as { url: string; token: string }
      const atoll = createAtoll({ url, token })
      const watch = await watchServer(subject.pid, () => longestLag(atoll))
      const lived = await live(atoll, watch, { csv, rows }).finally(() => watch.stop())
      return resultsOf(lived, rows, typeof limit === 'string' ? null : limit.kills())
    } finally {
      await subject.stop()
    }
  } finally {
    if (typeof limit !== 'string') limit.remove()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Since it was last asked for, in milliseconds. */
async function longestLag(atoll: Atoll): Promise<number> {
  const text = await (await atoll.http.raw('GET', '/metrics')).text()
  const found = /^atoll_nodejs_eventloop_lag_max_seconds (\S+)$/m.exec(text)
  if (!found) throw new Error('/metrics does not say how long the event loop lagged.')
  return Number(found[1]) * 1000
}

interface Lived {
  phases: Phase[]
  looked: Record<string, { count: number; p50Ms: number; p99Ms: number }>
  predictions: { count: number; p50Ms: number; p99Ms: number }
  result: TrainingResult
}

/** The life of the table, phase by phase. What is not right is not timed. */
async function live(atoll: Atoll, watch: Watch, { csv, rows }: { csv: string; rows: number }): Promise<Lived> {
  const phases: Phase[] = []
  async function phase<T>(name: string, work: () => Promise<T>): Promise<T> {
    const { value, seconds, seen } = await watch.during(work)
    phases.push({ name, seconds, seen })
    console.error(
      `${name.padEnd(8)} ${seconds.toFixed(1).padStart(6)} s, peak ${(seen.peakBytes / 2 ** 20).toFixed(0)} MB (${seen.peakOf}), longest lag ${seen.maxLagMs.toFixed(0)} ms`,
    )
    return value
  }
  const ended = async (job: string) => (await atoll.jobs.wait(job)).result ?? {}

  const upload = await phase('upload', async () => atoll.uploads.send(await openAsBlob(csv), { filename: 'table.csv' }))
  const added = await phase('import', async () => {
    const created = await atoll.datasets.create({ name: 'Scale', source: { upload: upload.id }, target: 'churn' })
    await ended(created.job)
    return created
  })
  const dataset = added.dataset.id
  const version = (await atoll.datasets.get(dataset)).latest
  if (version?.rows !== rows || version.columns.length !== columns)
    throw new Error(`${rows} rows and ${columns} columns were imported as ${version?.rows} and ${version?.columns.length}.`)

  let turn = 0
  const stopLooking = browse({
    'list of data sets': () => atoll.datasets.list(),
    'page of rows': async () => {
      turn = (turn + 7919 * page) % (rows - page)
      const found = await atoll.datasets.rows(dataset, { offset: turn, limit: page })
      if (found.rows.length !== page || found.rows[0]![0] !== turn)
        throw new Error(`The page at ${turn} begins with another row.`)
    },
  })

  await phase('profile', async () => ended((await atoll.datasets.makeProfile(dataset, { target: 'churn' })).job))
  const profile = await atoll.datasets.profile(dataset, { target: 'churn' })
  const seen = profile?.columns[0]
  if (!seen || seen.count + seen.missing !== rows) throw new Error('The profile did not see every row.')
  const split = await phase('split', () => splitReady(atoll, dataset))
  if (split.parts.reduce((sum, part) => sum + part.rows, 0) !== rows) throw new Error('The parts do not add up to the table.')
  const result = await phase('train', async () => {
    const training = await atoll.training.create({
      dataset,
      target: 'churn',
      positive: 'yes',
      metric: 'roc_auc',
      split: split.id,
      algorithms: ['lightgbm'],
      search: { strategy: 'none' },
      model: 'scale',
    })
    const stages = stageClock()
    const job = await atoll.jobs.wait(training.job.id, { onEvent: stages.hear })
    console.error(`         ${stages.text()}`)
    return job.result as unknown as TrainingResult
  })
  if (result.parity.flips !== 0) throw new Error(`${result.parity.flips} of the replayed rows got another label.`)
  const looked = await stopLooking()

  const predictions = await phase('serve', async () => {
    await atoll.models.promote(result.modelId, result.version, { to: 'approved' })
    const endpoint = await atoll.endpoints.create({ name: 'scale', model: result.versionId })
    const { signature } = await untilReady(atoll, endpoint.id)
    const names = signature.inputs.map(({ name }) => name)
    const { rows: some } = await atoll.datasets.rows(dataset, { limit: 500, columns: names.join(',') })
    const times: number[] = []
    for (const row of some) {
      const values = Object.fromEntries(names.map((name, at) => [name, row[at + 1]]))
      const started = performance.now()
      const { predictions } = await atoll.endpoints.predict(endpoint.id, [values])
      times.push(performance.now() - started)
      if (predictions[0]?.label !== 'yes' && predictions[0]?.label !== 'no') throw new Error('A prediction has no label.')
    }
    return { count: times.length, p50Ms: quantile(times, 0.5), p99Ms: quantile(times, 0.99) }
  })
  return { phases, looked, predictions, result }
}

/** Seconds between the stages that a job reports. */
function stageClock() {
  const begun: { stage: string; at: number }[] = []
  return {
    hear({ type, data }: JobEvent) {
      if (type !== 'progress') return
      const { stage, message } = data as { stage: string; message: string }
      const name = stage === 'finish' ? message : stage
      if (begun.at(-1)?.stage !== name) begun.push({ stage: name, at: performance.now() })
    },
    text: () =>
      begun
        .map(({ stage, at }, i) => `${stage} ${(((begun[i + 1]?.at ?? performance.now()) - at) / 1000).toFixed(0)} s`)
        .join(', '),
  }
}

async function untilReady(atoll: Atoll, endpoint: string) {
  for (;;) {
    const found = await atoll.endpoints.get(endpoint)
    if (found.state === 'ready') return found
    if (found.state === 'failed') throw new Error(found.message ?? 'The endpoint failed to start.')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

async function splitReady(atoll: Atoll, dataset: string) {
  const made = await atoll.splits.create({ dataset, target: 'churn', kind: 'stratified' })
  for (;;) {
    const split = await atoll.splits.get(made.id)
    if (split.state === 'ready') return split
    if (split.state === 'failed') throw new Error('The split failed.')
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

function resultsOf({ phases, looked, predictions, result }: Lived, rows: number, kills: number | null): BenchResult[] {
  const most = phases.reduce((a, b) => (b.seen.peakBytes > a.seen.peakBytes ? b : a))
  const slowest = phases.reduce((a, b) => (b.seen.maxLagMs > a.seen.maxLagMs ? b : a))
  const of = { suite: 'scale', id: 'scale', against: null, ratio: null } as const
  const table = `${rows.toLocaleString('en')} rows x ${columns} columns`
  const times = phases.map(({ name, seconds }) => `${name} ${seconds.toFixed(0)} s`).join(', ')
  const auc = result.test.roc_auc
  return [
    judged({
      ...of,
      what: `Memory of the server and all its processes at its peak, ${table}`,
      ours: { value: most.seen.peakBytes / 2 ** 20, unit: 'MB' },
      goal: { compare: '<=', value: memoryBytes / 2 ** 20, of: 'value' },
      note: `Proportional set size, sampled four times a second; in ${most.name}: ${most.seen.peakOf}. ${
        kills === null
          ? 'No limit by the kernel on this machine'
          : `Held by the kernel to ${memoryName} (page cache included): ${kills} processes ended for it`
      }`,
    }),
    judged({
      ...of,
      what: `Longest lag of the server's event loop, ${table}`,
      ours: { value: slowest.seen.maxLagMs, unit: 'ms' },
      goal: { compare: '<=', value: longestLagMs, of: 'value' },
      note: `Of all phases, in ${slowest.name}; the measuring timer's own 10 ms included`,
    }),
    judged({
      ...of,
      what: `From the file to a served LightGBM model, ${table}`,
      ours: { value: phases.reduce((sum, { seconds }) => sum + seconds, 0), unit: 's' },
      goal: { compare: '<=', value: 1800, of: 'value' },
      note: `${times}; sealed-test ROC AUC ${auc?.value.toFixed(4)} [${auc?.low.toFixed(4)}, ${auc?.high.toFixed(4)}], ${result.parity.rows} rows replayed, ${result.parity.flips} flips`,
    }),
    ...Object.entries(looked).map(([name, { count, p50Ms, p99Ms }]) =>
      judged({
        ...of,
        what: `99th percentile of a ${name} while the table is profiled, split and trained on`,
        ours: { value: p99Ms, unit: 'ms' },
        goal: { compare: '<=', value: name === 'page of rows' ? 1000 : 250, of: 'value' },
        note: `${count} requests, median ${p50Ms.toFixed(0)} ms`,
      }),
    ),
    judged({
      ...of,
      what: 'A prediction by the model, one row, 99th percentile',
      ours: { value: predictions.p99Ms, unit: 'ms' },
      goal: { compare: '<=', value: 50, of: 'value' },
      note: `${predictions.count} requests one after the other, median ${predictions.p50Ms.toFixed(1)} ms`,
    }),
  ]
}
