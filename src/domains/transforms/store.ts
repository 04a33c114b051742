import { type Kysely, type RawBuilder, type SqlBool, sql } from 'kysely'
import type * as z from 'zod'
import { decodeCursor, type PageQuery } from '../../kernel/paging.ts'
import { toIsoOrNull } from '../../kernel/time.ts'
import type { Db } from '../../ports/metadata/metadata.ts'
import { ownerName, type ResourceRow, toResource } from '../auth/access.ts'
import type { TableOfVersion } from './batch/spec.ts'
import type { Transform, TransformInput, TransformResult } from './schema.ts'

/** What a transform was asked for, with what was settled when it was. */
export interface TransformSpec extends Omit<z.output<typeof TransformInput>, 'name' | 'project' | 'tags' | 'description'> {
  transform: string
  versionId: string
  /** `churn:3` */
  versionName: string
  /** The rows, where they are a data set's. */
  table: TableOfVersion | null
}

export interface TransformRow extends ResourceRow {
  state: Transform['state']
  job_id: string
  model_id: string
  model_name: string
  version_id: string
  version_number: number
  endpoint_id: string | null
  rows_said: string
  spec: string
  result: string | null
  failure: string | null
  finished_at: number | null
}
type FullRow = TransformRow & { owner_name: string; job_state: Transform['state'] | null }

export const transformTables = (db: Db): Kysely<{ transforms: TransformRow; jobs: { id: string; state: Transform['state'] } }> =>
  db

const withOwner = (db: Db) =>
  transformTables(db)
    .selectFrom('transforms')
    .leftJoin('jobs', 'jobs.id', 'transforms.job_id')
    .selectAll('transforms')
    .select('jobs.state as job_state')
    .select(ownerName('transforms'))

export const transformById = (db: Db, id: string): Promise<FullRow | undefined> =>
  withOwner(db).where('transforms.id', '=', id).executeTakeFirst()

/** Newest first, one more than the limit. */
export function listTransforms(
  db: Db,
  visible: RawBuilder<SqlBool>,
  query: PageQuery & { project?: string; endpoint?: string; model?: string },
): Promise<FullRow[]> {
  const after = query.cursor ? decodeCursor(query.cursor) : null
  return withOwner(db)
    .where(visible)
    .$if(query.project !== undefined, (q) => q.where('transforms.project_id', '=', query.project!))
    .$if(query.endpoint !== undefined, (q) => q.where('transforms.endpoint_id', '=', query.endpoint!))
    .$if(query.model !== undefined, (q) => q.where('transforms.model_id', '=', query.model!))
    .$if(after !== null, (q) => q.where(sql<SqlBool>`(transforms.created_at, transforms.id) < (${after![0]}, ${after![1]})`))
    .orderBy('transforms.created_at', 'desc')
    .orderBy('transforms.id', 'desc')
    .limit(query.limit + 1)
    .execute()
}

export function toTransform(row: FullRow): Transform {
  const spec = JSON.parse(row.spec) as TransformSpec
  // While it waits and runs, its job says how far it is.
  const state = row.state === 'queued' && row.job_state ? row.job_state : row.state
  return {
    ...toResource(row),
    state,
    job: row.job_id,
    model: row.model_id,
    modelName: row.model_name,
    version: row.version_id,
    versionNumber: row.version_number,
    endpoint: row.endpoint_id,
    rows: row.rows_said,
    input: spec.input as Record<string, unknown>,
    output: spec.output as Record<string, unknown>,
    keep: spec.keep,
    prefix: spec.prefix,
    onBad: spec.onBad,
    result: row.result ? (JSON.parse(row.result) as TransformResult) : null,
    failure: row.failure,
    finishedAt: toIsoOrNull(row.finished_at),
  }
}
