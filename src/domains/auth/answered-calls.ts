import { setTimeout as sleep } from 'node:timers/promises'
import { conflict } from '../../kernel/errors.ts'
import { sha256 } from '../../kernel/json.ts'
import { days, seconds } from '../../kernel/time.ts'
import { isUniqueViolation } from '../../ports/metadata/database-errors.ts'
import type { Metadata } from '../../ports/metadata/metadata.ts'
import { authTables } from './tables.ts'

export interface Answer {
  status: number
  body: string
}

const keptMs = days(1)
const waitMs = seconds(30)

export type AnsweredCalls = ReturnType<typeof answeredCalls>

/** Remembers the answers of calls that carried an Idempotency-Key, so that a repeated call gets the first one's answer. */
export function answeredCalls({ metadata }: { metadata: Metadata }) {
  const tables = () => authTables(metadata.db)
  let lastSweep = 0

  /**
   * Does `work` once for a caller's key. The same key with another request is a conflict. A call that failed is not remembered;
   * one that was interrupted (the server died) is never repeated: the caller is told to look first.
   */
  async function once(
    call: { caller: string; route: string; key: string; request: string },
    work: () => Promise<Answer>,
  ): Promise<Answer & { replayed: boolean }> {
    const key = sha256(JSON.stringify([call.caller, call.route, call.key]))
    const request_hash = sha256(call.request)
    await sweep()
    if (!(await claim(key, request_hash))) return { ...(await answerOf(key, request_hash)), replayed: true }
    try {
      const answer = await work()
      await tables()
        .updateTable('answered_calls')
        .set({ status: answer.status, body: answer.body })
        .where('key', '=', key)
        .execute()
      return { ...answer, replayed: false }
    } catch (error) {
      await tables().deleteFrom('answered_calls').where('key', '=', key).execute()
      throw error
    }
  }

  async function claim(key: string, request_hash: string): Promise<boolean> {
    try {
      await tables().insertInto('answered_calls').values({ key, request_hash, created_at: Date.now() }).execute()
      return true
    } catch (error) {
      if (isUniqueViolation(error)) return false
      throw error
    }
  }

  async function answerOf(key: string, request_hash: string): Promise<Answer> {
    const until = Date.now() + waitMs
    for (let pauseMs = 5; ; pauseMs = Math.min(pauseMs * 2, 250)) {
      const row = await tables().selectFrom('answered_calls').selectAll().where('key', '=', key).executeTakeFirst()
      if (!row)
        throw conflict('The first call with this Idempotency-Key failed just now. Send it again.', { header: 'Idempotency-Key' })
      if (row.request_hash !== request_hash)
        throw conflict('This Idempotency-Key was used for another request. Use a new key for a new request.', {
          header: 'Idempotency-Key',
        })
      if (row.status !== null && row.body !== null) return { status: row.status, body: row.body }
      if (Date.now() > until)
        throw conflict(
          'The first call with this Idempotency-Key has not ended; it may have been interrupted. Look whether it took effect before you call with a new key.',
          { header: 'Idempotency-Key' },
        )
      await sleep(pauseMs)
    }
  }

  async function sweep(): Promise<void> {
    if (Date.now() - lastSweep < keptMs / 24) return
    lastSweep = Date.now()
    await tables()
      .deleteFrom('answered_calls')
      .where('created_at', '<', Date.now() - keptMs)
      .execute()
  }

  return { once }
}
