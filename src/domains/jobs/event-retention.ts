import { setImmediate as nextTurn } from 'node:timers/promises'
import { days } from '../../kernel/time.ts'
import type { Metadata } from '../../ports/metadata/metadata.ts'
import type { JobEvent } from './schema.ts'
import { jobTables } from './tables.ts'

type EventType = JobEvent['type']

/** A day after a job's end nobody waits for it: how far it had come, moment by moment, goes. */
export const daysOfProgress = 1
/** So long its log can be read. */
export const daysOfLogs = 90

/** What stays as long as the job does: what became of it, and what it warned of. Figures and files of a training are kept by its run. */
const lasting: readonly EventType[] = ['state', 'warning', 'result']

/** How far it had come, and what rules saw moment by moment: the run keeps what became of it. */
const passing: readonly EventType[] = ['progress', 'evidence', 'rules']

const jobsAtOnce = 200

/** Bounds what jobs that are over keep of their events. Answers how many events went. */
export async function trimEvents({ db }: Metadata, now = Date.now()): Promise<number> {
  const progress = await trimOlder(now - days(daysOfProgress), (q) => q.where('type', 'in', passing))
  return progress + (await trimOlder(now - days(daysOfLogs), (q) => q.where('type', 'not in', lasting)))

  /** A page of jobs at a time: whoever uses the database meanwhile waits for a page at most. */
  async function trimOlder(
    before: number,
    which: (q: ReturnType<typeof deletion>) => ReturnType<typeof deletion>,
  ): Promise<number> {
    let trimmed = 0
    for (let after = ''; ; ) {
      const ids = await jobTables(db)
        .selectFrom('jobs')
        .select('id')
        .where('finished_at', '<', before)
        .where('id', '>', after)
        .orderBy('id')
        .limit(jobsAtOnce)
        .execute()
      if (ids.length === 0) return trimmed
      const gone = await which(deletion(ids.map(({ id }) => id))).executeTakeFirst()
      trimmed += Number(gone.numDeletedRows)
      after = ids.at(-1)!.id
      await nextTurn()
    }
  }

  function deletion(ids: string[]) {
    return jobTables(db).deleteFrom('job_events').where('job_id', 'in', ids)
  }
}
