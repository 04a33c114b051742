import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { isPlatformError, notFound, preconditionFailed } from '../../kernel/errors.ts'
import type { Principal } from '../../kernel/principal.ts'
import { openLocalExecutor } from '../../ports/executors/local.ts'
import { openSmtp } from '../../ports/mail/smtp.ts'
import type { Metadata } from '../../ports/metadata/metadata.ts'
import { openSqlite } from '../../ports/metadata/sqlite.ts'
import type { Outbound } from '../../ports/outbound/outbound.ts'
import { testSecrets } from '../../ports/secrets/testing.ts'
import { openDuckDb } from '../../ports/tables/duckdb.ts'
import { copyToParquet } from '../../ports/tables/sql.ts'
import type { Dataset, DatasetVersion } from '../datasets/schema.ts'
import { EndpointInput } from '../endpoints/schema.ts'
import { servingMigrations, servingWorld } from '../endpoints/testing.ts'
import { TruthInput } from '../endpoints/truth/schema.ts'
import { randomFrom } from '../evaluation/statistics/random.ts'
import type { Policy } from '../fairness/schema.ts'
import { jobsMigrations } from '../jobs/migrations.ts'
import { jobsService } from '../jobs/service.ts'
import { monitoringMigrations } from './migrations.ts'
import { monitorJob } from './run-job.ts'
import { MonitorInput, MonitorRunInput } from './schema.ts'
import { monitoringService } from './service.ts'

export const migrations = [...servingMigrations, ...jobsMigrations, ...monitoringMigrations]

/** Rows of a table that the model of the fixtures is right about: p(yes) = sigmoid(a + b + (1 when state is OH)). */
function rowsLike({
  rows,
  shift = 0,
  states = `'OH', 'AK'`,
  decay = 0,
}: {
  rows: number
  shift?: number
  states?: string
  decay?: number
}) {
  const drawn = `SELECT range AS __row, random() * 4 - 2 + ${shift} AS a, CASE WHEN random() < 0.1 THEN NULL ELSE random() END AS b,
    [${states}][1 + floor(random() * 2)::INTEGER] AS state FROM range(${rows})`
  const scored = `SELECT *, 1 / (1 + exp(-(a + coalesce(b, 0) + CASE WHEN state = 'OH' THEN 1 ELSE 0 END))) AS p FROM (${drawn})`
  return `SELECT *, CASE WHEN random() < (CASE WHEN random() < ${decay} THEN 0.5 ELSE p END) THEN 'yes' ELSE 'no' END AS churn FROM (${scored})`
}

// The table that training saw, and those that come later: alike, shifted with a new state, and one where the truth follows other rules.
const tablesOf: Record<string, string> = {
  train: rowsLike({ rows: 3000 }),
  alike: rowsLike({ rows: 2500 }),
  shifted: rowsLike({ rows: 2500, shift: 1.5, states: `'OH', 'ZZ'` }),
  decayed: rowsLike({ rows: 2500, decay: 0.7 }),
}

