import type { Events } from '../../kernel/events.ts'
import type { ServerEvent } from '../../kernel/route.ts'
import { toIso } from '../../kernel/time.ts'
import type { JobEvent } from './schema.ts'
import type { JobStore } from './store.ts'
import type { JobEventRow } from './tables.ts'

const batch = 500
/** Jobs may run in another process, whose announcements do not reach us. */
const pollMs = 1000
const finalStates = new Set(['succeeded', 'failed', 'cancelled'])

/**
 * A job's events from a number on, live, until its last. A reader that is slow or away loses nothing: it is read from the database,
 * at the reader's pace, and goes on from the last number it has.
 */
export async function* streamJobEvents(
  { store, events }: { store: JobStore; events: Events },
  job: { id: string; after: number; signal: AbortSignal; isOver(): Promise<boolean> },
): AsyncGenerator<ServerEvent> {
  let wake = () => {}
  let news = false
  const unlisten = events.on('job.event', ({ jobId }) => {
    if (jobId !== job.id) return
    news = true
    wake()
  })
  const onAbort = () => wake()
  job.signal.addEventListener('abort', onAbort)
  try {
    let after = job.after
    while (!job.signal.aborted) {
      news = false
      const isOver = await job.isOver()
      const rows = await store.eventsAfter(job.id, after, batch)
      for (const row of rows) {
        after = row.seq
        yield { id: String(row.seq), event: row.type, data: toJobEvent(row) }
      }
      if (rows.length === batch) continue
      if (isOver) return
      if (!news && !job.signal.aborted)
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, pollMs)
          wake = () => {
            clearTimeout(timer)
            resolve()
          }
        })
    }
  } finally {
    unlisten()
    job.signal.removeEventListener('abort', onAbort)
  }
}

export const toJobEvent = (row: JobEventRow): JobEvent => ({
  seq: row.seq,
  attempt: row.attempt,
  at: toIso(row.at),
  type: row.type as JobEvent['type'],
  data: JSON.parse(row.data),
})

export const isFinal = (state: string): boolean => finalStates.has(state)
