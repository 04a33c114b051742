import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { openDuckDb } from '../../ports/tables/duckdb.ts'
import { metricOf } from '../evaluation/statistics/metric.ts'
import { type Random, randomFrom } from '../evaluation/statistics/random.ts'
import { judgedAnswers } from './answers.ts'
import { CheckInput, type CheckKind, checkKinds } from './checks/settings.ts'
import { levelOf } from './repeated-runs.ts'
import { runChecks } from './run-checks.ts'
import type { RepeatedRuns } from './schema.ts'
import { binomialUpperTail } from './statistics/binomial.ts'
import { answerOf, customer, type Drawn, lookedAt, many, type Shift, signature } from './testing.ts'
import { groupsOf, hourOf, type Service } from './testing-live.ts'

const tables = openDuckDb({ heavy: 1 })
const folder = await mkdtemp(join(tmpdir(), 'atoll-false-alarms-'))
after(async () => {
  await tables.close()
  await rm(folder, { recursive: true, force: true })
})

/** Every change counts as large, so that only the tests stand between a quiet window and an alarm. */
const anySize: Record<CheckKind, object> = {
  data_quality: { warning: 0, alert: 0 },
  data_drift: { warning: 0, alert: 0 },
  multivariate_drift: { warning: 0, alert: 0, rows: 500 },
  prediction_drift: { warning: 0, alert: 0 },
  performance: { warning: 0, alert: 0 },
  performance_estimate: { warning: 0, alert: 0 },
  bias: { facets: ['region'], warning: 0, alert: 0 },
  explanation_drift: { warning: 1, alert: 1, movedWarning: 0, movedAlert: 0 },
  embedding_drift: { warning: 0, alert: 0, rows: 200 },
  operations: { errorRate: 0.01, p95Ms: 64 },
}
const usual: Partial<Record<CheckKind, object>> = {
  multivariate_drift: { rows: 1000 },
  bias: { facets: ['region'] },
  operations: { p95Ms: 64 },
}
const asked = (settings: Partial<Record<CheckKind, object>>) =>
  checkKinds.map((kind) => CheckInput.parse({ kind, settings: settings[kind] }))

const rate = 0.05
const windows = 200
const rowsNow = 300

interface Before {
  trained: Drawn[]
  sealed: Drawn[]
  falseAlarmRate: number
}
const world = (random: Random, falseAlarmRate = rate): Before => ({
  trained: many(1500, customer(), random),
  sealed: many(800, customer(), random),
  falseAlarmRate,
})

interface Window {
  rows: Drawn[]
  service?: Service
  hasTruth?: boolean
  random: Random
}

async function alarmsOf(
  { rows, service, hasTruth = true, random }: Window,
  before: Before,
  { wanted, level = before.falseAlarmRate, method = 'none' }: { wanted: CheckInput[]; level?: number; method?: RepeatedRuns },
) {
  const looked = lookedAt(rows, before, {
    tables,
    grouped: () => groupsOf(rows, { tables, folder, hasTruth }),
    operations: async () => hourOf(random, service),
  })
  const { checks } = await runChecks(looked, wanted, {
    levelOfRun: async () => ({ method, rate: before.falseAlarmRate, run: 1, level }),
    progress() {},
  })
  const silent = checks.filter(({ state }) => state === 'not_judged')
  assert.deepEqual(silent, [])
  return new Set(checks.filter(({ state }) => state === 'warning' || state === 'alert').map(({ kind }) => kind))
}

