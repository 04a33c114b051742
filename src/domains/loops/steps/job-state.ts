import type { JobsService } from '../../jobs/service.ts'

/** Reads a job of a run; for callers that started it. */
export type JobReader = Pick<JobsService, 'peek'>

export type JobState =
  | { state: 'running' }
  | { state: 'succeeded'; result: Record<string, unknown> }
  | { state: 'failed'; sentence: string }
  | { state: 'cancelled'; sentence: string }

/** How far a job of a run is. */
export async function jobState(jobs: JobReader, id: string, what: string): Promise<JobState> {
  const job = await jobs.peek(id)
  if (job === null) return { state: 'failed', sentence: `${what} left no trace: its job is gone.` }
  if (job.state === 'queued' || job.state === 'running') return { state: 'running' }
  if (job.state === 'succeeded') return { state: 'succeeded', result: job.result ?? {} }
  if (job.state === 'cancelled') return { state: 'cancelled', sentence: `${what} was cancelled.` }
  return { state: 'failed', sentence: `${what} failed: ${job.failure?.message ?? 'without a word'}` }
}