/** With `judged`, what the version said of sealed rows is known. */
export async function monitoringWorld(metadata: Metadata, { judged = false }: { judged?: boolean } = {}) {
  const w = await servingWorld(metadata)
  const folder = await mkdtemp(join(tmpdir(), 'atoll-monitoring-'))
  const tables = openDuckDb({ heavy: 1 })
  const executor = await openLocalExecutor({ python: 'python3' })
  const lay = async (table: string, place: string) => {
    await mkdir(place, { recursive: true })
    await tables.run({
      folders: [place],
      threads: 1,
      statements: [{ sql: 'SELECT setseed(0.42)' }, { sql: copyToParquet(tablesOf[table]!, `${place}/data.parquet`, 4) }],
    })
  }
  const calls: { url: string; body: string; headers: Record<string, string> }[] = []
  const policies: Policy[] = []
  let answer: (() => { status: number; body: string }) | null = null
  const outbound: Pick<Outbound, 'fetchOut'> = {
    async fetchOut(url, { body, headers }) {
      if (!answer) throw preconditionFailed('Outbound calls are off.')
      calls.push({ url, body: body!, headers: headers ?? {} })
      return answer()
    },
  }
  const datasets = {
    layPart: (_split: string, _part: 'train' | 'validation', place: string) => lay('train', place),
    layVersion: (version: string, place: string) => lay(version, place),
    pin: async (_by: Principal, ref: string) => {
      if (ref !== 'narrow' && !tablesOf[ref]) throw notFound('data set', ref)
      const names = ref === 'narrow' ? ['a'] : ['a', 'b', 'state', 'churn']
      const version = { id: ref, number: 1, columns: names.map((name) => ({ name })) }
      return { dataset: { id: ref, name: ref } as Dataset, version: version as unknown as DatasetVersion }
    },
  }
  const jobs = jobsService({
    metadata,
    events: w.events,
    auth: w.auth,
    executor,
    runtimes: { list: async () => [], ensure: async () => Promise.reject(new Error('no runtime here')) },
    files: w.files,
    folder: join(folder, 'jobs'),
    onError: (error) => w.errors.push(error),
  })
  const shared = {
    metadata,
    events: w.events,
    outbound,
    mail: openSmtp(),
    settings: w.auth.settings,
    secrets: testSecrets(metadata),
    datasets,
    endpoints: w.endpoints,
  }
  jobs.queue.register(
    monitorJob({
      ...shared,
      files: w.files,
      blobs: w.blobs,
      tables,
      inference: w.needs.inference,
      registry: w.registry,
      explanations: w.needs.explanations,
      policies: { binding: async () => policies },
    }),
  )
  const open = () =>
    monitoringService({
      ...shared,
      access: w.auth.access,
      search: { ...w.auth.search, registerTable: () => {} },
      jobs: jobs.queue,
      principalOf: w.auth.users.principal,
      onError: (error) => w.errors.push(error),
    })
  await w.register('churn', {
    predictions: judged ? await sealedPredictions() : null,
    background: Array.from({ length: 20 }, (_, i) => ({ a: (i % 5) - 2, b: (i % 4) / 4, state: i % 2 ? 'OH' : 'AK' })),
  })
  await w.endpoints.create(w.by, EndpointInput.parse({ model: 'churn', name: 'live' }))
  const monitoring = open()

  async function sealedPredictions(): Promise<string> {
    const said = `SELECT __row, churn AS actual, CASE WHEN p >= 0.6 THEN 'yes' ELSE 'no' END AS predicted, 1 - p AS p_0, p AS p_1 FROM (${rowsLike({ rows: 2000 })})`
    const file = join(folder, 'sealed.parquet')
    await tables.run({
      folders: [folder],
      threads: 1,
      statements: [{ sql: 'SELECT setseed(0.7)' }, { sql: copyToParquet(said, file, 5) }],
    })
    const { sha256 } = await w.blobs.put(await readFile(file))
    return sha256
  }

  let requests = 0
  /** Asks rows as training had them, and tells what turned out. */
  async function live(rows: number, { decay = 0, shift = 0, told = true } = {}) {
    const random = randomFrom(100 + requests)
    const asked = Array.from({ length: rows }, () => ({
      a: random.next() * 4 - 2 + shift,
      b: random.next(),
      state: random.next() < 0.5 ? 'OH' : 'AK',
    }))
    const requestId = `live${++requests}`
    const body = { rows: asked }
    await w.endpoints.predictText(w.by, 'live', { body: () => body, text: JSON.stringify(body), requestId })
    if (!told) return
    const items = asked.map(({ a, b, state }, i) => {
      const p = 1 / (1 + Math.exp(-(a + b + (state === 'OH' ? 1 : 0))))
      return { id: `${requestId}.${i}`, value: random.next() < (random.next() < decay ? 0.5 : p) ? 'yes' : 'no' }
    })
    await w.endpoints.truth.give(w.by, 'live', TruthInput.parse({ items }))
  }

  async function ask(rows: number, { shift = 0, states = ['OH', 'AK'] } = {}) {
    const body = {
      rows: Array.from({ length: rows }, (_, i) => ({
        a: ((i * 0.6180339887) % 1) * 4 - 2 + shift,
        b: i % 10 === 0 ? null : (i * 0.7548776662) % 1,
        state: states[i % states.length],
      })),
    }
    await w.endpoints.predictText(w.by, 'live', { body: () => body, text: JSON.stringify(body), requestId: 'r' })
  }

  /** A request whose row is none. */
  const broken = () => {
    const body = { rows: [{ a: 'no number', b: 1, state: 'OH' }] }
    return w.endpoints.predictText(w.by, 'live', { body: () => body, text: JSON.stringify(body), requestId: 'broken' })
  }

  async function run(input: object = {}) {
    const { job } = await monitoring.run(w.by, 'watch', MonitorRunInput.parse(input))
    await jobs.ended(job)
    const ended = await jobs.get(w.by, job)
    assert.equal(ended.state, 'succeeded', JSON.stringify(ended.failure))
    return monitoring.report(w.by, String(ended.result!.report))
  }

  return {
    ...w,
    jobs,
    monitoring,
    open,
    ask,
    broken,
    live,
    run,
    calls,
    policies,
    letOut: (reply: typeof answer) => {
      answer = reply
    },
    async close() {
      await jobs.stopWorker()
      await w.endpoints.close()
      await tables.close()
      await executor.close()
      await w.done()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

export type World = Awaited<ReturnType<typeof monitoringWorld>>

export const withWorld =
  (work: (w: World, metadata: Metadata) => Promise<void>, options = {}) =>
  async (metadata: Metadata) => {
    const w = await monitoringWorld(metadata, options)
    try {
      await work(w, metadata)
      assert.deepEqual(w.errors, [])
    } finally {
      await w.close()
    }
  }

export const onSqlite = (name: string, work: (w: World, metadata: Metadata) => Promise<void>, options = {}) =>
  test(name, { timeout: 60_000 }, async () => {
    const metadata = openSqlite({ file: ':memory:' })
    await metadata.migrate(migrations)
    await withWorld(work, options)(metadata).finally(() => metadata.close())
  })

export const monitor = (more: object = {}) => MonitorInput.parse({ endpoint: 'live', name: 'watch', ...more })

/** The newest alert, once its webhook has been tried: that comes after the end of the job. */
export async function delivered(w: World, query: { state?: 'open' }) {
  for (;;) {
    const [alert] = (await w.monitoring.alerts(w.by, { limit: 10, ...query })).items
    if (!alert || (alert.webhook && alert.webhook !== 'being delivered')) return alert
    await delay(10)
  }
}

export async function refusal(work: Promise<unknown>) {
  const error = await work.then(
    () => assert.fail('it was accepted'),
    (thrown) => thrown,
  )
  assert.ok(isPlatformError(error), String(error?.stack ?? error))
  return error
}
