import type { Events } from '../../kernel/events.ts'
import { newId } from '../../kernel/ids.ts'
import type { JobHandler, JobQueue } from './handler.ts'
import type { JobStore } from './store.ts'
import { type JobRow, jobTables } from './tables.ts'

const defaultMaxAttempts = 3

/** Where jobs come in. Knows the handlers; runs nothing. */
export function jobQueue({ store, events, onWake }: { store: JobStore; events: Events; onWake(): void }) {
  const handlers = new Map<string, JobHandler>()

  const queue: JobQueue = {
    register(handler) {
      if (handlers.has(handler.kind)) throw new Error(`Two handlers for jobs of the kind "${handler.kind}".`)
      handlers.set(handler.kind, handler)
    },
    async enqueue(tx, by, job) {
      const handler = handlers.get(job.kind)
      if (!handler) throw new Error(`There is no handler for jobs of the kind "${job.kind}".`)
      if (by.userId === null) throw new Error('A job belongs to somebody.')
      const now = Date.now()
      const row: JobRow = {
        id: newId('job', now),
        project_id: job.projectId,
        owner_id: by.userId,
        name: job.name.slice(0, 200),
        visibility: job.visibility ?? 'team',
        description: '',
        tags: '[]',
        created_at: now,
        updated_at: now,
        deleted_at: null,
        kind: job.kind,
        lane: handler.lane ?? 'batch',
        state: 'queued',
        spec: JSON.stringify(job.spec),
        cancel_requested: 0,
        attempt: 0,
        max_attempts: handler.maxAttempts ?? defaultMaxAttempts,
        crashes: 0,
        worker: null,
        lease_until: null,
        event_seq: 0,
        progress: null,
        estimate: job.estimate ? JSON.stringify(job.estimate) : null,
        cost: null,
        size: job.size ?? null,
        result: null,
        failure: null,
        sandbox: null,
        queued_at: now,
        started_at: null,
        finished_at: null,
      }
      await jobTables(tx).insertInto('jobs').values(row).execute()
      await store.appendEvents(tx, row, [{ type: 'state', data: { state: 'queued' } }])
      return row.id
    },
    wake: onWake,
  }

  /** Tells this process's listeners. Those of other processes find out by asking. */
  function announce(row: Pick<JobRow, 'id' | 'project_id' | 'kind'>, change: { seq?: number; state?: string }) {
    events.emit('job.event', { jobId: row.id, seq: change.seq ?? 0 })
    if (change.state)
      events.emit('job.changed', { jobId: row.id, projectId: row.project_id, kind: row.kind, state: change.state })
  }

  return { queue, handlers: handlers as ReadonlyMap<string, JobHandler>, announce }
}
