import { type RawBuilder, type SqlBool, sql } from 'kysely'
import type * as z from 'zod'
import { decodeCursor, type PageQuery } from '../../kernel/paging.ts'
import { toIso, toIsoOrNull } from '../../kernel/time.ts'
import type { Db } from '../../ports/metadata/metadata.ts'
import { ownerName, toResource } from '../auth/access.ts'
import type { Loop, LoopPolicy, LoopRun } from './schema.ts'
import { type LoopRow, loopTables, type RunRow, type StepRow } from './tables.ts'

export type NamedLoopRow = LoopRow & {
  owner_name: string
  endpoint_name: string
  goal_name: string
  approval_by_project: number | null
}
export type NamedRunRow = RunRow & { loop_name: string; endpoint_name: string }

const named = (db: Db) =>
  loopTables(db)
    .selectFrom('loops')
    .selectAll('loops')
    .select(ownerName('loops'))
    .select([
      sql<string>`(select name from endpoints where endpoints.id = loops.endpoint_id)`.as('endpoint_name'),
      sql<string>`(select name from goals where goals.id = loops.goal_id)`.as('goal_name'),
      sql<number | null>`(select approval from loop_rules where loop_rules.project_id = loops.project_id)`.as(
        'approval_by_project',
      ),
    ])

export const loopById = (db: Db, id: string): Promise<NamedLoopRow | undefined> =>
  named(db).where('loops.id', '=', id).executeTakeFirst()

/** Newest first, one more than the limit. */
export function listLoops(
  db: Db,
  visible: RawBuilder<SqlBool>,
  query: PageQuery & { project?: string; endpoint?: string },
): Promise<NamedLoopRow[]> {
  const after = query.cursor ? decodeCursor(query.cursor) : null
  return named(db)
    .where(visible)
    .$if(query.project !== undefined, (q) => q.where('loops.project_id', '=', query.project!))
    .$if(query.endpoint !== undefined, (q) => q.where('loops.endpoint_id', '=', query.endpoint!))
    .$if(after !== null, (q) => q.where(sql<boolean>`(loops.created_at, loops.id) < (${after![0]}, ${after![1]})`))
    .orderBy('loops.created_at', 'desc')
    .orderBy('loops.id', 'desc')
    .limit(query.limit + 1)
    .execute()
}

const namedRuns = (db: Db) =>
  loopTables(db)
    .selectFrom('loop_runs')
    .selectAll('loop_runs')
    .select([
      sql<string>`(select name from loops where loops.id = loop_runs.loop_id)`.as('loop_name'),
      sql<string>`(select name from endpoints where endpoints.id = loop_runs.endpoint_id)`.as('endpoint_name'),
    ])

export const runById = (db: Db, id: string): Promise<NamedRunRow | undefined> =>
  namedRuns(db).where('loop_runs.id', '=', id).executeTakeFirst()

export const runByNumber = (db: Db, loopId: string, number: number): Promise<NamedRunRow | undefined> =>
  namedRuns(db).where('loop_id', '=', loopId).where('number', '=', number).executeTakeFirst()

/** Newest first, one more than the limit. */
export function listRuns(db: Db, loopId: string, query: PageQuery): Promise<NamedRunRow[]> {
  const before = query.cursor ? Number(decodeCursor(query.cursor, ['integer'])[0]) : null
  return namedRuns(db)
    .where('loop_id', '=', loopId)
    .$if(before !== null, (q) => q.where('number', '<', before!))
    .orderBy('number', 'desc')
    .limit(query.limit + 1)
    .execute()
}

export const latestRun = (db: Db, loopId: string): Promise<NamedRunRow | undefined> =>
  namedRuns(db).where('loop_id', '=', loopId).orderBy('number', 'desc').limit(1).executeTakeFirst()

export const openRunOf = (db: Db, endpointId: string): Promise<RunRow | undefined> =>
  loopTables(db)
    .selectFrom('loop_runs')
    .selectAll()
    .where('endpoint_id', '=', endpointId)
    .where('ended_at', 'is', null)
    .executeTakeFirst()

export const stepsOf = (db: Db, runId: string): Promise<StepRow[]> =>
  loopTables(db).selectFrom('loop_steps').selectAll().where('run_id', '=', runId).orderBy('seq').execute()

export const policyOf = (row: Pick<LoopRow | RunRow, 'policy'>): LoopPolicy => JSON.parse(row.policy) as LoopPolicy

export function toLoop(row: NamedLoopRow, last: NamedRunRow | undefined): z.infer<typeof Loop> {
  return {
    ...toResource(row),
    endpoint: row.endpoint_id,
    endpointName: row.endpoint_name,
    goal: row.goal_id,
    goalName: row.goal_name,
    enabled: row.enabled === 1,
    ...policyOf(row),
    approvalByProject: row.approval_by_project === 1,
    nextRunAt: toIsoOrNull(row.next_run_at),
    lastRun: last
      ? {
          id: last.id,
          number: last.number,
          state: last.state,
          step: last.step,
          outcome: last.outcome,
          sentence: last.sentence,
          startedAt: toIso(last.started_at),
          endedAt: toIsoOrNull(last.ended_at),
        }
      : null,
  }
}

export function toRun(row: NamedRunRow, steps: readonly StepRow[]): LoopRun {
  return {
    id: row.id,
    loop: row.loop_id,
    loopName: row.loop_name,
    number: row.number,
    project: row.project_id,
    endpoint: row.endpoint_id,
    endpointName: row.endpoint_name,
    goal: row.goal_id,
    trigger: JSON.parse(row.trigger),
    state: row.state,
    step: row.step,
    outcome: row.outcome,
    sentence: row.sentence,
    champion: { version: row.champion_version, name: row.champion_name },
    challenger: row.challenger_version ? { version: row.challenger_version, name: row.challenger_name ?? '' } : null,
    policy: policyOf(row),
    steps: steps.map((step) => ({
      step: step.step,
      state: step.state,
      sentence: step.sentence,
      startedAt: toIso(step.started_at),
      endedAt: toIsoOrNull(step.ended_at),
      evidence: JSON.parse(step.evidence),
    })),
    startedAt: toIso(row.started_at),
    endedAt: toIsoOrNull(row.ended_at),
  }
}
