import { sql } from 'kysely'
import { seconds } from '../../kernel/time.ts'
import type { Db, Metadata } from '../../ports/metadata/metadata.ts'
import type { Estimate, JobEvent } from './schema.ts'
import { type FinalState, type JobRow, jobTables, type Lane } from './tables.ts'

export const leaseMs = seconds(30)
export const beatMs = seconds(10)

export type NewEvent = Pick<JobEvent, 'type' | 'data'> & { at?: number }

/** An attempt that holds (or held) the lease of a job. */
export interface Hold {
  id: string
  attempt: number
}

/** The queue's own statements. Whatever an attempt writes is fenced by its number; times are the database's. */
export function jobStore(metadata: Metadata) {
  const { db, nowMs, capabilities } = metadata
  const leaseEnd = sql<number>`${nowMs} + ${leaseMs}`

  /** Takes the oldest job that waits. One statement decides, so no two workers get the same. */
  async function claim(worker: string, lanes: readonly Lane[], kinds: readonly string[]): Promise<JobRow | null> {
    if (kinds.length === 0 || lanes.length === 0) return null
    return metadata.transaction(async (tx) => {
      const row = await jobTables(tx)
        .updateTable('jobs')
        .set((eb) => ({
          state: 'running',
          attempt: eb('attempt', '+', 1),
          worker,
          lease_until: leaseEnd,
          started_at: sql<number>`coalesce(started_at, ${nowMs})`,
          updated_at: nowMs,
          progress: null,
        }))
        .where('state', '=', 'queued')
        .where('id', '=', (eb) => {
          const oldest = eb
            .selectFrom('jobs')
            .select('id')
            .where('state', '=', 'queued')
            .where('lane', 'in', lanes)
            .where('kind', 'in', kinds)
            .orderBy('queued_at')
            .orderBy('id')
            .limit(1)
          return capabilities.skipLocked ? oldest.forUpdate().skipLocked() : oldest
        })
        .returningAll()
        .executeTakeFirst()
      if (!row) return null
      await appendEvents(tx, row, [{ type: 'state', data: { state: 'running', attempt: row.attempt } }])
      return row
    })
  }

  /** Extends the leases of the attempts that this process runs; those missing in the answer are lost. */
  async function beat(worker: string, ids: readonly string[]) {
    if (ids.length === 0) return []
    return jobTables(db)
      .updateTable('jobs')
      .set({ lease_until: leaseEnd })
      .where('worker', '=', worker)
      .where('state', '=', 'running')
      .where('id', 'in', ids)
      .returning(['id', 'attempt', 'cancel_requested'])
      .execute()
  }

  async function cancelRequested(worker: string): Promise<string[]> {
    const rows = await jobTables(db)
      .selectFrom('jobs')
      .select('id')
      .where('worker', '=', worker)
      .where('state', '=', 'running')
      .where('cancel_requested', '=', 1)
      .execute()
    return rows.map((row) => row.id)
  }

  /** Attempts whose worker is gone: the lease ran out, or `isGone` knows better. */
  async function abandoned(isGone: (worker: string) => boolean): Promise<JobRow[]> {
    const running = await jobTables(db)
      .selectFrom('jobs')
      .selectAll()
      .select(sql<number>`case when lease_until < ${nowMs} then 1 else 0 end`.as('expired'))
      .where('state', '=', 'running')
      .execute()
    const verdicts = new Map<string, boolean>()
    const gone = (worker: string | null) => {
      if (worker === null) return true
      const known = verdicts.get(worker) ?? isGone(worker)
      verdicts.set(worker, known)
      return known
    }
    return running.filter((row) => row.expired === 1 || gone(row.worker))
  }

  /** Puts an attempt's job back into the queue, at its old place. False when the attempt no longer holds it. */
  async function requeue(tx: Db, hold: Hold, change: { crashed: boolean; reason: string }): Promise<boolean> {
    const released = await jobTables(tx)
      .updateTable('jobs')
      .set((eb) => ({
        state: 'queued',
        worker: null,
        lease_until: null,
        progress: null,
        updated_at: nowMs,
        crashes: eb('crashes', '+', change.crashed ? 1 : 0),
      }))
      .where('id', '=', hold.id)
      .where('attempt', '=', hold.attempt)
      .where('state', '=', 'running')
      .executeTakeFirst()
    if (Number(released.numUpdatedRows) === 0) return false
    await appendEvents(tx, hold, [{ type: 'state', data: { state: 'queued', reason: change.reason } }])
    return true
  }

  /** Ends a job. False, and nothing changed, when the attempt no longer holds it (or `unlessCancelled` and it was cancelled). */
  async function finish(
    tx: Db,
    hold: Hold,
    end: {
      state: FinalState
      failure?: Record<string, unknown> | null
      cost?: Record<string, unknown> | null
      crashed?: boolean
      unlessCancelled?: boolean
    },
  ): Promise<boolean> {
    const ended = await jobTables(tx)
      .updateTable('jobs')
      .set((eb) => ({
        state: end.state,
        worker: null,
        lease_until: null,
        finished_at: nowMs,
        updated_at: nowMs,
        failure: end.failure ? JSON.stringify(end.failure) : null,
        ...(end.cost && { cost: JSON.stringify(end.cost) }),
        ...(end.crashed && { crashes: eb('crashes', '+', 1) }),
      }))
      .where('id', '=', hold.id)
      .where('attempt', '=', hold.attempt)
      .where('state', '=', 'running')
      .$if(end.unlessCancelled === true, (q) => q.where('cancel_requested', '=', 0))
      .executeTakeFirst()
    if (Number(ended.numUpdatedRows) === 0) return false
    await appendEvents(tx, hold, [{ type: 'state', data: { state: end.state, ...(end.failure && { failure: end.failure }) } }])
    return true
  }

  /** Numbers and stores events; returns the last number, or null when the attempt no longer holds the job (nothing is stored then). */
  async function appendEvents(
    tx: Db,
    hold: Hold,
    events: readonly NewEvent[],
    set: { progress?: string; sandbox?: string; onlyWhileRunning?: boolean } = {},
  ): Promise<number | null> {
    const { onlyWhileRunning = false, ...columns } = set
    const row = await jobTables(tx)
      .updateTable('jobs')
      .set((eb) => ({ event_seq: eb('event_seq', '+', events.length), ...columns }))
      .where('id', '=', hold.id)
      .where('attempt', '=', hold.attempt)
      .$if(onlyWhileRunning, (q) => q.where('state', '=', 'running'))
      .returning('event_seq')
      .executeTakeFirst()
    if (!row) return null
    const first = row.event_seq - events.length + 1
    const now = Date.now()
    for (let from = 0; from < events.length; from += eventsPerInsert)
      await jobTables(tx)
        .insertInto('job_events')
        .values(
          events.slice(from, from + eventsPerInsert).map((event, i) => ({
            job_id: hold.id,
            seq: first + from + i,
            attempt: hold.attempt,
            at: event.at ?? now,
            type: event.type,
            data: JSON.stringify(event.data),
          })),
        )
        .execute()
    return row.event_seq
  }

  async function setResult(tx: Db, hold: Hold, result: Record<string, unknown>) {
    await jobTables(tx)
      .updateTable('jobs')
      .set({ result: JSON.stringify(result) })
      .where('id', '=', hold.id)
      .where('attempt', '=', hold.attempt)
      .execute()
  }

  async function setEstimate(hold: Hold, estimate: Estimate) {
    await jobTables(db)
      .updateTable('jobs')
      .set({ estimate: JSON.stringify(estimate) })
      .where('id', '=', hold.id)
      .where('attempt', '=', hold.attempt)
      .execute()
  }

  async function eventsAfter(jobId: string, after: number, limit: number, types?: readonly string[]) {
    return jobTables(db)
      .selectFrom('job_events')
      .selectAll()
      .where('job_id', '=', jobId)
      .where('seq', '>', after)
      .$if(types !== undefined, (q) => q.where('type', 'in', types as string[]))
      .orderBy('seq')
      .limit(limit)
      .execute()
  }

  return { claim, beat, cancelRequested, abandoned, requeue, finish, appendEvents, setResult, setEstimate, eventsAfter }
}

export type JobStore = ReturnType<typeof jobStore>

const eventsPerInsert = 200