test('200 quiet windows: each check alone, and all together, raise false alarms at most as often as is stated', {
  timeout: 1_500_000,
}, async (t) => {
  const random = randomFrom(42)
  const names = [...checkKinds, 'bias, predictions alone', 'all together'] as const
  const found = new Map<string, number>(names.map((name) => [name, 0]))
  const count = (name: (typeof names)[number], alarms: Set<CheckKind>) =>
    found.set(name, found.get(name)! + Math.min(1, alarms.size))
  const all = asked(anySize)
  let before = world(random)
  for (let w = 0; w < windows; w++) {
    if (w % 10 === 0) before = world(random)
    const window = { rows: many(rowsNow, customer(), random), random }
    for (const one of all) count(one.kind, await alarmsOf(window, before, { wanted: [one] }))
    const byBias = all.filter(({ kind }) => kind === 'bias')
    count('bias, predictions alone', await alarmsOf({ ...window, hasTruth: false }, before, { wanted: byBias }))
    count('all together', await alarmsOf(window, before, { wanted: all }))
  }
  for (const [name, alarms] of found) {
    t.diagnostic(`${name}: ${alarms} of ${windows} quiet windows, ${rate} is stated`)
    // So many would come less than once in a thousand times where the rate holds.
    assert.ok(binomialUpperTail(alarms, windows, rate) > 0.001, `${name}: ${alarms} false alarms in ${windows} windows`)
  }
})

const shifts: [string, Shift, Service?][] = [
  ['charge + 0.1 sd', { charge: 0.1 }],
  ['charge + 0.3 sd', { charge: 0.3 }],
  ['charge + 0.5 sd', { charge: 0.5 }],
  ['charge + 1 sd', { charge: 1 }],
  ['charge missing in 5 % more', { missing: 0.05 }],
  ['charge missing in 15 % more', { missing: 0.15 }],
  ['a new plan in 3 %', { newPlan: 0.03 }],
  ['a new plan in 10 %', { newPlan: 0.1 }],
  ['charge untied from tenure', { untied: true }],
  ['customers nearer the border: 0.8 of the spread', { nearBorder: 0.8 }],
  ['customers nearer the border: 0.6 of the spread', { nearBorder: 0.6 }],
  ['tenures alike, charges twice as spread', { otherDrivers: true }],
  ['30 % of truths by chance', { concept: 0.3 }],
  ['60 % of truths by chance', { concept: 0.6 }],
  ['a third of one region refused', { unfair: 0.33 }],
  ['two thirds of one region refused', { unfair: 0.67 }],
  ['2 % of requests fail', {}, { errors: 0.02 }],
  ['3 % of requests fail', {}, { errors: 0.03 }],
  ['10 % of requests slow', {}, { slow: 0.1 }],
]
const powerWindows = 20
const powerRows = 1000

for (const [method, run] of [
  ['none', 1],
  ['lord', 30],
] as const)
  test(`power: how often each check alarms at its usual bounds and 0.01, on stated shifts (${method}, run ${run})`, {
    timeout: 1_500_000,
  }, async (t) => {
    const random = randomFrom(7)
    const level = levelOf(method, 0.01, run)
    t.diagnostic(`| shift | ${checkKinds.join(' | ')} |`)
    const power = new Map<string, Map<CheckKind, number>>()
    for (const [name, shift, service] of shifts) {
      const found = new Map<CheckKind, number>(checkKinds.map((kind) => [kind, 0]))
      for (let w = 0; w < powerWindows; w++) {
        const window = { rows: many(powerRows, customer(shift), random), service, random }
        for (const kind of await alarmsOf(window, world(random, 0.01), { wanted: asked(usual), level, method }))
          found.set(kind, found.get(kind)! + 1 / powerWindows)
      }
      power.set(name, found)
      t.diagnostic(`| ${name} | ${checkKinds.map((kind) => found.get(kind)!.toFixed(2)).join(' | ')} |`)
    }
    const of = (name: string, kind: CheckKind) => power.get(name)!.get(kind)!
    assert.ok(of('charge + 1 sd', 'data_drift') >= 0.95)
    assert.ok(of('charge untied from tenure', 'data_drift') <= 0.1)
    assert.ok(of('charge missing in 15 % more', 'data_quality') >= 0.9)
    assert.ok(of('60 % of truths by chance', 'performance') >= 0.9)
    assert.ok(of('customers nearer the border: 0.6 of the spread', 'performance_estimate') >= 0.9)
    assert.ok(of('tenures alike, charges twice as spread', 'explanation_drift') >= 0.9)
    assert.ok(of('two thirds of one region refused', 'bias') >= 0.9)
    assert.ok(of('3 % of requests fail', 'operations') >= 0.9)
    if (method === 'none') assert.ok(of('charge untied from tenure', 'multivariate_drift') >= 0.9)
  })

