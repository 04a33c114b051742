import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { isPlatformError, notFound, preconditionFailed } from '../../kernel/errors.ts'
import type { Principal } from '../../kernel/principal.ts'
import { openLocalExecutor } from '../../ports/executors/local.ts'
import type { Metadata } from '../../ports/metadata/metadata.ts'
import { openSqlite } from '../../ports/metadata/sqlite.ts'
import { onEachDatabase } from '../../ports/metadata/testing.ts'
import type { Outbound } from '../../ports/outbound/outbound.ts'
import { openDuckDb } from '../../ports/tables/duckdb.ts'
import { copyToParquet } from '../../ports/tables/sql.ts'
import type { Dataset, DatasetVersion } from '../datasets/schema.ts'
import { EndpointInput } from '../endpoints/schema.ts'
import { servingMigrations, servingWorld } from '../endpoints/testing.ts'
import type { Policy } from '../fairness/schema.ts'
import { jobsMigrations } from '../jobs/migrations.ts'
import { jobsService } from '../jobs/service.ts'
import { monitoringMigrations } from './migrations.ts'
import { monitorJob } from './run-job.ts'
import { MonitorInput, MonitorPatch, MonitorRunInput } from './schema.ts'
import { monitoringService } from './service.ts'
import { monitoringTables } from './store.ts'

const migrations = [...servingMigrations, ...jobsMigrations, ...monitoringMigrations]

// The table that training saw, and two that come later: one like it, one shifted and with a new state.
const columns =
  'random() * 4 - 2 + $shift AS a, CASE WHEN random() < 0.1 THEN NULL ELSE random() END AS b, [$states][1 + floor(random() * 2)::INTEGER] AS state'
const tablesOf: Record<string, string> = {
  train: `SELECT range AS __row, ${columns} FROM range(3000)`.replace('$shift', '0').replace('$states', `'OH', 'AK'`),
  alike: `SELECT range AS __row, ${columns} FROM range(2500)`.replace('$shift', '0').replace('$states', `'OH', 'AK'`),
  shifted: `SELECT range AS __row, ${columns} FROM range(2500)`.replace('$shift', '1.5').replace('$states', `'OH', 'ZZ'`),
}

