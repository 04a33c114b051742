import type { Executor } from '../../ports/executors/executor.ts'
import type { Files } from '../../ports/files/files.ts'
import type { Metadata } from '../../ports/metadata/metadata.ts'
import type { JobHandler } from './handler.ts'
import type { JobStore } from './store.ts'
import { type JobRow, jobTables } from './tables.ts'

/**
 * Takes back the jobs of workers that are gone: at once where the process belonged to this machine, else when the lease has run out.
 * A job that has taken its worker with it too often is given up.
 */
export async function recoverAbandoned(needs: {
  metadata: Metadata
  store: JobStore
  executor: Executor
  handlers: ReadonlyMap<string, JobHandler>
  announce(row: JobRow, change: { state: string }): void
}): Promise<number> {
  const { metadata, store, handlers } = needs
  let recovered = 0
  for (const row of await store.abandoned((worker) => needs.executor.isAlive(worker) === false)) {
    const state = await metadata.transaction(async (tx) => {
      const failure = verdict(row)
      if (failure === null) {
        const reason = 'The worker that ran it is gone; it is tried again from its last checkpoint.'
        return (await store.requeue(tx, row, { crashed: true, reason })) ? 'queued' : null
      }
      const ended = row.cancel_requested ? 'cancelled' : 'failed'
      if (!(await store.finish(tx, row, { state: ended, failure, crashed: true }))) return null
      const spec = JSON.parse(row.spec) as Record<string, unknown>
      await handlers.get(row.kind)?.unpublish?.(tx, { jobId: row.id, projectId: row.project_id, spec, state: ended, failure })
      return ended
    })
    if (state === null) continue
    recovered++
    needs.announce(row, { state })
  }
  return recovered
}

function verdict(row: JobRow) {
  if (row.cancel_requested) return { code: 'cancelled', message: 'The job was cancelled.', facts: {} }
  if (row.crashes + 1 < row.max_attempts) return null
  const times = row.crashes + 1
  return {
    code: 'internal',
    message: `The process that ran this job died ${times} times, so it is not tried again. It may need more memory than this machine has.`,
    facts: { crashes: times },
  }
}

/** Folders of jobs that are over or unknown, and warm folders of processes that are gone. */
export async function removeDebris(needs: { metadata: Metadata; files: Files; executor: Executor; root: string }): Promise<void> {
  const { metadata, files, root } = needs
  const names = await files.names(root)
  for (const name of names.filter((each) => each.startsWith('warm-')))
    if (needs.executor.isAlive(decodeURIComponent(name.slice('warm-'.length))) === false) await files.remove(root, name)
  const jobs = names.filter((name) => name.startsWith('job_'))
  for (let from = 0; from < jobs.length; from += 500) {
    const some = jobs.slice(from, from + 500)
    const alive = await jobTables(metadata.db)
      .selectFrom('jobs')
      .select('id')
      .where('id', 'in', some)
      .where('state', 'in', ['queued', 'running'])
      .execute()
    const keep = new Set(alive.map((row) => row.id))
    for (const name of some) if (!keep.has(name)) await files.remove(root, name)
  }
}
