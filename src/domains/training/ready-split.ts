import { preconditionFailed } from '../../kernel/errors.ts'
import type { Split } from '../datasets/schema.ts'
import type { DatasetsService } from '../datasets/service.ts'
import type { JobContext } from '../jobs/handler.ts'
import type { JobsService } from '../jobs/service.ts'

const mostWaitMs = 30 * 60_000

/** The split of a training job, once its own job has made it. It was queued before this one, so it never waits for our slot. */
export async function readySplit(
  { datasets, jobs }: { datasets: Pick<DatasetsService, 'split'>; jobs: Pick<JobsService, 'ended'> },
  context: JobContext,
  splitId: string,
): Promise<Split> {
  const split = await datasets.split(context.principal, splitId)
  if (split.state === 'ready') return split
  if (split.state === 'making' && split.job) {
    context.progress('split', 0, 1, 'The rows are being divided.')
    await jobs.ended(split.job, AbortSignal.any([context.signal, AbortSignal.timeout(mostWaitMs)]))
    const made = await datasets.split(context.principal, splitId)
    if (made.state === 'ready') return made
  }
  throw preconditionFailed(
    'The rows could not be divided into training and test rows. See the job of the split for the reason.',
    {
      split: splitId,
      job: split.job,
    },
  )
}
