import type { Kysely } from 'kysely'
import type { Db } from '../../ports/metadata/metadata.ts'
import type { Trial } from './schema.ts'

export interface SearchRow {
  id: string
  job_id: string
  run_id: string
  metric: string
  strategy: string
  created_at: number
  /** JSON; null where the metric is all. */
  objectives: string | null
  /** What its trials were scored on: equal ones have comparable scores. */
  fingerprint: string | null
}
interface TrialRow {
  search_id: string
  trial: number
  algorithm: string
  params: string
  state: Trial['state']
  score: number | null
  std: number | null
  folds: string
  seconds: number | null
  reason: string | null
  objectives: string | null
}

export const tuningTables = (db: Db): Kysely<{ searches: SearchRow; search_trials: TrialRow }> => db

/** Writes trials as they stand now: a trial that goes on, or that a later attempt runs again, takes the place of what was there. */
export async function upsertTrials(tx: Db, searchId: string, trials: readonly Trial[]): Promise<void> {
  for (const trial of trials) {
    const row: TrialRow = {
      search_id: searchId,
      trial: trial.trial,
      algorithm: trial.algorithm,
      params: JSON.stringify(trial.params),
      state: trial.state,
      score: trial.score,
      std: trial.std,
      folds: JSON.stringify(trial.folds),
      seconds: trial.seconds,
      reason: trial.reason,
      objectives: trial.objectives && JSON.stringify(trial.objectives),
    }
    await tuningTables(tx)
      .insertInto('search_trials')
      .values(row)
      .onConflict((conflict) => conflict.columns(['search_id', 'trial']).doUpdateSet(row))
      .execute()
  }
}

export async function trialsOf(db: Db, searchId: string): Promise<Trial[]> {
  const rows = await tuningTables(db)
    .selectFrom('search_trials')
    .selectAll()
    .where('search_id', '=', searchId)
    .orderBy('trial')
    .execute()
  return rows.map(({ search_id: _, params, folds, objectives, ...row }) => ({
    ...row,
    params: JSON.parse(params),
    folds: JSON.parse(folds),
    objectives: objectives === null ? null : JSON.parse(objectives),
  }))
}
