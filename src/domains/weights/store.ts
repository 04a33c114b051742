import { type Kysely, type RawBuilder, type SqlBool, sql } from 'kysely'
import { decodeCursor, type PageQuery } from '../../kernel/paging.ts'
import type { Db } from '../../ports/metadata/metadata.ts'
import { ownerName, type ResourceRow, toResource } from '../auth/access.ts'
import type { Weights } from './schema.ts'

export interface WeightsRow extends ResourceRow {
  state: Weights['state']
  job_id: string | null
  licence: string
  origin: string
  architecture: string | null
  parameters: number | null
  size_bytes: number
  /** { path, sha256, sizeBytes, sandboxOnly } */
  files: string
  notes: string
  provenance: string | null
}
type FullRow = WeightsRow & { owner_name: string }

export const weightsTables = (db: Db): Kysely<{ weights: WeightsRow }> => db

const withOwner = (db: Db) => weightsTables(db).selectFrom('weights').selectAll('weights').select(ownerName('weights'))

export const weightsById = (db: Db, id: string): Promise<FullRow> =>
  withOwner(db).where('weights.id', '=', id).executeTakeFirstOrThrow()

export function listWeights(db: Db, visible: RawBuilder<SqlBool>, query: PageQuery & { project?: string }): Promise<FullRow[]> {
  const after = query.cursor ? decodeCursor(query.cursor) : null
  return withOwner(db)
    .where(visible)
    .$if(query.project !== undefined, (q) => q.where('weights.project_id', '=', query.project!))
    .$if(after !== null, (q) => q.where(sql<SqlBool>`(weights.created_at, weights.id) < (${after![0]}, ${after![1]})`))
    .orderBy('weights.created_at', 'desc')
    .orderBy('weights.id', 'desc')
    .limit(query.limit + 1)
    .execute()
}

export const toWeights = (row: FullRow): Weights => ({
  ...toResource(row),
  state: row.state,
  job: row.job_id,
  licence: row.licence,
  origin: row.origin,
  architecture: row.architecture,
  parameters: row.parameters === null ? null : Number(row.parameters),
  sizeBytes: Number(row.size_bytes),
  files: JSON.parse(row.files),
  notes: JSON.parse(row.notes),
  provenance: row.provenance === null ? null : JSON.parse(row.provenance),
})
