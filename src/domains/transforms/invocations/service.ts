import type { Readable } from 'node:stream'
import type * as z from 'zod'
import { conflict, notFound, PlatformError, preconditionFailed } from '../../../kernel/errors.ts'
import { isId, newId } from '../../../kernel/ids.ts'
import { type Page, toPage } from '../../../kernel/paging.ts'
import type { Principal } from '../../../kernel/principal.ts'
import type { StreamReply } from '../../../kernel/route.ts'
import type { BlobStore } from '../../../ports/blobs/blob-store.ts'
import { isUniqueViolation } from '../../../ports/metadata/database-errors.ts'
import type { Metadata } from '../../../ports/metadata/metadata.ts'
import type { Outbound } from '../../../ports/outbound/outbound.ts'
import { isWebhookSecret, newWebhookSecret } from '../../../ports/outbound/webhook-signature.ts'
import type { Secrets } from '../../../ports/secrets/secrets.ts'
import type { Access } from '../../auth/access.ts'
import { audit } from '../../auth/audit.ts'
import { refuseStopped } from '../../endpoints/predict.ts'
import type { EndpointsService } from '../../endpoints/service.ts'
import type { EndpointRow } from '../../endpoints/store.ts'
import type { Invocation, InvocationList, InvocationQuery, Queue, QueueInput } from './schema.ts'
import {
  type InvocationRow,
  invocationById,
  invocationTables,
  listInvocations,
  type QueueRow,
  queueOf,
  toInvocation,
} from './store.ts'
import { webhooks } from './webhooks.ts'
import { invocationWorker } from './worker.ts'

export interface InvocationsNeeds {
  metadata: Metadata
  access: Access
  blobs: BlobStore
  outbound: Pick<Outbound, 'fetchOut' | 'requireAllowed'>
  secrets: Secrets
  endpoints: Pick<EndpointsService, 'predictText'>
  principalOf(userId: string): Promise<Principal>
  onError(error: unknown, doing: string): void
}

export type InvocationsService = ReturnType<typeof invocationsService>

/** The largest body of a request that is answered later. */
export const maxInvocationBytes = 128 * 2 ** 20
/** What one endpoint may have waiting: beyond, the caller is to come back later. */
const mostWaiting = 10_000
/** A result of at most so many bytes is told with its invocation. */
const inlineBytes = 256 * 1024

/** Headers of the request that the answer may depend on. */
const keptHeaders = ['x-atoll-variant'] as const

