import assert from 'node:assert/strict'
import { test } from 'node:test'
import { randomFrom } from '../evaluation/statistics/random.ts'
import { CheckInput, type CheckKind } from './checks/settings.ts'
import { runChecks } from './run-checks.ts'
import { binomialUpperTail } from './statistics/binomial.ts'
import { customer, type Drawn, lookedAt, many, type Shift } from './testing.ts'

const kinds = [
  'data_quality',
  'data_drift',
  'multivariate_drift',
  'prediction_drift',
  'performance',
  'performance_estimate',
  'explanation_drift',
  'embedding_drift',
] as const satisfies CheckKind[]

/** Every change counts as large, so that only the tests stand between a quiet window and an alarm. */
const anySize: Partial<Record<CheckKind, object>> = {
  data_quality: { warning: 0, alert: 0 },
  data_drift: { warning: 0, alert: 0 },
  multivariate_drift: { warning: 0, alert: 0, rows: 500 },
  prediction_drift: { warning: 0, alert: 0 },
  performance: { warning: 0, alert: 0 },
  performance_estimate: { warning: 0, alert: 0 },
  explanation_drift: { warning: 1, alert: 1 },
  embedding_drift: { warning: 0, alert: 0, rows: 200 },
}

const rate = 0.05
const windows = 200
const rowsNow = 300

function world(random: ReturnType<typeof randomFrom>) {
  return { trained: many(1500, customer(), random), sealed: many(800, customer(), random), falseAlarmRate: rate }
}

async function alarmsOf(now: Drawn[], before: ReturnType<typeof world>, wanted: CheckInput[]) {
  const { falseAlarmRate: level } = before
  const { checks } = await runChecks(lookedAt(now, before), wanted, {
    levelOfRun: async () => ({ method: 'none', rate: level, run: 1, level }),
    progress() {},
  })
  return new Set(checks.filter(({ state }) => state === 'warning' || state === 'alert').map(({ kind }) => kind))
}

test('200 quiet windows: each check alone, and all together, raise false alarms at most as often as is stated', {
  timeout: 1_500_000,
}, async (t) => {
  const random = randomFrom(42)
  const alone = new Map<CheckKind, number>(kinds.map((kind) => [kind, 0]))
  let together = 0
  let before = world(random)
  for (let w = 0; w < windows; w++) {
    if (w % 10 === 0) before = world(random)
    const now = many(rowsNow, customer(), random)
    const settings = (kind: CheckKind) => CheckInput.parse({ kind, settings: anySize[kind] })
    for (const kind of kinds) if ((await alarmsOf(now, before, [settings(kind)])).size > 0) alone.set(kind, alone.get(kind)! + 1)
    if ((await alarmsOf(now, before, kinds.map(settings))).size > 0) together++
  }
  for (const [kind, alarms] of [...alone, ['all together', together] as const]) {
    t.diagnostic(`${kind}: ${alarms} of ${windows} quiet windows, ${rate} is stated`)
    // So many would come less than once in a thousand times where the rate holds.
    assert.ok(binomialUpperTail(alarms, windows, rate) > 0.001, `${kind}: ${alarms} false alarms in ${windows} windows`)
  }
})

const shifts: [string, Shift][] = [
  ['charge + 0.1 sd', { charge: 0.1 }],
  ['charge + 0.3 sd', { charge: 0.3 }],
  ['charge + 0.5 sd', { charge: 0.5 }],
  ['charge + 1 sd', { charge: 1 }],
  ['charge missing in 5 % more', { missing: 0.05 }],
  ['charge missing in 15 % more', { missing: 0.15 }],
  ['a new plan in 3 %', { newPlan: 0.03 }],
  ['a new plan in 10 %', { newPlan: 0.1 }],
  ['charge untied from tenure', { untied: true }],
  ['30 % of truths by chance', { concept: 0.3 }],
  ['60 % of truths by chance', { concept: 0.6 }],
]
const powerWindows = 20
const powerRows = 1000

test('power: how often each check alarms at its usual bounds and 0.01, on stated shifts', { timeout: 1_500_000 }, async (t) => {
  const random = randomFrom(7)
  const usual = kinds.map((kind) =>
    CheckInput.parse({ kind, settings: kind === 'multivariate_drift' ? { rows: 1000 } : undefined }),
  )
  const power = new Map<string, Map<CheckKind, number>>()
  for (const [name, shift] of shifts) {
    const found = new Map<CheckKind, number>(kinds.map((kind) => [kind, 0]))
    for (let w = 0; w < powerWindows; w++) {
      const before = { ...world(random), falseAlarmRate: 0.01 }
      for (const kind of await alarmsOf(many(powerRows, customer(shift), random), before, usual))
        found.set(kind, found.get(kind)! + 1 / powerWindows)
    }
    power.set(name, found)
    t.diagnostic(`| ${name} | ${kinds.map((kind) => found.get(kind)!.toFixed(2)).join(' | ')} |`)
  }
  const of = (name: string, kind: CheckKind) => power.get(name)!.get(kind)!
  assert.ok(of('charge + 1 sd', 'data_drift') >= 0.95)
  assert.ok(of('charge untied from tenure', 'multivariate_drift') >= 0.9 && of('charge untied from tenure', 'data_drift') <= 0.1)
  assert.ok(of('charge missing in 15 % more', 'data_quality') >= 0.9)
  assert.ok(of('60 % of truths by chance', 'performance') >= 0.9)
})
