import { sql } from 'kysely'
import { isPlatformError, PlatformError } from '../../../kernel/errors.ts'
import { newId } from '../../../kernel/ids.ts'
import { nobody } from '../../../kernel/principal.ts'
import { days, minutes, seconds } from '../../../kernel/time.ts'
import type { InvocationsNeeds } from './service.ts'
import { type InvocationRow, invocationTables, type QueueRow, usualQueue } from './store.ts'

export interface WorkerNeeds extends InvocationsNeeds {
  /** Something is over. */
  afterwards(): void
}

const leaseMs = seconds(15)
const renewMs = seconds(5)
const pollMs = seconds(1)
/** In one process, over all endpoints: bodies are held whole. */
const mostAtOnce = 8
const mostBytesAtOnce = 256 * 2 ** 20
const longestMs = minutes(30)

/** Faults that may pass: another attempt is worth its while. */
const passing: ReadonlySet<string> = new Set(['unavailable', 'rate_limited', 'timeout', 'storage_full', 'internal'])

/** So long a process that callers are connected to leaves what is due to processes that do nothing else. */
const patienceMs = seconds(3)

/**
 * Works off what is queued, in every process: with the models that it serves, or loading what it needs. What is taken is leased: when its process dies, another takes it on, and only the attempt
 * that still holds the lease may say how it ended.
 */