async function world(metadata: Metadata) {
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
  const calls: { url: string; body: string }[] = []
  const policies: Policy[] = []
  let answer: (() => { status: number; body: string }) | null = null
  const outbound: Pick<Outbound, 'fetchOut'> = {
    async fetchOut(url, { body }) {
      if (!answer) throw preconditionFailed('Outbound calls are off.')
      calls.push({ url, body: body! })
      return answer()
    },
  }
  const datasets = {
    layPart: (_split: string, _part: 'train' | 'validation', place: string) => lay('train', place),
    layVersion: (version: string, place: string) => lay(version, place),
    pin: async (_by: Principal, ref: string) => {
      if (ref !== 'narrow' && !tablesOf[ref]) throw notFound('data set', ref)
      const names = ref === 'narrow' ? ['a'] : ['a', 'b', 'state']
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
  const shared = { metadata, events: w.events, outbound, datasets, endpoints: w.endpoints }
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
  await w.register('churn')
  await w.endpoints.create(w.by, EndpointInput.parse({ model: 'churn', name: 'live' }))
  const monitoring = open()

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

type World = Awaited<ReturnType<typeof world>>

const withWorld = (work: (w: World, metadata: Metadata) => Promise<void>) => async (metadata: Metadata) => {
  const w = await world(metadata)
  try {
    await work(w, metadata)
    assert.deepEqual(w.errors, [])
  } finally {
    await w.close()
  }
}

const onSqlite = (name: string, work: (w: World, metadata: Metadata) => Promise<void>) =>
  test(name, async () => {
    const metadata = openSqlite({ file: ':memory:' })
    await metadata.migrate(migrations)
    await withWorld(work)(metadata).finally(() => metadata.close())
  })

const monitor = (more: object = {}) => MonitorInput.parse({ endpoint: 'live', name: 'watch', ...more })

/** The newest alert, once its webhook has been tried: that comes after the end of the job. */
async function delivered(w: World, query: { state?: 'open' }) {
  for (;;) {
    const [alert] = (await w.monitoring.alerts(w.by, { limit: 10, ...query })).items
    if (!alert || (alert.webhook && alert.webhook !== 'being delivered')) return alert
    await delay(10)
  }
}

async function refusal(work: Promise<unknown>) {
  const error = await work.then(
    () => assert.fail('it was accepted'),
    (thrown) => thrown,
  )
  assert.ok(isPlatformError(error), String(error?.stack ?? error))
  return error
}

onSqlite(
  'captured traffic: too little, quiet, then drifted with one alert that counts, is acknowledged and closed',
  async (w) => {
    w.jobs.startWorker({ slots: 1 })
    await w.monitoring.create(w.by, monitor({ webhookUrl: 'https://hooks.example.org/drift' }))
    await w.ask(50)
    const few = await w.run()
    assert.deepEqual([few.state, few.rows, few.columns.length], ['too_few_rows', 50, 0])
    assert.match(few.sentence, /only 50 rows .* 200 are needed/)

    await w.ask(600)
    const quiet = await w.run()
    assert.deepEqual([quiet.state, quiet.rows, quiet.baselineRows], ['quiet', 650, 3000], quiet.sentence)
    assert.deepEqual(
      quiet.columns.map((column) => column.column),
      ['a', 'b', 'state'],
    )
    assert.deepEqual((await w.monitoring.alerts(w.by, { limit: 10 })).items, [])

    await w.ask(900, { shift: 1.5, states: ['OH', 'ZZ'] })
    const drifted = await w.run()
    assert.equal(drifted.state, 'alert')
    assert.deepEqual(
      drifted.columns.map((column) => column.state),
      ['alert', 'quiet', 'alert'],
    )
    assert.deepEqual(drifted.columns[2]!.unseen, [{ value: 'ZZ', count: 450 }])
    const alert = await delivered(w, {})
    assert.deepEqual([alert!.severity, alert!.state, alert!.count, alert!.report], ['alert', 'open', 1, drifted.id])
    assert.match(alert!.webhook!, /not delivered: Outbound calls are off/)
    assert.match(alert!.recommendation, /Check that the new values of "state" are meant/)

    await w.monitoring.setAlert(w.by, alert!.id, { state: 'acknowledged' })
    const again = await w.run()
    const [same] = (await w.monitoring.alerts(w.by, { limit: 10 })).items
    assert.deepEqual([same!.id, same!.count, same!.state, same!.report], [alert!.id, 2, 'acknowledged', again.id])

    await w.monitoring.setAlert(w.by, alert!.id, { state: 'closed' })
    w.letOut(() => ({ status: 204, body: '' }))
    await w.run()
    const fresh = await delivered(w, { state: 'open' })
    assert.notEqual(fresh!.id, alert!.id)
    assert.equal(fresh!.webhook, 'delivered (204)')
    assert.equal(JSON.parse(w.calls[0]!.body).alert, fresh!.id)
    const state = await w.monitoring.get(w.by, 'watch')
    assert.deepEqual([state.lastState, (await w.monitoring.reports(w.by, 'watch', { limit: 3 })).items.length], ['alert', 3])
  },
)

onSqlite('a data set version is compared, also by what the model says of it', async (w, metadata) => {
  w.jobs.startWorker({ slots: 1 })
  await w.monitoring.create(w.by, monitor())
  const alike = await w.run({ dataset: 'alike' })
  assert.deepEqual([alike.state, alike.rows, alike.source], ['quiet', 2500, 'alike version 1'], alike.sentence)
  const shifted = await w.run({ dataset: 'shifted' })
  assert.equal(shifted.state, 'alert')
  assert.match(shifted.sentence, /2 of 3 columns have drifted in 2500 rows of shifted version 1/)
  assert.equal((await metadata.db.selectFrom('monitor_baselines').selectAll().execute()).length, 1)
  assert.equal((await refusal(w.monitoring.run(w.by, 'watch', MonitorRunInput.parse({ dataset: 'absent' })))).code, 'not_found')
  const { job } = await w.monitoring.run(w.by, 'watch', MonitorRunInput.parse({ dataset: 'narrow' }))
  await w.jobs.ended(job)
  const failed = await w.jobs.get(w.by, job)
  assert.equal(failed.state, 'failed')
  assert.match(failed.failure!.message, /narrow version 1 lacks columns that the model reads: b, state/)
})

onEachDatabase(
  'a schedule starts one run however many look, also after a restart',
  migrations,
  withWorld(async (w, metadata) => {
    const made = await w.monitoring.create(w.by, monitor({ schedule: '*/10 * * * *' }))
    const due = Date.parse(made.nextRunAt!)
    assert.equal(due % 600_000, 0)
    assert.equal(await w.monitoring.scheduler.runDue(due - 1), 0)
    const others = [w.monitoring, w.open(), w.open()]
    const started = await Promise.all(others.map((one) => one.scheduler.runDue(due + 1)))
    assert.equal(
      started.reduce((sum, count) => sum + count, 0),
      1,
    )
    assert.equal(Date.parse((await w.monitoring.get(w.by, 'watch')).nextRunAt!), due + 600_000)
    // An hour without a server is one run late, not six runs.
    assert.equal(await w.open().scheduler.runDue(due + 3_700_000), 1)
    assert.equal(await w.open().scheduler.runDue(due + 3_700_001), 0)
    const queued = await metadata.db.selectFrom('jobs').select(['kind', 'owner_id']).execute()
    assert.deepEqual(queued, [
      { kind: 'monitor.run', owner_id: w.by.userId },
      { kind: 'monitor.run', owner_id: w.by.userId },
    ])
    await w.monitoring.patch(w.by, 'watch', MonitorPatch.parse({ schedule: null }))
    assert.equal(await w.open().scheduler.runDue(due + 36_000_000), 0)
  }),
)

onEachDatabase(
  'what is no schedule is refused; who may not see a monitor sees nothing of it',
  migrations,
  withWorld(async (w, metadata) => {
    for (const [schedule, message] of [
      ['every day', /not a cron schedule/],
      ['* * * * * *', /more than once a minute/],
      ['0 0 31 2 *', /never comes round/],
    ] as const) {
      const error = await refusal(w.monitoring.create(w.by, monitor({ schedule })))
      assert.match(error.message, message)
      assert.equal(error.facts.field, 'schedule')
    }
    const made = await w.monitoring.create(w.by, monitor())
    assert.equal((await refusal(w.monitoring.create(w.by, monitor()))).code, 'conflict')
    const report = { id: 'rep_1', monitor_id: made.id, at: 1, state: 'quiet', report: '{}' }
    await monitoringTables(metadata.db).insertInto('monitor_reports').values(report).execute()
    const viewer = await w.person('Vera', 'viewer')
    const stranger = await w.person('Eve', null)
    assert.equal((await w.monitoring.list(viewer, { limit: 5, endpoint: 'live' })).items.length, 1)
    assert.equal((await refusal(w.monitoring.run(viewer, 'watch', MonitorRunInput.parse({})))).code, 'forbidden')
    assert.equal((await refusal(w.monitoring.get(stranger, made.id))).code, 'not_found')
    assert.equal((await refusal(w.monitoring.report(stranger, 'rep_1'))).code, 'not_found')
    assert.deepEqual((await w.monitoring.list(stranger, { limit: 5 })).items, [])
    assert.deepEqual((await w.monitoring.alerts(stranger, { limit: 5 })).items, [])
    await w.monitoring.remove(w.by, 'watch')
    assert.equal((await refusal(w.monitoring.get(w.by, made.id))).code, 'not_found')
  }),
)