/** Requests that are answered later: accepted here, answered by a worker through the endpoint's own predictor, once. */
export function invocationsService(needs: InvocationsNeeds) {
  const { metadata, access, blobs, outbound, secrets } = needs
  const { db } = metadata
  const hooks = webhooks(needs)
  const worker = invocationWorker({ ...needs, afterwards: () => hooks.wake() })

  async function submit(
    by: Principal,
    ref: string,
    request: {
      body: Readable
      headers: Record<string, string | string[] | undefined>
      query: z.output<typeof InvocationQuery>
    },
  ): Promise<Invocation> {
    const { query, headers } = request
    const endpoint = await access.resolve<EndpointRow>('endpoints', by, ref, query.project)
    await access.authorize(by, 'endpoints:predict', endpoint)
    refuseStopped(endpoint)
    const queue = await queueOf(db, endpoint.id)
    if (query.webhook !== undefined) {
      if (queue.secret === null)
        throw preconditionFailed(
          `The queue of "${endpoint.name}" has no secret to sign webhooks with. Make one: POST /v1/endpoints/${endpoint.id}/queue/secret.`,
          { endpoint: endpoint.id },
        )
      await outbound.requireAllowed(query.webhook)
    }
    await refuseFull(endpoint)
    const { sha256, sizeBytes } = await blobs.put(request.body, { maxBytes: maxInvocationBytes })
    if (sizeBytes === 0) throw new PlatformError('invalid_input', 'The body is empty. Send rows, or a file.', { field: 'body' })
    const now = Date.now()
    const row: InvocationRow = {
      id: newId('inv', now),
      endpoint_id: endpoint.id,
      endpoint_name: endpoint.name,
      project_id: endpoint.project_id,
      owner_id: by.userId,
      idempotency_key: keyOf(headers['idempotency-key']),
      state: 'queued',
      attempt: 0,
      faults: 0,
      worker: null,
      lease_until: null,
      due_at: now,
      waiting: null,
      created_at: now,
      expires_at: now + 1000 * (query.expiresInSeconds ?? queue.expires_seconds),
      started_at: null,
      finished_at: null,
      content_type: String(headers['content-type'] ?? 'application/json').slice(0, 200),
      headers: JSON.stringify(Object.fromEntries(keptHeaders.flatMap((name) => (headers[name] ? [[name, headers[name]]] : [])))),
      body_sha256: sha256,
      body_bytes: sizeBytes,
      result_sha256: null,
      result_bytes: null,
      failure: null,
      webhook_url: query.webhook ?? null,
      webhook_state: query.webhook === undefined ? null : 'waiting',
      webhook_attempts: 0,
      webhook_due: null,
      webhook_said: null,
    }
    try {
      await metadata.transaction(async (tx) => {
        await invocationTables(tx).insertInto('invocations').values(row).execute()
      })
    } catch (error) {
      if (row.idempotency_key === null || !isUniqueViolation(error)) throw error
      return wire(await sameAsBefore(row))
    }
    worker.wake()
    return toInvocation(row)
  }

  async function refuseFull({ id, name }: EndpointRow): Promise<void> {
    const { waiting } = await counts(id)
    if (waiting < mostWaiting) return
    throw new PlatformError('rate_limited', `${waiting} invocations of "${name}" are waiting already. Come back later.`, {
      retryAfterSeconds: 30,
    })
  }

  /** The invocation of the same key; refuses another body under it. */
  async function sameAsBefore(row: InvocationRow): Promise<InvocationRow> {
    const before = await invocationTables(db)
      .selectFrom('invocations')
      .selectAll()
      .where('endpoint_id', '=', row.endpoint_id)
      .where('owner_id', '=', row.owner_id ?? '')
      .where('idempotency_key', '=', row.idempotency_key)
      .executeTakeFirstOrThrow()
    if (before.body_sha256 === row.body_sha256) return before
    throw conflict('This Idempotency-Key was used with another body. Take a new key.', { invocation: before.id })
  }

  /** Whose it is, and who may change the endpoint, see it; for all others it is not there. */
  async function find(by: Principal, id: string): Promise<InvocationRow> {
    const row = isId(id) ? await invocationById(db, id) : undefined
    if (!row) throw notFound('invocation', id)
    const endpoint = await access
      .resolve<EndpointRow>('endpoints', by, row.endpoint_id)
      .catch(() => Promise.reject(notFound('invocation', id)))
    if (row.owner_id === by.userId) return row
    const role = await access.roleIn(by, endpoint.project_id)
    if (role !== 'editor' && role !== 'admin') throw notFound('invocation', id)
    return row
  }

  async function wire(row: InvocationRow): Promise<Invocation> {
    const isSmall = row.result_sha256 !== null && Number(row.result_bytes) <= inlineBytes
    return toInvocation(
      row,
      isSmall ? JSON.parse(Buffer.from(await blobs.bytes(row.result_sha256!)).toString('utf8')) : undefined,
    )
  }

  async function result(by: Principal, id: string): Promise<StreamReply> {
    const row = await find(by, id)
    if (row.result_sha256 === null)
      throw preconditionFailed(`There is no result: the invocation is ${row.state}.`, { invocation: id, state: row.state })
    return {
      contentType: 'application/json; charset=utf-8',
      body: await blobs.get(row.result_sha256),
      sizeBytes: Number(row.result_bytes),
      filename: `${row.id}.json`,
    }
  }

  async function list(by: Principal, ref: string, query: z.output<typeof InvocationList>): Promise<Page<Invocation>> {
    const endpoint = await access.resolve<EndpointRow>('endpoints', by, ref, query.project)
    await access.authorize(by, 'endpoints:predict', endpoint)
    const role = await access.roleIn(by, endpoint.project_id)
    const all = role === 'editor' || role === 'admin'
    const rows = await listInvocations(db, { ...query, endpoint: endpoint.id, owner: by.userId, all })
    const page = toPage(rows, query.limit, (row) => [Number(row.created_at), row.id])
    return { ...page, items: page.items.map((row) => toInvocation(row)) }
  }

  /** One that waits is over at once; one that runs is left alone by its worker, whose answer is not taken any more. */
  async function cancel(by: Principal, id: string): Promise<Invocation> {
    const row = await find(by, id)
    const done = await invocationTables(db)
      .updateTable('invocations')
      .set({ state: 'cancelled', finished_at: Date.now(), lease_until: null, ...hooks.owed(row) })
      .where('id', '=', id)
      .where('state', 'in', ['queued', 'running'])
      .executeTakeFirst()
    if (Number(done.numUpdatedRows) === 0)
      throw preconditionFailed(`The invocation is over: ${(await find(by, id)).state}.`, { invocation: id })
    worker.drop(id)
    hooks.wake()
    return wire((await invocationById(db, id))!)
  }

  async function counts(endpointId: string): Promise<{ waiting: number; running: number; oldest: number | null }> {
    const rows = await invocationTables(db)
      .selectFrom('invocations')
      .select((eb) => ['state', eb.fn.countAll().as('count'), eb.fn.min('created_at').as('oldest')])
      .where('endpoint_id', '=', endpointId)
      .where('state', 'in', ['queued', 'running'])
      .groupBy('state')
      .execute()
    const of = (state: string) => rows.find((row) => row.state === state)
    const oldest = of('queued')?.oldest
    return {
      waiting: Number(of('queued')?.count ?? 0),
      running: Number(of('running')?.count ?? 0),
      oldest: oldest === undefined || oldest === null ? null : Number(oldest),
    }
  }

  async function queue(by: Principal, ref: string, project?: string): Promise<Queue> {
    const endpoint = await access.resolve<EndpointRow>('endpoints', by, ref, project)
    await access.authorize(by, 'endpoints:read', endpoint)
    const settings = await queueOf(db, endpoint.id)
    const { waiting, running, oldest } = await counts(endpoint.id)
    return {
      endpoint: endpoint.id,
      concurrency: settings.concurrency,
      maxAttempts: settings.max_attempts,
      expiresInSeconds: settings.expires_seconds,
      keepDays: settings.keep_days,
      hasSecret: settings.secret !== null,
      waiting,
      running,
      oldestWaitsSeconds: oldest === null ? null : Math.max(0, (Date.now() - oldest) / 1000),
    }
  }

  async function change(
    by: Principal,
    ref: string,
    settings: Partial<Omit<QueueRow, 'secret'>>,
    { project, secret }: { project?: string | undefined; secret?: string } = {},
  ) {
    const endpoint = await access.resolve<EndpointRow>('endpoints', by, ref, project)
    await access.authorize(by, 'endpoints:write', endpoint)
    await metadata.transaction(async (tx) => {
      const before = await queueOf(tx, endpoint.id)
      if (secret !== undefined && before.secret !== null) await secrets.drop(tx, before.secret)
      const changes = { ...settings, ...(secret !== undefined && { secret: await secrets.put(tx, secret) }) }
      const next = { ...before, ...changes, endpoint_id: endpoint.id }
      await invocationTables(tx)
        .insertInto('invocation_queues')
        .values(next)
        .onConflict((c) => c.column('endpoint_id').doUpdateSet(changes))
        .execute()
      await audit(tx, by, 'endpoints.queue', { target: endpoint.id, project: endpoint.project_id, facts: { ...settings } })
    })
    worker.wake()
    return endpoint.id
  }

  async function setQueue(by: Principal, ref: string, input: z.output<typeof QueueInput>, project?: string): Promise<Queue> {
    const id = await change(
      by,
      ref,
      {
        ...(input.concurrency !== undefined && { concurrency: input.concurrency }),
        ...(input.maxAttempts !== undefined && { max_attempts: input.maxAttempts }),
        ...(input.expiresInSeconds !== undefined && { expires_seconds: input.expiresInSeconds }),
        ...(input.keepDays !== undefined && { keep_days: input.keepDays }),
        endpoint_id: (await access.resolve<EndpointRow>('endpoints', by, ref, project)).id,
      },
      { project },
    )
    return queue(by, id)
  }

  async function newSecret(by: Principal, ref: string, project?: string): Promise<{ secret: string }> {
    const secret = newWebhookSecret()
    await change(by, ref, {}, { project, secret })
    return { secret }
  }

  /** Encrypts signing secrets that were kept as they are before; answers how many. */
  const sealPlain = (): Promise<number> =>
    metadata.transaction(async (tx) => {
      const rows = await invocationTables(tx).selectFrom('invocation_queues').select(['endpoint_id', 'secret']).execute()
      const plain = rows.filter(({ secret }) => isWebhookSecret(secret))
      for (const { endpoint_id, secret } of plain)
        await invocationTables(tx)
          .updateTable('invocation_queues')
          .set({ secret: await secrets.put(tx, secret!) })
          .where('endpoint_id', '=', endpoint_id)
          .execute()
      return plain.length
    })

  async function* blobsInUse(): AsyncGenerator<string> {
    const rows = await invocationTables(db).selectFrom('invocations').select(['body_sha256', 'result_sha256']).execute()
    for (const { body_sha256, result_sha256 } of rows) {
      yield body_sha256
      if (result_sha256) yield result_sha256
    }
  }

  return {
    submit,
    get: async (by: Principal, id: string) => wire(await find(by, id)),
    result,
    list,
    cancel,
    queue,
    setQueue,
    newSecret,
    sealPlain,
    blobsInUse,
    /** `leaves`: what waits is left to other processes first, for a few seconds. */
    start({ leaves = false }: { leaves?: boolean } = {}) {
      worker.start({ leaves })
      hooks.start()
    },
    async close() {
      await worker.close()
      await hooks.close()
    },
  }
}

function keyOf(header: string | string[] | undefined): string | null {
  if (header === undefined) return null
  const key = Array.isArray(header) ? header.join(',') : header
  if (/^[\x21-\x7e]{1,255}$/.test(key)) return key
  throw new PlatformError('invalid_input', 'The Idempotency-Key is 1 to 255 printable characters.', { field: 'Idempotency-Key' })
}
