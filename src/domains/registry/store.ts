import { type RawBuilder, type SqlBool, sql } from 'kysely'
import { decodeCursor, type PageQuery } from '../../kernel/paging.ts'
import { toIso, toIsoOrNull } from '../../kernel/time.ts'
import type { Db } from '../../ports/metadata/metadata.ts'
import { mentions, ownerName } from '../auth/access.ts'
import type { GoalOutcome } from '../goals/schema.ts'
import type { ModelVersion } from './schema.ts'
import { type ModelRow, registryTables, type VersionRow } from './tables.ts'

export type NamedModelRow = ModelRow & { owner_name: string }
export type NamedVersionRow = VersionRow & { model_name: string; project_id: string }

export function listModels(
  db: Db,
  visible: RawBuilder<SqlBool>,
  query: PageQuery & { project?: string; target?: string; q?: string },
): Promise<NamedModelRow[]> {
  const after = query.cursor ? decodeCursor(query.cursor) : null
  return registryTables(db)
    .selectFrom('models')
    .selectAll('models')
    .select(ownerName('models'))
    .where(visible)
    .$if(query.project !== undefined, (q) => q.where('project_id', '=', query.project!))
    .$if(query.q !== undefined, (q) => q.where(mentions('models', query.q!)))
    .$if(query.target !== undefined, (q) => q.where('target', '=', query.target!))
    .$if(after !== null, (q) => q.where(sql<SqlBool>`(models.created_at, models.id) < (${after![0]}, ${after![1]})`))
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(query.limit + 1)
    .execute()
}

export const modelById = (db: Db, id: string): Promise<NamedModelRow> =>
  registryTables(db)
    .selectFrom('models')
    .selectAll('models')
    .select(ownerName('models'))
    .where('id', '=', id)
    .executeTakeFirstOrThrow()

const versionsWithModel = (db: Db) =>
  registryTables(db)
    .selectFrom('model_versions')
    .innerJoin('models', 'models.id', 'model_versions.model_id')
    .selectAll('model_versions')
    .select(['models.name as model_name', 'models.project_id as project_id'])

export const versionById = (db: Db, id: string): Promise<NamedVersionRow | undefined> =>
  versionsWithModel(db).where('model_versions.id', '=', id).executeTakeFirst()

export const versionByNumber = (db: Db, modelId: string, number: number): Promise<NamedVersionRow | undefined> =>
  versionsWithModel(db).where('model_id', '=', modelId).where('number', '=', number).executeTakeFirst()

/** Versions of some models, newest first. */
export const versionsOfModels = (db: Db, modelIds: readonly string[]): Promise<NamedVersionRow[]> =>
  modelIds.length === 0
    ? Promise.resolve([])
    : versionsWithModel(db).where('model_id', 'in', modelIds).orderBy('number', 'desc').execute()

/** The newest version of each model, and its newest deployed or else approved one: two rows a model at most. */
export async function leadingVersions(db: Db, modelIds: readonly string[]): Promise<NamedVersionRow[]> {
  if (modelIds.length === 0) return []
  const newest = (where: RawBuilder<SqlBool>) =>
    sql<SqlBool>`model_versions.number = (select max(v.number) from model_versions v where v.model_id = model_versions.model_id and ${where})`
  return versionsWithModel(db)
    .where('model_id', 'in', modelIds)
    .where((eb) =>
      eb.or([
        newest(sql<SqlBool>`1 = 1`),
        newest(sql<SqlBool>`v.state = 'deployed'`),
        newest(sql<SqlBool>`v.state = 'approved'`),
      ]),
    )
    .execute()
}

export function listVersions(db: Db, modelId: string, query: PageQuery): Promise<NamedVersionRow[]> {
  const before = query.cursor ? Number(decodeCursor(query.cursor)[0]) : null
  return versionsWithModel(db)
    .where('model_id', '=', modelId)
    .$if(before !== null, (q) => q.where('number', '<', before!))
    .orderBy('number', 'desc')
    .limit(query.limit + 1)
    .execute()
}

/** Versions of a project that were made from others, oldest first. */
export const derivedVersions = (db: Db, visible: RawBuilder<SqlBool>, projectId: string): Promise<NamedVersionRow[]> =>
  versionsWithModel(db)
    .where('project_id', '=', projectId)
    .where('derived', 'is not', null)
    .where('model_versions.state', '!=', 'archived')
    .where(visible)
    .orderBy('model_versions.created_at')
    .limit(1000)
    .execute()

/** Versions judged by a goal whose models are visible, newest first. */
export const versionsOfGoal = (db: Db, visible: RawBuilder<SqlBool>, goalId: string, limit: number): Promise<NamedVersionRow[]> =>
  versionsWithModel(db)
    .where('goal_id', '=', goalId)
    .where(visible)
    .orderBy('model_versions.created_at', 'desc')
    .orderBy('model_versions.id', 'desc')
    .limit(limit)
    .execute()

/** The next version number of a model; taking it makes concurrent registrations wait for each other. */
export async function takeNumber(tx: Db, modelId: string): Promise<number> {
  const { versions } = await registryTables(tx)
    .updateTable('models')
    .set((eb) => ({ versions: eb('versions', '+', 1), updated_at: Date.now() }))
    .where('id', '=', modelId)
    .returning('versions')
    .executeTakeFirstOrThrow()
  return versions
}

export function toVersion(row: NamedVersionRow, goalOutcome: GoalOutcome | null): ModelVersion {
  return {
    id: row.id,
    model: row.model_id,
    modelName: row.model_name,
    project: row.project_id,
    number: row.number,
    state: row.state,
    task: row.task,
    algorithm: row.algorithm,
    target: row.target || null,
    goal: row.goal_id,
    goalOutcome,
    dataset: row.dataset_id,
    datasetVersion: row.dataset_version_id,
    split: row.split_id,
    run: row.run_id,
    job: row.job_id,
    manifest: JSON.parse(row.manifest),
    signature: JSON.parse(row.signature),
    validation: JSON.parse(row.validation),
    test: JSON.parse(row.test),
    parity: row.parity === null ? null : JSON.parse(row.parity),
    sealedOpenedAt: toIsoOrNull(row.sealed_opened_at),
    override: row.override === null ? null : JSON.parse(row.override),
    derived: row.derived === null ? null : JSON.parse(row.derived),
    createdAt: toIso(row.created_at),
  }
}