export function invocationWorker(needs: WorkerNeeds) {
  const { metadata, blobs, endpoints, onError, afterwards } = needs
  const { db } = metadata
  const name = `${process.pid}-${newId('req')}`
  const running = new Map<string, { row: InvocationRow; stop: AbortController; done: Promise<void> }>()
  let timer: NodeJS.Timeout | undefined
  let renewal: NodeJS.Timeout | undefined
  let turn: Promise<void> | null = null
  let again = false
  let closed = false
  let leavesMs = 0

  function wake(): void {
    if (closed || timer === undefined) return
    if (turn) {
      again = true
      return
    }
    turn = work()
      .catch((error) => onError(error, 'working off invocations'))
      .finally(() => {
        turn = null
        if (!again) return
        again = false
        wake()
      })
  }

  async function work(): Promise<void> {
    const now = Date.now()
    await takeBack(now)
    await expire(now)
    while (!closed && running.size < mostAtOnce) {
      const taken = await take(Date.now())
      if (!taken) return
      const stop = new AbortController()
      const done = run(taken, stop.signal).finally(() => {
        running.delete(taken.id)
        wake()
      })
      running.set(taken.id, { row: taken, stop, done })
    }
  }

  /** What a process left that does not renew its lease any more goes back into the queue. */
  async function takeBack(now: number): Promise<void> {
    await invocationTables(db)
      .updateTable('invocations')
      .set({ state: 'queued', worker: null, lease_until: null, due_at: now, waiting: 'The process that answered it ended.' })
      .where('state', '=', 'running')
      .where('lease_until', '<', now)
      .execute()
  }

  async function expire(now: number): Promise<void> {
    const gone = await invocationTables(db)
      .updateTable('invocations')
      .set((eb) => ({
        state: 'expired' as const,
        finished_at: now,
        webhook_due: eb.case().when('webhook_url', 'is not', null).then(now).else(null).end(),
      }))
      .where('state', '=', 'queued')
      .where('expires_at', '<=', now)
      .executeTakeFirst()
    if (Number(gone.numUpdatedRows) > 0) afterwards()
  }

  /** The oldest that is due and whose endpoint has room, taken in one transaction. */
  async function take(now: number): Promise<InvocationRow | null> {
    const held = [...running.values()].reduce((sum, { row }) => sum + Number(row.body_bytes), 0)
    return metadata.transaction(async (tx) => {
      const tables = invocationTables(tx)
      const found = await tables
        .selectFrom('invocations as i')
        .leftJoin('invocation_queues as q', 'q.endpoint_id', 'i.endpoint_id')
        .selectAll('i')
        .where('i.state', '=', 'queued')
        .where('i.due_at', '<=', now - leavesMs)
        .where('i.expires_at', '>', now)
        .where(
          sql<boolean>`(select count(*) from invocations as r where r.endpoint_id = i.endpoint_id and r.state = 'running') < coalesce(q.concurrency, ${usualQueue.concurrency})`,
        )
        .orderBy('i.due_at')
        .orderBy('i.id')
        .limit(1)
        .executeTakeFirst()
      if (!found || (running.size > 0 && held + Number(found.body_bytes) > mostBytesAtOnce)) return null
      return (
        (await tables
          .updateTable('invocations')
          .set({
            state: 'running',
            attempt: found.attempt + 1,
            worker: name,
            lease_until: now + leaseMs,
            started_at: now,
            waiting: null,
          })
          .where('id', '=', found.id)
          .where('state', '=', 'queued')
          .where('attempt', '=', found.attempt)
          .returningAll()
          .executeTakeFirst()) ?? null
      )
    })
  }

  async function run(row: InvocationRow, signal: AbortSignal): Promise<void> {
    try {
      const text = await answer(row, signal)
      const { sha256, sizeBytes } = await blobs.put(text)
      await settle(row, { state: 'succeeded', result_sha256: sha256, result_bytes: sizeBytes })
    } catch (error) {
      if (signal.aborted && closed) return giveBack(row)
      await failed(row, error).catch((inner) => onError(inner, `noting how the invocation ${row.id} ended`))
    }
  }

  async function answer(row: InvocationRow, signal: AbortSignal): Promise<string> {
    const by = row.owner_id === null ? nobody : await needs.principalOf(row.owner_id)
    const content = await blobs.bytes(row.body_sha256)
    const isJson = /^application\/json\b/i.test(row.content_type)
    const text = isJson ? new TextDecoder().decode(content) : ''
    const headers = JSON.parse(row.headers) as Record<string, string>
    const until = AbortSignal.any([signal, AbortSignal.timeout(longestMs)])
    let parsed: unknown
    return endpoints.predictText(by, row.endpoint_id, {
      body: () => (parsed ??= parse(text)),
      text,
      ...(!isJson && { file: { contentType: row.content_type, content } }),
      // Of every attempt the same: what is captured twice is one prediction still.
      requestId: row.id,
      hangUp: () => until,
      header: (header) => headers[header],
    })
  }

  async function failed(row: InvocationRow, error: unknown): Promise<void> {
    const code = isPlatformError(error) ? error.code : 'internal'
    if (!isPlatformError(error)) onError(error, `answering the invocation ${row.id}`)
    const message = isPlatformError(error) ? error.message : 'Something went wrong on the server; its log says what.'
    // A stopped endpoint is no fault: the invocation waits until somebody starts it, or it expires.
    if (code === 'precondition_failed' && (await isStopped(row.endpoint_id)))
      return postpone(row, { faults: row.faults, waiting: message, ms: seconds(10) })
    const { max_attempts } = await queue(row.endpoint_id)
    const faults = row.faults + 1
    if (passing.has(code) && faults < max_attempts)
      return postpone(row, { faults, waiting: message, ms: Math.min(minutes(5), seconds(2 ** (faults - 1))) })
    const facts = isPlatformError(error) ? error.facts : {}
    await settle(row, { state: 'failed', failure: JSON.stringify({ code, message, facts }) })
  }

  async function queue(endpointId: string): Promise<Omit<QueueRow, 'endpoint_id'>> {
    const found = await invocationTables(db)
      .selectFrom('invocation_queues')
      .selectAll()
      .where('endpoint_id', '=', endpointId)
      .executeTakeFirst()
    return found ?? usualQueue
  }

  async function isStopped(endpointId: string): Promise<boolean> {
    const found = await db
      .selectFrom('endpoints')
      .select(['running', 'deleted_at'])
      .where('id', '=', endpointId)
      .executeTakeFirst()
    return found !== undefined && found.deleted_at === null && !found.running
  }

  /** Fenced: an attempt that lost its lease, or was cancelled, says nothing. */
  async function settle(row: InvocationRow, how: Partial<InvocationRow> & Pick<InvocationRow, 'state'>): Promise<void> {
    const now = Date.now()
    const done = await metadata.transaction((tx) =>
      ours(tx, row)
        .set({ ...how, finished_at: now, lease_until: null, webhook_due: row.webhook_url === null ? null : now })
        .executeTakeFirst(),
    )
    if (Number(done.numUpdatedRows) > 0) afterwards()
  }

  async function postpone(row: InvocationRow, { faults, waiting, ms }: { faults: number; waiting: string; ms: number }) {
    await ours(db, row)
      .set({ state: 'queued', worker: null, lease_until: null, faults, waiting, due_at: Date.now() + ms })
      .execute()
  }

  const giveBack = (row: InvocationRow) =>
    postpone(row, { faults: row.faults, waiting: 'Atoll was stopped.', ms: 0 }).catch((error) => onError(error, 'giving back'))

  const ours = (on: typeof db, row: InvocationRow) =>
    invocationTables(on)
      .updateTable('invocations')
      .where('id', '=', row.id)
      .where('attempt', '=', row.attempt)
      .where('state', '=', 'running')

  async function renew(): Promise<void> {
    for (const { row, stop } of running.values()) {
      const kept = await ours(db, row)
        .set({ lease_until: Date.now() + leaseMs })
        .executeTakeFirst()
      if (Number(kept.numUpdatedRows) === 0) stop.abort()
    }
  }

  /** What is over and older than its queue keeps. Its bytes go with the blobs that nobody names. */
  async function prune(): Promise<void> {
    const queues = await invocationTables(db).selectFrom('invocation_queues').selectAll().execute()
    const named = queues.map(({ endpoint_id }) => endpoint_id)
    const over = () =>
      invocationTables(db)
        .deleteFrom('invocations')
        .where('state', 'not in', ['queued', 'running'])
        .where('webhook_due', 'is', null)
    for (const { endpoint_id, keep_days } of queues)
      await over()
        .where('endpoint_id', '=', endpoint_id)
        .where('finished_at', '<', Date.now() - days(keep_days))
        .execute()
    await over()
      .$if(named.length > 0, (q) => q.where('endpoint_id', 'not in', named))
      .where('finished_at', '<', Date.now() - days(usualQueue.keep_days))
      .execute()
  }

  let pruned = 0
  async function tick(): Promise<void> {
    wake()
    if (Date.now() - pruned < minutes(60)) return
    pruned = Date.now()
    await prune()
  }

  return {
    wake,
    /** It was cancelled: what takes long is given up. */
    drop: (id: string) => running.get(id)?.stop.abort(),
    start({ leaves }: { leaves: boolean }): void {
      leavesMs = leaves ? patienceMs : 0
      const report = (error: unknown) => onError(error, 'looking after invocations')
      timer = setInterval(() => void tick().catch(report), pollMs).unref()
      renewal = setInterval(() => void renew().catch(report), renewMs).unref()
      // One process alone has this database: whatever it finds running was its predecessor's.
      const orphans = metadata.capabilities.shared
        ? Promise.resolve()
        : invocationTables(db)
            .updateTable('invocations')
            .set({ lease_until: 0 })
            .where('state', '=', 'running')
            .execute()
            .then(() => {})
      void orphans.catch(report).then(wake)
    },
    async close(): Promise<void> {
      closed = true
      clearInterval(timer)
      clearInterval(renewal)
      await turn
      for (const { stop } of running.values()) stop.abort()
      await Promise.all([...running.values()].map(({ done }) => done))
    },
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new PlatformError(
      'invalid_input',
      `The body is not valid JSON: ${(error as Error).message.slice(0, 200)}`,
      {},
      { cause: error },
    )
  }
}
