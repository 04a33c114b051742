import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { openDuckDb } from '../../ports/tables/duckdb.ts'
import { metricOf } from '../evaluation/statistics/metric.ts'
import { randomFrom } from '../evaluation/statistics/random.ts'
import { judgedAnswers } from './answers.ts'
import { CheckInput, type CheckKind, checkKinds } from './checks/settings.ts'
import { judgeAll } from './run-checks.ts'
import { answerOf, customer, many, type Shift, signature } from './testing.ts'
import type { Service } from './testing-live.ts'
import { alarmsIn, asked, controlOf, lookAt, quietBefore, usualSize } from './testing-windows.ts'

const tables = openDuckDb({ heavy: 1 })
const folder = await mkdtemp(join(tmpdir(), 'atoll-power-'))
after(async () => {
  await tables.close()
  await rm(folder, { recursive: true, force: true })
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
  ['nearer the border: 0.8 of the spread', { nearBorder: 0.8 }],
  ['nearer the border: 0.6 of the spread', { nearBorder: 0.6 }],
  ['tenures alike, charges twice as spread', { otherDrivers: true }],
  ['30 % of truths by chance', { concept: 0.3 }],
  ['60 % of truths by chance', { concept: 0.6 }],
  ['a third of one region refused', { unfair: 0.33 }],
  ['two thirds of one region refused', { unfair: 0.67 }],
  ['2 % of requests fail', {}, { errors: 0.02 }],
  ['3 % of requests fail', {}, { errors: 0.03 }],
  ['10 % of requests slow', {}, { slow: 0.1 }],
]
const windows = 10
const rowsNow = 1000
const levels = [controlOf('none', 0.01, 1), controlOf('lord', 0.01, 30)]

test('power: how often each check alarms at its usual bounds and 0.01, on stated shifts', { timeout: 1_500_000 }, async (t) => {
  const random = randomFrom(7)
  const power = levels.map(() => new Map<string, Map<CheckKind, number>>())
  for (const [name, shift, service] of shifts) {
    for (const found of power) found.set(name, new Map(checkKinds.map((kind) => [kind, 0])))
    for (let w = 0; w < windows; w++) {
      const window = { rows: many(rowsNow, customer(shift), random), service, random }
      const found = await lookAt(window, quietBefore(random), { wanted: asked(usualSize), tables, folder })
      for (const [l, level] of levels.entries()) {
        const of = power[l]!.get(name)!
        for (const kind of alarmsIn(found, level)) of.set(kind, of.get(kind)! + 1 / windows)
      }
    }
  }
  for (const [l, { method, run }] of levels.entries()) {
    t.diagnostic(`${method}, run ${run}: | shift | ${checkKinds.join(' | ')} |`)
    for (const [name, of] of power[l]!) t.diagnostic(`| ${name} | ${[...of.values()].map((one) => one.toFixed(2)).join(' | ')} |`)
  }
  for (const found of power) {
    const of = (name: string, kind: CheckKind) => found.get(name)!.get(kind)!
    assert.ok(of('charge + 1 sd', 'data_drift') >= 0.95)
    assert.ok(of('charge untied from tenure', 'data_drift') <= 0.1)
    assert.ok(of('charge missing in 15 % more', 'data_quality') >= 0.9)
    assert.ok(of('60 % of truths by chance', 'performance') >= 0.9)
    assert.ok(of('nearer the border: 0.6 of the spread', 'performance_estimate') >= 0.9)
    assert.ok(of('tenures alike, charges twice as spread', 'explanation_drift') >= 0.9)
    assert.ok(of('two thirds of one region refused', 'bias') >= 0.9)
    assert.ok(of('3 % of requests fail', 'operations') >= 0.8)
  }
  assert.ok(power[0]!.get('charge untied from tenure')!.get('multivariate_drift')! >= 0.9)
})

test('the estimate without truth is near what the truth tells, where the inputs alone have shifted', {
  timeout: 600_000,
}, async (t) => {
  const random = randomFrom(11)
  const wanted = [CheckInput.parse({ kind: 'performance_estimate', settings: { metric: 'roc_auc' } })]
  for (const nearBorder of [1, 0.8, 0.6]) {
    let [estimated, actual, apart] = [0, 0, 0]
    for (let w = 0; w < windows; w++) {
      const rows = many(rowsNow, customer({ nearBorder }), random)
      const found = await lookAt({ rows, random }, quietBefore(random), { wanted, tables, folder })
      const value = judgeAll(found, levels[0]!).checks[0]!.evidence.figures[0]!.value!
      const answers = rows.map((one) => answerOf(one))
      const known = metricOf('roc_auc', judgedAnswers(signature, answers))()
      estimated += value / windows
      actual += known / windows
      apart += Math.abs(value - known) / windows
    }
    const figures = `${estimated.toFixed(3)} estimated, ${actual.toFixed(3)} by the truth, ${apart.toFixed(3)} apart on average`
    t.diagnostic(`spread ${nearBorder}: ROC AUC ${figures}`)
    assert.ok(Math.abs(estimated - actual) < 0.02, figures)
  }
})