test('the estimate without truth is near what the truth tells, where the inputs alone have shifted', {
  timeout: 300_000,
}, async (t) => {
  const random = randomFrom(11)
  const wanted = CheckInput.parse({ kind: 'performance_estimate', settings: { metric: 'roc_auc' } })
  for (const nearBorder of [1, 0.8, 0.6]) {
    let [estimated, true_, apart] = [0, 0, 0]
    for (let w = 0; w < powerWindows; w++) {
      const rows = many(powerRows, customer({ nearBorder }), random)
      const looked = lookedAt(rows, world(random))
      const { checks } = await runChecks(looked, [wanted], {
        levelOfRun: async () => ({ method: 'none', rate, run: 1, level: rate }),
        progress() {},
      })
      const value = checks[0]!.evidence.figures[0]!.value!
      const judged = judgedAnswers(
        signature,
        rows.map((one) => answerOf(one)),
      )
      const known = metricOf('roc_auc', judged)()
      estimated += value / powerWindows
      true_ += known / powerWindows
      apart += Math.abs(value - known) / powerWindows
    }
    t.diagnostic(
      `spread ${nearBorder}: ROC AUC ${estimated.toFixed(3)} estimated, ${true_.toFixed(3)} by the truth; ${apart.toFixed(3)} apart on average`,
    )
    assert.ok(Math.abs(estimated - true_) < 0.02)
  }
})

const streams = 60
const runs = 200
/** Checks of a run that is repeated each hour, without those that are slow to look so often. */
const hourly: readonly CheckKind[] = ['data_quality', 'data_drift', 'prediction_drift', 'performance', 'operations']

test('200 successive quiet runs over windows that overlap raise any false alarm at most as often as is stated; a real shift is alarmed within hours', {
  timeout: 1_500_000,
}, async (t) => {
  const random = randomFrom(77)
  const perHour = 50
  const hoursKept = 12
  const wanted = (settings: Partial<Record<CheckKind, object>>) => asked(settings).filter(({ kind }) => hourly.includes(kind))
  const [any, real] = [wanted(anySize), wanted(usual)]
  const alarmed = { lord: 0, none: 0 }
  const delays: number[] = []
  for (let s = 0; s < streams; s++) {
    const before = world(random)
    const window = many(perHour * hoursKept, customer(), random)
    const next = (shift: Shift) => {
      window.splice(0, perHour)
      window.push(...many(perHour, customer(shift), random))
      return { rows: window, random }
    }
    const raised = { lord: false, none: false }
    for (let run = 1; run <= runs; run++) {
      const now = next({})
      for (const method of ['lord', 'none'] as const) {
        if (raised[method]) continue
        const alarms = await alarmsOf(now, before, { wanted: any, method, level: levelOf(method, rate, run) })
        raised[method] = alarms.size > 0
      }
    }
    alarmed.lord += Number(raised.lord)
    alarmed.none += Number(raised.none)
    for (let hour = 1; ; hour++) {
      const now = next({ charge: 1 })
      const level = levelOf('lord', 0.01, runs + hour)
      if ((await alarmsOf(now, before, { wanted: real, method: 'lord', level })).size === 0 && hour < 100) continue
      delays.push(hour)
      break
    }
  }
  delays.sort((a, b) => a - b)
  t.diagnostic(
    `of ${streams} streams of ${runs} quiet runs ${alarmed.lord} ever alarmed under control, ${alarmed.none} without; ${rate} is stated`,
  )
  t.diagnostic(
    `charge + 1 sd from then on, ${perHour} rows an hour, windows of ${hoursKept} hours: alarmed after ${delays[streams >> 1]} hours (middle), ${delays.at(-1)} at most`,
  )
  assert.ok(binomialUpperTail(alarmed.lord, streams, rate) > 0.001)
  assert.ok(delays.at(-1)! <= hoursKept)
})
