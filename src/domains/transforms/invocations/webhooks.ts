import { isPlatformError } from '../../../kernel/errors.ts'
import { minutes, seconds } from '../../../kernel/time.ts'
import { signedHeaders } from '../../../ports/outbound/webhook-signature.ts'
import type { InvocationsNeeds } from './service.ts'
import { type InvocationRow, invocationTables, queueOf, toInvocation } from './store.ts'

/** Waits before each further try: after the last a call is given up. */
const backOffMs = [seconds(10), minutes(1), minutes(5), minutes(30), minutes(120)]
/** While a call is under way nobody else makes it. */
const holdMs = minutes(1)
const inlineBytes = 64 * 1024

/** Tells of invocations that are over, where that was asked for: signed, and tried again. */
export function webhooks({ metadata, blobs, outbound, secrets, onError }: InvocationsNeeds) {
  const { db } = metadata
  let timer: NodeJS.Timeout | undefined
  let turn: Promise<void> | null = null

  function wake(): void {
    if (timer === undefined || turn) return
    turn = deliver()
      .catch((error) => onError(error, 'calling webhooks'))
      .finally(() => {
        turn = null
      })
  }

  async function deliver(): Promise<void> {
    const due = await invocationTables(db)
      .selectFrom('invocations')
      .selectAll()
      .where('webhook_due', '<=', Date.now())
      .orderBy('webhook_due')
      .limit(20)
      .execute()
    for (const row of due) if (await hold(row)) await tell(row)
  }

  async function hold(row: InvocationRow): Promise<boolean> {
    const held = await invocationTables(db)
      .updateTable('invocations')
      .set({ webhook_due: Date.now() + holdMs, webhook_attempts: row.webhook_attempts + 1 })
      .where('id', '=', row.id)
      .where('webhook_due', '=', row.webhook_due)
      .executeTakeFirst()
    return Number(held.numUpdatedRows) > 0
  }

  async function tell(row: InvocationRow): Promise<void> {
    const { isDone, said } = await call(row).catch((error) => ({
      isDone: false,
      said: `not delivered: ${isPlatformError(error) ? error.message : 'the receiver could not be reached.'}`,
    }))
    const wait = isDone ? undefined : backOffMs[row.webhook_attempts]
    await invocationTables(db)
      .updateTable('invocations')
      .set({
        webhook_state: isDone ? 'delivered' : wait === undefined ? 'failed' : 'waiting',
        webhook_due: wait === undefined ? null : Date.now() + wait,
        webhook_said: said.slice(0, 500),
      })
      .where('id', '=', row.id)
      .execute()
  }

  async function call(row: InvocationRow): Promise<{ isDone: boolean; said: string }> {
    const { secret: kept } = await queueOf(db, row.endpoint_id)
    const secret = kept === null ? null : await secrets.get(kept)
    if (secret === null) return { isDone: false, said: 'not delivered: the queue has no secret any more.' }
    const isSmall = row.result_sha256 !== null && Number(row.result_bytes) <= inlineBytes
    const result = isSmall ? JSON.parse(Buffer.from(await blobs.bytes(row.result_sha256!)).toString('utf8')) : undefined
    const { webhook: _, ...told } = toInvocation(row, result)
    const body = JSON.stringify(told)
    const { status } = await outbound.fetchOut(row.webhook_url!, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-atoll-delivery': row.id, ...signedHeaders(secret, body) },
      body,
      timeoutMs: 10_000,
    })
    const isDone = status >= 200 && status < 300
    return { isDone, said: isDone ? `delivered (${status})` : `refused by the receiver (${status})` }
  }

  return {
    wake,
    /** What an end owes. */
    owed: (row: Pick<InvocationRow, 'webhook_url'>): Pick<InvocationRow, 'webhook_due'> => ({
      webhook_due: row.webhook_url === null ? null : Date.now(),
    }),
    start(): void {
      timer = setInterval(wake, seconds(5)).unref()
    },
    async close(): Promise<void> {
      clearInterval(timer)
      await turn
    },
  }
}
