import type { Tables } from '../../ports/tables/tables.ts'
import type { Random } from '../evaluation/statistics/random.ts'
import { CheckInput, type CheckKind, checkKinds } from './checks/settings.ts'
import { type Control, levelOf } from './repeated-runs.ts'
import { type Found, judgeAll, lookAll } from './run-checks.ts'
import type { RepeatedRuns } from './schema.ts'
import { customer, type Drawn, lookedAt, many } from './testing.ts'
import { groupsOf, hourOf, type Service } from './testing-live.ts'

/** Every change counts as large, so that only the tests stand between a quiet window and an alarm. */
export const anySize: Record<CheckKind, object> = {
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
export const usualSize: Partial<Record<CheckKind, object>> = {
  multivariate_drift: { rows: 1000 },
  bias: { facets: ['region'] },
  operations: { p95Ms: 64 },
}
export const asked = (settings: Partial<Record<CheckKind, object>>, kinds: readonly CheckKind[] = checkKinds): CheckInput[] =>
  kinds.map((kind) => CheckInput.parse({ kind, settings: settings[kind] }))

export interface Before {
  trained: Drawn[]
  sealed: Drawn[]
}
export const quietBefore = (random: Random): Before => ({
  trained: many(1500, customer(), random),
  sealed: many(800, customer(), random),
})

export interface Window {
  rows: Drawn[]
  service?: Service
  hasTruth?: boolean
  random: Random
}

/** What each check finds in a window; nothing is judged yet, so that one look serves several levels. */
export function lookAt(
  { rows, service, hasTruth = true, random }: Window,
  before: Before,
  { wanted, tables, folder }: { wanted: readonly CheckInput[]; tables: Tables; folder: string },
): Promise<Found[]> {
  const looked = lookedAt(rows, before, {
    tables,
    grouped: () => groupsOf(rows, { tables, folder, hasTruth }),
    operations: async () => hourOf(random, service),
  })
  return lookAll(looked, wanted, () => {})
}

export const controlOf = (method: RepeatedRuns, rate: number, run: number): Control => ({
  method,
  rate,
  run,
  level: levelOf(method, rate, run),
})

/** The checks that alarm; each must have had its say. */
export function alarmsIn(found: readonly Found[], control: Control): Set<CheckKind> {
  const { checks } = judgeAll(found, control)
  const silent = checks.find(({ state }) => state === 'not_judged')
  if (silent) throw new Error(`${silent.kind}: ${silent.sentence}`)
  return new Set(checks.filter(({ state }) => state !== 'quiet').map(({ kind }) => kind))
}
