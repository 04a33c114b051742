import { PlatformError } from '../../kernel/errors.ts'
import type { Principal } from '../../kernel/principal.ts'
import type { Metadata } from '../../ports/metadata/metadata.ts'
import type { JobQueue } from './handler.ts'
import type { JobsService } from './service.ts'

/** Queues a job that somebody waits for, and answers with its result; what it fails with is thrown, with the job's id. */
export async function askJob(
  { metadata, jobs }: { metadata: Metadata; jobs: Pick<JobsService, 'queue' | 'ended'> },
  by: Principal,
  job: Parameters<JobQueue['enqueue']>[2],
  mostWaitMs: number,
): Promise<unknown> {
  const jobId = await metadata.transaction((tx) => jobs.queue.enqueue(tx, by, job))
  jobs.queue.wake()
  const ended = await jobs.ended(jobId, AbortSignal.timeout(mostWaitMs)).catch((error: unknown) => {
    if (!(error instanceof DOMException)) throw error
    throw new PlatformError(
      'timeout',
      `This takes longer than ${mostWaitMs / 1000} s; on a new machine the Python environment is built first. Follow the job ${jobId}, then ask again.`,
      { job: jobId },
    )
  })
  if (ended.state === 'succeeded') return JSON.parse(ended.result!)
  const failure = JSON.parse(ended.failure ?? '{}') as { code?: string; message?: string; facts?: Record<string, unknown> }
  throw new PlatformError(
    failure.code === 'invalid_input' ? 'invalid_input' : 'internal',
    failure.message ?? 'The job ended without a reason.',
    { ...failure.facts, job: jobId },
  )
}
