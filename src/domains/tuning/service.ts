import { invalidInput, notFound } from '../../kernel/errors.ts'
import { newId } from '../../kernel/ids.ts'
import type { Principal } from '../../kernel/principal.ts'
import { toIso } from '../../kernel/time.ts'
import type { Db, Metadata } from '../../ports/metadata/metadata.ts'
import type { Access } from '../auth/access.ts'
import { lowerIsBetter } from '../goals/schema.ts'
import { frontOf } from './front.ts'
import type { Search, Trial } from './schema.ts'
import { type SearchRow, trialsOf, tuningTables, upsertTrials } from './store.ts'

export interface TuningNeeds {
  metadata: Metadata
  access: Access
}

export type TuningService = ReturnType<typeof tuningService>

/** What a search hands on to a later one that starts where it ended: the best first. */
export interface WarmStart {
  /** What its trials were scored on. */
  fingerprint: string | null
  trials: { algorithm: string; params: Record<string, unknown>; score: number }[]
}

const mostWarmTrials = 500

/** Searches for parameters: what was tried, how it did, and what a later search may start from. Seen by whoever sees the run. */
export function tuningService({ metadata, access }: TuningNeeds) {
  const { db } = metadata

  async function open(
    tx: Db,
    search: {
      id?: string
      job: string
      run: string
      metric: string
      strategy: string
      objectives?: Search['objectives']
      fingerprint?: string
    },
  ): Promise<string> {
    const id = search.id ?? newId('srch')
    await tuningTables(tx)
      .insertInto('searches')
      .values({
        id,
        job_id: search.job,
        run_id: search.run,
        metric: search.metric,
        strategy: search.strategy,
        created_at: Date.now(),
        objectives: search.objectives?.length ? JSON.stringify(search.objectives) : null,
        fingerprint: search.fingerprint ?? null,
      })
      .execute()
    return id
  }

  const record = (searchId: string, trials: readonly Trial[]): Promise<void> =>
    metadata.transaction((tx) => upsertTrials(tx, searchId, trials))

  async function find(by: Principal, ref: string): Promise<SearchRow> {
    const row = await tuningTables(db)
      .selectFrom('searches')
      .selectAll()
      .where((eb) => eb.or([eb('id', '=', ref), eb('job_id', '=', ref)]))
      .executeTakeFirst()
    if (!row) throw notFound('search', ref)
    await access.resolve('runs', by, row.run_id).catch(() => {
      throw notFound('search', ref)
    })
    return row
  }

  /** By its own id or that of its job. */
  async function get(by: Principal, ref: string): Promise<Search> {
    const row = await find(by, ref)
    const trials = await trialsOf(db, row.id)
    const greaterIsBetter = !lowerIsBetter.has(row.metric)
    const objectives = row.objectives === null ? [] : (JSON.parse(row.objectives) as Search['objectives'])
    return {
      id: row.id,
      job: row.job_id,
      run: row.run_id,
      metric: row.metric,
      greaterIsBetter,
      strategy: row.strategy,
      trials,
      best: ranked(trials, greaterIsBetter)[0] ?? null,
      objectives,
      front: frontOf(trials, objectives),
      createdAt: toIso(row.created_at),
    }
  }

  /** The complete trials of an earlier search for the same metric, the best first. */
  async function warmStart(by: Principal, ref: string, metric: string): Promise<WarmStart> {
    const search = await get(by, ref)
    if (search.metric !== metric)
      throw invalidInput(
        `The search "${ref}" looked for the best ${search.metric}; one for ${metric} cannot start from its scores.`,
        {
          field: 'search.warmStartFrom',
        },
      )
    const trials = ranked(search.trials, search.greaterIsBetter)
      .slice(0, mostWarmTrials)
      .map(({ algorithm, params, score }) => ({ algorithm, params, score: score! }))
    return { fingerprint: (await find(by, ref)).fingerprint, trials }
  }

  return { open, record, get, warmStart }
}

const ranked = (trials: Trial[], greaterIsBetter: boolean): Trial[] =>
  trials
    .filter((trial) => trial.state === 'complete' && trial.score !== null)
    .sort((a, b) => (greaterIsBetter ? b.score! - a.score! : a.score! - b.score!) || a.trial - b.trial)
