import { type Kysely, type RawBuilder, type SqlBool, sql } from 'kysely'
import { decodeCursor, type PageQuery } from '../../kernel/paging.ts'
import type { Db } from '../../ports/metadata/metadata.ts'
import { ownerName, type ResourceRow, toResource } from '../auth/access.ts'
import { goalSentence } from './outcome.ts'
import type { Goal, Metric, Task } from './schema.ts'

export interface GoalColumns {
  dataset_id: string
  target: string
  task: Task
  positive: string | null
  metric: Metric
  at_least: number | null
  at_most: number | null
  cost_false_positive: number | null
  cost_false_negative: number | null
  split_id: string | null
}
export type GoalRow = ResourceRow & GoalColumns
export type NamedGoalRow = GoalRow & { owner_name: string; dataset_name: string | null }

const goalTables = (db: Db): Kysely<{ goals: GoalRow }> => db

/** A goal is stored without its data set's name, which may change. */
const datasetName = sql<string | null>`(select name from datasets where datasets.id = goals.dataset_id)`.as('dataset_name')

export const insertGoal = (tx: Db, row: GoalRow) => goalTables(tx).insertInto('goals').values(row).execute()

export const updateGoal = (tx: Db, id: string, changes: Partial<GoalRow>) =>
  goalTables(tx).updateTable('goals').set(changes).where('id', '=', id).execute()

export async function goalById(db: Db, id: string): Promise<NamedGoalRow | undefined> {
  const [row] = await goalsById(db, [id])
  return row
}

/** Goals by id, those in the bin included: what was judged by a goal stays judged by it. */
export async function goalsById(db: Db, ids: readonly string[]): Promise<NamedGoalRow[]> {
  if (ids.length === 0) return []
  return goalTables(db)
    .selectFrom('goals')
    .selectAll('goals')
    .select([ownerName('goals'), datasetName])
    .where('id', 'in', ids)
    .execute()
}

/** Visible goals with one of these ids, or judged on one of these splits. */
export const listGoalsAt = (db: Db, visible: RawBuilder<SqlBool>, ids: readonly string[]): Promise<NamedGoalRow[]> =>
  goalTables(db)
    .selectFrom('goals')
    .selectAll('goals')
    .select([ownerName('goals'), datasetName])
    .where(visible)
    .where((eb) => eb.or([eb('id', 'in', ids), eb('split_id', 'in', ids)]))
    .limit(200)
    .execute()

/** Newest first, one more than the limit. */
export function listGoals(
  db: Db,
  visible: RawBuilder<SqlBool>,
  query: PageQuery & { project?: string; dataset?: string },
): Promise<NamedGoalRow[]> {
  const after = query.cursor ? decodeCursor(query.cursor) : null
  return goalTables(db)
    .selectFrom('goals')
    .selectAll('goals')
    .select([ownerName('goals'), datasetName])
    .where(visible)
    .$if(query.project !== undefined, (q) => q.where('project_id', '=', query.project!))
    .$if(query.dataset !== undefined, (q) => q.where('dataset_id', '=', query.dataset!))
    .$if(after !== null, (q) => q.where(sql<boolean>`(created_at, id) < (${after![0]}, ${after![1]})`))
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(query.limit + 1)
    .execute()
}

export function toGoal(row: NamedGoalRow): Goal {
  const contract = {
    target: row.target || null,
    task: row.task,
    positive: row.positive,
    metric: row.metric,
    atLeast: row.at_least,
    atMost: row.at_most,
    costFalsePositive: row.cost_false_positive,
    costFalseNegative: row.cost_false_negative,
  }
  return {
    ...toResource(row),
    ...contract,
    dataset: row.dataset_id,
    datasetName: row.dataset_name ?? row.dataset_id,
    split: row.split_id,
    sentence: goalSentence(contract),
  }
}
