import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { type CheckReport, type DriftReport, MonitorPatch } from './schema.ts'
import { monitor, onSqlite, refusal, type World } from './testing-world.ts'

const checkOf = (report: DriftReport, kind: CheckReport['kind']): CheckReport => {
  const found = report.checks.find((check) => check.kind === kind)
  assert.ok(found, `no ${kind}`)
  return found
}
const statesOf = (report: DriftReport) => Object.fromEntries(report.checks.map(({ kind, state }) => [kind, state]))

const policy = {
  id: 'bpo_1',
  name: 'even states',
  facets: [{ column: 'state' }],
  intersections: [],
  favourable: { values: ['yes'] },
  minimumRows: 30,
  rules: [{ measure: 'positive_difference', atLeast: null, atMost: 0.1 }],
} as unknown as World['policies'][number]

onSqlite(
  'with the truth: a model that is as right as it was is quiet; one that is not alarms, and the event says by which check',
  async (w) => {
    w.jobs.startWorker({ slots: 1 })
    const reported: { state: string; kinds: string[] }[] = []
    w.events.on('monitor.reported', ({ state, kinds }) => reported.push({ state, kinds }))
    const checks = ['performance', 'performance_estimate', 'explanation_drift', 'operations', 'data_quality'].map((kind) => ({
      kind,
    }))
    await w.monitoring.create(w.by, monitor({ checks: [...checks, { kind: 'bias' }] }))
    await w.live(700)
    const quiet = await w.run()
    assert.deepEqual(
      statesOf(quiet),
      {
        performance: 'quiet',
        performance_estimate: 'quiet',
        explanation_drift: 'quiet',
        operations: 'not_judged',
        data_quality: 'quiet',
        bias: 'not_judged',
      },
      JSON.stringify(quiet.checks, null, 1),
    )
    assert.match(
      checkOf(quiet, 'performance').sentence,
      /ROC AUC 0\.\d+ \(95 % interval .* of 700 rows whose truth is known; 0\.\d+ on the sealed/,
    )
    assert.match(checkOf(quiet, 'performance_estimate').sentence, /An estimate without truth: ROC AUC 0\.\d+/)
    assert.match(checkOf(quiet, 'bias').sentence, /make a fairness policy/)
    assert.match(checkOf(quiet, 'operations').sentence, /1 requests/)
    assert.ok(quiet.tests >= 6)

    w.policies.push(policy)
    await w.live(1500, { decay: 0.7 })
    const worse = await w.run()
    const found = checkOf(worse, 'performance')
    assert.equal(found.state, 'alert', found.sentence)
    assert.match(found.sentence, /The model has become worse: .* The same answer no longer means the same/)
    assert.equal(checkOf(worse, 'performance_estimate').state, 'quiet', 'it cannot see what only the truth tells')
    const biased = checkOf(worse, 'bias')
    assert.equal(biased.state, 'alert', biased.sentence)
    assert.match(
      biased.sentence,
      /difference in positive proportions of state: .* which the policy "even states" bounds by 0\.1 either way/,
    )
    assert.match(biased.evidence.notes[0]!, /2200 rows whose truth is known/)
    // Announced after the end of the job.
    while (reported.length < 2) await delay(10)
    assert.deepEqual(reported, [
      { state: 'quiet', kinds: [] },
      { state: 'alert', kinds: ['performance', 'bias'] },
    ])
    const [alert] = (await w.monitoring.alerts(w.by, { limit: 5 })).items
    assert.deepEqual(
      [alert!.kinds, alert!.evidence.map(({ kind }) => kind)],
      [
        ['performance', 'bias'],
        ['performance', 'bias'],
      ],
    )
    assert.match(alert!.recommendation, /Train a version on rows with the new truths/)
  },
  { judged: true },
)

onSqlite(
  'a data set in the place of traffic: its truths count, its columns are looked at, and what traffic alone says is not judged',
  async (w) => {
    w.jobs.startWorker({ slots: 1 })
    await w.monitoring.create(w.by, monitor())
    const usual = (await w.monitoring.get(w.by, 'watch')).checks.map(({ kind }) => kind)
    assert.deepEqual(usual, [
      'data_quality',
      'data_drift',
      'multivariate_drift',
      'prediction_drift',
      'performance',
      'performance_estimate',
      'operations',
    ])
    const alike = await w.run({ dataset: 'alike' })
    assert.equal(alike.state, 'quiet', alike.sentence)
    assert.equal(checkOf(alike, 'performance').state, 'quiet')
    const shifted = statesOf(await w.run({ dataset: 'shifted' }))
    assert.deepEqual(
      [shifted.data_quality, shifted.data_drift, shifted.multivariate_drift, shifted.prediction_drift],
      ['alert', 'alert', 'alert', 'alert'],
    )
    const decayed = statesOf(await w.run({ dataset: 'decayed' }))
    assert.deepEqual([decayed.data_drift, decayed.performance, decayed.performance_estimate], ['quiet', 'alert', 'quiet'])
  },
  { judged: true },
)

onSqlite('now may be compared with a data set, with a past time, or with the same hours of earlier days', async (w) => {
  w.jobs.startWorker({ slots: 1 })
  const checks = [{ kind: 'data_drift' }, { kind: 'multivariate_drift' }]
  await w.live(600, { told: false })
  await w.monitoring.create(w.by, monitor({ checks, baseline: { kind: 'dataset', dataset: 'shifted' } }))
  const against = await w.run()
  assert.equal(against.state, 'alert', against.sentence)
  assert.equal(against.baselineRows, 2500)

  const now = Date.now()
  const at = (ms: number) => new Date(ms).toISOString()
  const past = { kind: 'window' as const, from: at(now - 3_600_000), to: at(now + 1000) }
  await w.monitoring.patch(w.by, 'watch', { baseline: past })
  const itself = await w.run()
  assert.deepEqual([itself.state, itself.baselineRows], ['quiet', 600], itself.sentence)

  await w.monitoring.patch(w.by, 'watch', { baseline: { kind: 'seasonal', period: 'day', back: 2 } })
  const { job } = await w.monitoring.run(w.by, 'watch', { dataset: null, version: null, from: at(now - 3_600_000), to: null })
  await w.jobs.ended(job)
  assert.match((await w.jobs.get(w.by, job)).failure!.message, /No request that this version answered is kept from .* baseline/)
  // Tomorrow, the same hour: today's requests are its baseline, and there are none yet of its own.
  const tomorrow = now + 86_400_000
  const next = await w.run({ from: at(tomorrow - 3_600_000), to: at(tomorrow + 3_600_000) })
  assert.deepEqual([next.state, next.rows, next.baselineRows], ['too_few_rows', 0, 600])

  // Nothing has turned out yet: how groups fare is told of the answers alone. And the endpoint itself is looked at.
  w.policies.push(policy)
  const operations = { kind: 'operations', settings: { errorRate: 0.01, p95Ms: 60_000, busy: 1, costPerHour: 2 } }
  await w.monitoring.patch(
    w.by,
    'watch',
    MonitorPatch.parse({ checks: [{ kind: 'bias' }, operations], baseline: { kind: 'training' } }),
  )
  await w.live(3000, { told: false })
  for (let i = 0; i < 25; i++) await w.ask(4)
  const fair = await w.run()
  const biased = checkOf(fair, 'bias')
  assert.equal(biased.state, 'alert', biased.sentence)
  assert.match(biased.evidence.notes[0]!, /No truth is known: only how often each group is predicted/)
  assert.match(biased.sentence, /positive proportions of state: .* which the policy "even states" bounds by 0\.1 either way/)
  const well = checkOf(fair, 'operations')
  assert.equal(well.state, 'quiet', well.sentence)
  assert.match(well.sentence, /27 requests in the last 60 minutes, 0 failed/)
  for (let i = 0; i < 8; i++) await refusal(w.broken())
  const failing = checkOf(await w.run(), 'operations')
  assert.equal(failing.state, 'alert', failing.sentence)
  assert.match(failing.sentence, /of 35 requests failed; 1 % may/)

  const backwards = { kind: 'window' as const, from: past.to, to: past.from }
  assert.match((await refusal(w.monitoring.patch(w.by, 'watch', { baseline: backwards }))).message, /ends before it begins/)
  const unknown = [{ kind: 'bias', settings: { facets: ['state'], favourable: 'perhaps' } }]
  const misnamed = await refusal(w.monitoring.create(w.by, monitor({ name: 'b', checks: unknown })))
  assert.deepEqual([misnamed.code, misnamed.facts], ['invalid_input', { field: 'checks', kind: 'bias' }])
  const twice = [{ kind: 'operations' }, { kind: 'operations' }]
  assert.match((await refusal(w.monitoring.create(w.by, monitor({ name: 'b', checks: twice })))).message, /named twice/)
})
