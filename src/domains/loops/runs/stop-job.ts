import type { Principal } from '../../../kernel/principal.ts'
import type { Db } from '../../../ports/metadata/metadata.ts'
import type { JobsService } from '../../jobs/service.ts'
import { stepsOf } from '../store.ts'

/** What a run has under way at a step need not go on. */
export async function stopJob(
  { db, jobs }: { db: Db; jobs: Pick<JobsService, 'cancel'> },
  by: Principal,
  run: { id: string; step: string },
): Promise<void> {
  const row = (await stepsOf(db, run.id)).find((one) => one.step === run.step)
  const { job } = JSON.parse(row?.work ?? '{}') as { job?: string | null }
  if (job) await jobs.cancel(by, job).catch(() => {})
}
