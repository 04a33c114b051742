import type { JobEvent } from '../jobs/schema.ts'
import { readTrial } from '../tuning/read-trial.ts'
import type { Trial } from '../tuning/schema.ts'
import type { TuningService } from '../tuning/service.ts'
import { type RecordedIn, seriesRecorder } from './series-recorder.ts'

const everyMs = 500

/**
 * Keeps what an engine says while it searches: trials, and the score of each as a series of the run (`search.<metric>` by trial).
 * Scores of single folds stay with their trial, and every event stays with the job.
 */
export function runRecorder(
  { experiments, tuning }: { experiments: RecordedIn; tuning: Pick<TuningService, 'record'> },
  { runId, searchId, metric }: { runId: string; searchId: string; metric: string },
) {
  const trials = new Map<number, Trial>()
  let timer: NodeJS.Timeout | null = null
  let writing: Promise<void> = Promise.resolve()
  let failed: unknown = null

  const said = seriesRecorder(experiments, runId)

  function onEvent(event: Pick<JobEvent, 'type' | 'data'>): void {
    said.onEvent(event)
    if (event.type !== 'trial') return
    const trial = readTrial(event.data)
    if (!trial) return
    trials.set(trial.trial, trial)
    timer ??= setTimeout(flush, everyMs)
  }

  function flush(): void {
    timer = null
    const batch = [...trials.values()]
    trials.clear()
    writing = writing
      .then(() => write(batch))
      .catch((error) => {
        failed ??= error
      })
  }

  async function write(batch: Trial[]): Promise<void> {
    if (batch.length === 0) return
    await tuning.record(searchId, batch)
    const scored = batch.filter((trial) => trial.state === 'complete' && trial.score !== null)
    const points = scored.map((trial) => ({ name: `search.${metric}`, value: trial.score!, step: trial.trial }))
    if (points.length > 0) await experiments.recordMetrics(runId, points)
  }

  /** Writes what is left. Throws when something could not be written: a run with holes is worse than a failed one. */
  async function close(): Promise<void> {
    if (timer) clearTimeout(timer)
    flush()
    await writing
    await said.close()
    if (failed) throw failed
  }

  return { onEvent, close }
}
