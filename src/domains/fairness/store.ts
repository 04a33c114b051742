import type { Kysely } from 'kysely'
import { toIso } from '../../kernel/time.ts'
import type { Db } from '../../ports/metadata/metadata.ts'
import { policySentence } from './policy.ts'
import type { BiasReport, Policy, PolicyInput } from './schema.ts'

export interface ReportRow {
  id: string
  project_id: string
  version_id: string
  report: string
  created_by: string
  created_at: number
}

export interface PolicyRow {
  id: string
  project_id: string
  name: string
  goal_id: string | null
  dataset_id: string | null
  policy: string
  created_by: string
  created_at: number
}

/** A policy without what the row holds in columns of its own. */
export type PolicyTerms = Pick<PolicyInput, 'facets' | 'intersections' | 'favourable' | 'minimumRows' | 'rules'>

const tablesOf = (db: Db): Kysely<{ bias_reports: ReportRow; bias_policies: PolicyRow }> => db

export const insertReport = (tx: Db, row: ReportRow) => tablesOf(tx).insertInto('bias_reports').values(row).execute()
export const deleteReport = (tx: Db, id: string) => tablesOf(tx).deleteFrom('bias_reports').where('id', '=', id).execute()
export const reportById = (db: Db, id: string): Promise<ReportRow | undefined> =>
  tablesOf(db).selectFrom('bias_reports').selectAll().where('id', '=', id).executeTakeFirst()

/** Newest first. */
export const reportsOf = (db: Db, versionId: string, limit: number): Promise<ReportRow[]> =>
  tablesOf(db)
    .selectFrom('bias_reports')
    .selectAll()
    .where('version_id', '=', versionId)
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit)
    .execute()

export const toReport = (row: ReportRow): BiasReport => ({ ...(JSON.parse(row.report) as BiasReport), id: row.id })

export const insertPolicy = (tx: Db, row: PolicyRow) => tablesOf(tx).insertInto('bias_policies').values(row).execute()
export const deletePolicy = (tx: Db, id: string) => tablesOf(tx).deleteFrom('bias_policies').where('id', '=', id).execute()
export const policyById = (db: Db, id: string): Promise<PolicyRow | undefined> =>
  tablesOf(db).selectFrom('bias_policies').selectAll().where('id', '=', id).executeTakeFirst()

export const policiesOf = (db: Db, projectId: string): Promise<PolicyRow[]> =>
  tablesOf(db).selectFrom('bias_policies').selectAll().where('project_id', '=', projectId).orderBy('name').limit(200).execute()

/** Those that bind a version: by its goal, or by the data set that it learnt from. */
export const policiesFor = (db: Db, version: { project: string; goal: string | null; dataset: string }): Promise<PolicyRow[]> =>
  tablesOf(db)
    .selectFrom('bias_policies')
    .selectAll()
    .where('project_id', '=', version.project)
    .where((eb) =>
      eb.and([
        eb.or([eb('goal_id', 'is', null), eb('goal_id', '=', version.goal)]),
        eb.or([eb('dataset_id', 'is', null), eb('dataset_id', '=', version.dataset)]),
      ]),
    )
    .orderBy('name')
    .execute()

export function toPolicy(row: PolicyRow): Policy {
  const terms = JSON.parse(row.policy) as PolicyTerms
  return {
    id: row.id,
    project: row.project_id,
    name: row.name,
    goal: row.goal_id,
    dataset: row.dataset_id,
    ...terms,
    createdBy: row.created_by,
    createdAt: toIso(row.created_at),
    sentence: policySentence(terms),
  }
}
