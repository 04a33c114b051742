import { type Kysely, type RawBuilder, type SqlBool, sql } from 'kysely'
import type * as z from 'zod'
import { decodeCursor, type PageQuery } from '../../kernel/paging.ts'
import { toIso } from '../../kernel/time.ts'
import type { ServedBy } from '../../ports/inference/signature.ts'
import type { Db } from '../../ports/metadata/metadata.ts'
import { mentions, ownerName, type ResourceRow, toResource } from '../auth/access.ts'
import type { Signature } from '../registry/schema.ts'
import type { CapturePolicy, Endpoint } from './schema.ts'
import type { Variant } from './traffic/schema.ts'
import { trafficTables } from './traffic/store.ts'

export interface EndpointColumns {
  model_id: string
  model_name: string
  version_id: string
  version_number: number
  served: ServedBy
  trust: 'built' | 'imported'
  signature: string
  capture: string
  running: number
  message: string | null
  /** JSON of how a request is assigned to a variant; null: by chance. */
  sticky: string | null
  /** JSON of a ScalingPolicy; null: the usual. */
  scaling: string | null
  /** Models beside its own that are loaded at once. */
  max_loaded: number
  /** JSON list of the columns that versions read which this endpoint has served: whoever sends them makes no mistake. */
  known: string | null
}
export type EndpointRow = ResourceRow & EndpointColumns
export type NamedEndpointRow = EndpointRow & { owner_name: string }

export interface HistoryRow {
  endpoint_id: string
  seq: number
  version_id: string
  version_number: number
  model_id: string
  at: number
  by_name: string
}

export const endpointTables = (db: Db): Kysely<{ endpoints: EndpointRow; endpoint_history: HistoryRow }> => db

export const insertEndpoint = (tx: Db, row: EndpointRow) => endpointTables(tx).insertInto('endpoints').values(row).execute()

export const updateEndpoint = (tx: Db, id: string, changes: Partial<EndpointRow>) =>
  endpointTables(tx).updateTable('endpoints').set(changes).where('id', '=', id).execute()

export const endpointById = (db: Db, id: string): Promise<NamedEndpointRow | undefined> =>
  endpointTables(db).selectFrom('endpoints').selectAll().select(ownerName('endpoints')).where('id', '=', id).executeTakeFirst()

/** Endpoints that should answer, whoever owns them: for the start of the server. */
export const runningEndpoints = (db: Db): Promise<EndpointRow[]> =>
  endpointTables(db).selectFrom('endpoints').selectAll().where('running', '=', 1).where('deleted_at', 'is', null).execute()

/** Endpoints whose row changed since, also those that went. */
export const changedEndpoints = (db: Db, sinceMs: number): Promise<{ id: string; name: string }[]> =>
  endpointTables(db)
    .selectFrom('endpoints')
    .select(['id', 'name'])
    .where((eb) => eb.or([eb('updated_at', '>=', sinceMs), eb('deleted_at', '>=', sinceMs)]))
    .execute()

/** Every endpoint that there is or was, for what outlives its stop. */
export const allEndpoints = (db: Db): Promise<EndpointRow[]> => endpointTables(db).selectFrom('endpoints').selectAll().execute()

/** Whether another endpoint than this one still serves a version. */
export async function isServedElsewhere(tx: Db, versionId: string, endpointId: string): Promise<boolean> {
  const other = await endpointTables(tx)
    .selectFrom('endpoints')
    .select('id')
    .where('version_id', '=', versionId)
    .where('id', '!=', endpointId)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
  if (other) return true
  const variants = await trafficTables(tx)
    .selectFrom('endpoint_variants')
    .select('endpoint_id')
    .where('version_id', '=', versionId)
    .where('weight', '>', 0)
    .execute()
  if (variants.length === 0) return false
  const standing = await endpointTables(tx)
    .selectFrom('endpoints')
    .select('id')
    .where(
      'id',
      'in',
      variants.map((one) => one.endpoint_id),
    )
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
  return standing !== undefined
}

/** Newest first, one more than the limit. */
export function listEndpoints(
  db: Db,
  visible: RawBuilder<SqlBool>,
  query: PageQuery & { project?: string; model?: string; q?: string },
): Promise<NamedEndpointRow[]> {
  const after = query.cursor ? decodeCursor(query.cursor) : null
  return endpointTables(db)
    .selectFrom('endpoints')
    .selectAll('endpoints')
    .select(ownerName('endpoints'))
    .where(visible)
    .$if(query.project !== undefined, (q) => q.where('project_id', '=', query.project!))
    .$if(query.model !== undefined, (q) => q.where('model_id', '=', query.model!))
    .$if(query.q !== undefined, (q) => q.where(mentions('endpoints', query.q!)))
    .$if(after !== null, (q) => q.where(sql<boolean>`(created_at, id) < (${after![0]}, ${after![1]})`))
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(query.limit + 1)
    .execute()
}

/** Newest first. */
export const historyOf = (db: Db, endpointId: string): Promise<HistoryRow[]> =>
  endpointTables(db)
    .selectFrom('endpoint_history')
    .selectAll()
    .where('endpoint_id', '=', endpointId)
    .orderBy('seq', 'desc')
    .limit(100)
    .execute()

export async function noteDeployment(tx: Db, entry: Omit<HistoryRow, 'seq'>): Promise<void> {
  const last = await endpointTables(tx)
    .selectFrom('endpoint_history')
    .select('seq')
    .where('endpoint_id', '=', entry.endpoint_id)
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst()
  await endpointTables(tx)
    .insertInto('endpoint_history')
    .values({ ...entry, seq: (last?.seq ?? 0) + 1 })
    .execute()
}

export const signatureOf = (row: Pick<EndpointColumns, 'signature'>): Signature => JSON.parse(row.signature) as Signature
export const captureOf = (row: EndpointColumns): z.output<typeof CapturePolicy> => JSON.parse(row.capture)

export function toEndpoint(
  row: NamedEndpointRow,
  live: { state: z.infer<typeof Endpoint>['state']; message: string | null },
  history: readonly HistoryRow[],
  variants: Variant[],
): z.infer<typeof Endpoint> {
  return {
    ...toResource(row),
    state: live.state,
    message: live.message,
    model: row.model_id,
    modelName: row.model_name,
    version: row.version_id,
    versionNumber: row.version_number,
    served: row.served,
    signature: signatureOf(row),
    capture: captureOf(row),
    variants,
    url: `/v1/endpoints/${row.id}/predict`,
    history: history.map((entry) => ({
      version: entry.version_id,
      versionNumber: entry.version_number,
      at: toIso(entry.at),
      by: entry.by_name,
    })),
  }
}

/** Columns that callers may send because a version which this endpoint served reads them. */
export const knownOf = (row: Pick<EndpointColumns, 'known'>): string[] => (row.known === null ? [] : JSON.parse(row.known))

/** The same with the columns of another version. */
export const knownWith = (row: Pick<EndpointColumns, 'known'>, ...signatures: Signature[]): string =>
  JSON.stringify([...new Set([...knownOf(row), ...signatures.flatMap(({ inputs }) => inputs.map(({ name }) => name))])])
