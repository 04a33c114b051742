import { type RawBuilder, type SqlBool, sql } from 'kysely'
import { decodeCursor, type PageQuery } from '../../kernel/paging.ts'
import { toIso, toIsoOrNull } from '../../kernel/time.ts'
import type { Db } from '../../ports/metadata/metadata.ts'
import { ownerName, type ResourceRow, toResource } from '../auth/access.ts'
import { latestMetrics } from './metric-store.ts'
import type { Run } from './schema.ts'
import { experimentTables, type RunRow } from './tables.ts'

export type NamedRunRow = RunRow & { owner_name: string; experiment_name: string }
type NamedExperimentRow = ResourceRow & { owner_name: string; runs: number }

const experimentName = sql<string>`(select name from experiments where experiments.id = runs.experiment_id)`.as('experiment_name')
const runCount =
  sql<number>`(select cast(count(*) as integer) from runs where runs.experiment_id = experiments.id and runs.deleted_at is null)`.as(
    'runs',
  )

export const listExperiments = (
  db: Db,
  visible: RawBuilder<SqlBool>,
  query: PageQuery & { project?: string },
): Promise<NamedExperimentRow[]> =>
  newestFirst(
    experimentTables(db)
      .selectFrom('experiments')
      .selectAll()
      .select([ownerName('experiments'), runCount])
      .where(visible),
    'experiments',
    query,
  )

export const experimentById = (db: Db, id: string): Promise<NamedExperimentRow> =>
  experimentTables(db)
    .selectFrom('experiments')
    .selectAll()
    .select([ownerName('experiments'), runCount])
    .where('id', '=', id)
    .executeTakeFirstOrThrow()

export const toExperiment = (row: NamedExperimentRow) => ({ ...toResource(row), runs: row.runs })

export const runsById = (db: Db, ids: readonly string[]): Promise<NamedRunRow[]> =>
  experimentTables(db)
    .selectFrom('runs')
    .selectAll('runs')
    .select([ownerName('runs'), experimentName])
    .where('id', 'in', ids)
    .execute()

export interface RunSearch extends PageQuery {
  project?: string
  experiment?: string
  filter?: RawBuilder<SqlBool>
  order?: { by: RawBuilder<number | string | null>; direction: 'asc' | 'desc' }
}

/** Runs with the value they are ordered by as `key`; runs without one come last in both directions. */
export function searchRuns(
  db: Db,
  visible: RawBuilder<SqlBool>,
  query: RunSearch,
): Promise<(NamedRunRow & { key: number | string | null })[]> {
  const { order } = query
  const after = query.cursor ? decodeCursor(query.cursor) : null
  const key = order?.by ?? sql<number>`runs.created_at`
  const direction = order?.direction ?? 'desc'
  const id = sql.ref('runs.id')
  return experimentTables(db)
    .selectFrom('runs')
    .selectAll('runs')
    .select([ownerName('runs'), experimentName, key.as('key')])
    .where(visible)
    .$if(query.project !== undefined, (q) => q.where('project_id', '=', query.project!))
    .$if(query.experiment !== undefined, (q) => q.where('experiment_id', '=', query.experiment!))
    .$if(query.filter !== undefined, (q) => q.where(query.filter!))
    .$if(after !== null, (q) => {
      const [isNull, last, lastId] = after!
      const further = direction === 'desc' ? sql`<` : sql`>`
      if (isNull === 1) return q.where(sql<SqlBool>`(${key} is null and ${id} < ${lastId})`)
      return q.where(sql<SqlBool>`(${key} is null or ${key} ${further} ${last} or (${key} = ${last} and ${id} < ${lastId}))`)
    })
    .orderBy(sql`case when ${key} is null then 1 else 0 end`)
    .orderBy(key, direction)
    .orderBy('runs.id', 'desc')
    .limit(query.limit + 1)
    .execute() as Promise<(NamedRunRow & { key: number | string | null })[]>
}

/** Runs with their parameters and latest metrics: two queries however many runs. */
export async function withValues(db: Db, rows: readonly NamedRunRow[]): Promise<Run[]> {
  const ids = rows.map((row) => row.id)
  if (ids.length === 0) return []
  const [metrics, parameters] = await Promise.all([latestMetrics(db, ids), parametersOf(db, ids)])
  return rows.map((row) => ({
    ...toResource(row),
    experiment: row.experiment_id,
    experimentName: row.experiment_name,
    state: row.state,
    message: row.message,
    job: row.job_id,
    parameters: parameters.get(row.id) ?? {},
    metrics: metrics.get(row.id) ?? {},
    inputs: JSON.parse(row.inputs),
    artifacts: JSON.parse(row.artifacts),
    code: JSON.parse(row.code),
    environment: JSON.parse(row.environment),
    startedAt: toIso(row.started_at),
    endedAt: toIsoOrNull(row.ended_at),
  }))
}

async function parametersOf(db: Db, runIds: readonly string[]): Promise<Map<string, Record<string, unknown>>> {
  const found = new Map<string, Record<string, unknown>>()
  const rows = await experimentTables(db)
    .selectFrom('run_parameters')
    .selectAll()
    .where('run_id', 'in', runIds)
    .orderBy('name')
    .execute()
  for (const row of rows) found.set(row.run_id, { ...found.get(row.run_id), [row.name]: JSON.parse(row.value) })
  return found
}

/** Sets parameters of a run; one given again takes its new value. */
export async function setParameters(tx: Db, runId: string, parameters: Record<string, unknown>): Promise<void> {
  const rows = Object.entries(parameters).map(([name, value]) => ({
    run_id: runId,
    name,
    value: JSON.stringify(value ?? null),
    text_value: value === null || value === undefined ? null : typeof value === 'string' ? value : JSON.stringify(value),
    number_value: typeof value === 'number' && Number.isFinite(value) ? value : null,
  }))
  for (const row of rows)
    await experimentTables(tx)
      .insertInto('run_parameters')
      .values(row)
      .onConflict((conflict) => conflict.columns(['run_id', 'name']).doUpdateSet(row))
      .execute()
}

function newestFirst(query: any, table: string, { cursor, limit, project }: PageQuery & { project?: string }) {
  const after = cursor ? decodeCursor(cursor) : null
  let narrowed = query
  if (project !== undefined) narrowed = narrowed.where(`${table}.project_id`, '=', project)
  if (after)
    narrowed = narrowed.where(
      sql<SqlBool>`(${sql.ref(`${table}.created_at`)}, ${sql.ref(`${table}.id`)}) < (${after[0]}, ${after[1]})`,
    )
  return narrowed
    .orderBy(`${table}.created_at`, 'desc')
    .orderBy(`${table}.id`, 'desc')
    .limit(limit + 1)
    .execute()
}
