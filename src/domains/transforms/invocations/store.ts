import { type Kysely, type SqlBool, sql } from 'kysely'
import { decodeCursor, type PageQuery } from '../../../kernel/paging.ts'
import { toIso, toIsoOrNull } from '../../../kernel/time.ts'
import type { Db, Migration } from '../../../ports/metadata/metadata.ts'
import type { Invocation } from './schema.ts'

export interface InvocationRow {
  id: string
  endpoint_id: string
  endpoint_name: string
  project_id: string
  /** null: nobody was signed in. */
  owner_id: string | null
  idempotency_key: string | null
  state: Invocation['state']
  attempt: number
  /** Attempts that ended in a fault that may pass. */
  faults: number
  worker: string | null
  lease_until: number | null
  due_at: number
  waiting: string | null
  created_at: number
  expires_at: number
  started_at: number | null
  finished_at: number | null
  content_type: string
  /** JSON: headers that the answer depends on. */
  headers: string
  body_sha256: string
  body_bytes: number
  result_sha256: string | null
  result_bytes: number | null
  failure: string | null
  webhook_url: string | null
  webhook_state: 'waiting' | 'delivered' | 'failed' | null
  webhook_attempts: number
  webhook_due: number | null
  webhook_said: string | null
}

export interface QueueRow {
  endpoint_id: string
  concurrency: number
  max_attempts: number
  expires_seconds: number
  keep_days: number
  /** The id of the secret that webhooks are signed with. */
  secret: string | null
}

export const invocationTables = (db: Db): Kysely<{ invocations: InvocationRow; invocation_queues: QueueRow }> => db

export const usualQueue: Omit<QueueRow, 'endpoint_id'> = {
  concurrency: 2,
  max_attempts: 5,
  expires_seconds: 3600,
  keep_days: 7,
  secret: null,
}

export const invocationsMigrations: Migration[] = [{ name: 'invocations-001-create', up: createTables }]

async function createTables(db: Db): Promise<void> {
  await db.schema
    .createTable('invocations')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('endpoint_id', 'text', (c) => c.notNull().references('endpoints.id'))
    .addColumn('endpoint_name', 'text', (c) => c.notNull())
    .addColumn('project_id', 'text', (c) => c.notNull())
    .addColumn('owner_id', 'text')
    .addColumn('idempotency_key', 'text')
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('attempt', 'integer', (c) => c.notNull())
    .addColumn('faults', 'integer', (c) => c.notNull())
    .addColumn('worker', 'text')
    .addColumn('lease_until', 'bigint')
    .addColumn('due_at', 'bigint', (c) => c.notNull())
    .addColumn('waiting', 'text')
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('expires_at', 'bigint', (c) => c.notNull())
    .addColumn('started_at', 'bigint')
    .addColumn('finished_at', 'bigint')
    .addColumn('content_type', 'text', (c) => c.notNull())
    .addColumn('headers', 'text', (c) => c.notNull())
    .addColumn('body_sha256', 'text', (c) => c.notNull())
    .addColumn('body_bytes', 'bigint', (c) => c.notNull())
    .addColumn('result_sha256', 'text')
    .addColumn('result_bytes', 'bigint')
    .addColumn('failure', 'text')
    .addColumn('webhook_url', 'text')
    .addColumn('webhook_state', 'text')
    .addColumn('webhook_attempts', 'integer', (c) => c.notNull())
    .addColumn('webhook_due', 'bigint')
    .addColumn('webhook_said', 'text')
    .execute()
  await db.schema
    .createIndex('invocations_once')
    .on('invocations')
    .columns(['endpoint_id', 'owner_id', 'idempotency_key'])
    .unique()
    .where(sql<boolean>`idempotency_key is not null`)
    .execute()
  await db.schema
    .createIndex('invocations_due')
    .on('invocations')
    .columns(['due_at', 'id'])
    .where(sql<boolean>`state in ('queued', 'running')`)
    .execute()
  await db.schema.createIndex('invocations_newest').on('invocations').columns(['endpoint_id', 'created_at', 'id']).execute()
  await db.schema
    .createTable('invocation_queues')
    .addColumn('endpoint_id', 'text', (c) => c.primaryKey().references('endpoints.id'))
    .addColumn('concurrency', 'integer', (c) => c.notNull())
    .addColumn('max_attempts', 'integer', (c) => c.notNull())
    .addColumn('expires_seconds', 'integer', (c) => c.notNull())
    .addColumn('keep_days', 'integer', (c) => c.notNull())
    .addColumn('secret', 'text')
    .execute()
}

export const invocationById = (db: Db, id: string): Promise<InvocationRow | undefined> =>
  invocationTables(db).selectFrom('invocations').selectAll().where('id', '=', id).executeTakeFirst()

export const queueOf = async (db: Db, endpointId: string): Promise<QueueRow> =>
  (await invocationTables(db)
    .selectFrom('invocation_queues')
    .selectAll()
    .where('endpoint_id', '=', endpointId)
    .executeTakeFirst()) ?? { endpoint_id: endpointId, ...usualQueue }

/** Newest first, one more than the limit. */
export function listInvocations(
  db: Db,
  query: PageQuery & { endpoint: string; owner: string | null; all: boolean; state?: Invocation['state'] },
): Promise<InvocationRow[]> {
  const after = query.cursor ? decodeCursor(query.cursor) : null
  return invocationTables(db)
    .selectFrom('invocations')
    .selectAll()
    .where('endpoint_id', '=', query.endpoint)
    .$if(!query.all, (q) => q.where('owner_id', '=', query.owner ?? ''))
    .$if(query.state !== undefined, (q) => q.where('state', '=', query.state!))
    .$if(after !== null, (q) => q.where(sql<SqlBool>`(created_at, id) < (${after![0]}, ${after![1]})`))
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(query.limit + 1)
    .execute()
}

export function toInvocation(row: InvocationRow, result?: unknown): Invocation {
  const statusUrl = `/v1/invocations/${row.id}`
  return {
    id: row.id,
    endpoint: row.endpoint_id,
    endpointName: row.endpoint_name,
    state: row.state,
    attempt: row.attempt,
    statusUrl,
    createdAt: toIso(Number(row.created_at)),
    startedAt: toIsoOrNull(row.started_at && Number(row.started_at)),
    finishedAt: toIsoOrNull(row.finished_at && Number(row.finished_at)),
    expiresAt: toIso(Number(row.expires_at)),
    bodyBytes: Number(row.body_bytes),
    contentType: row.content_type,
    ...(result !== undefined && { result }),
    resultUrl: row.result_sha256 ? `${statusUrl}/result` : null,
    resultBytes: row.result_bytes === null ? null : Number(row.result_bytes),
    failure: row.failure ? JSON.parse(row.failure) : null,
    waiting: row.state === 'queued' ? row.waiting : null,
    webhook: row.webhook_url ? { url: row.webhook_url, state: row.webhook_state ?? 'waiting', said: row.webhook_said } : null,
  }
}
