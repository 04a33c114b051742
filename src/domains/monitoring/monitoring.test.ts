import assert from 'node:assert/strict'
import { onEachDatabase } from '../../ports/metadata/testing.ts'
import { MonitorPatch, MonitorRunInput } from './schema.ts'
import { monitoringTables } from './store.ts'
import { delivered, migrations, monitor, onSqlite, refusal, withWorld } from './testing-world.ts'

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
