import type { WatchedTraining } from '../experiments/schema.ts'
import type { ExperimentsService } from '../experiments/service.ts'
import { noteRuleEvent } from '../experiments/watched-trainings.ts'
import type { JobEvent } from '../jobs/schema.ts'

const everyMs = 500

/** Keeps how the rules stand that watch a run's networks learn, and their evidence. */
export function rulesRecorder(experiments: Pick<ExperimentsService, 'keepRules' | 'keptRules'>, runId: string) {
  let trainings: Map<string, WatchedTraining> | null = null
  let waiting: { type: 'rules' | 'evidence'; data: Record<string, unknown> }[] = []
  let timer: NodeJS.Timeout | null = null
  let writing: Promise<void> = Promise.resolve()
  let failed: unknown = null

  function onEvent({ type, data }: Pick<JobEvent, 'type' | 'data'>): void {
    if (type !== 'rules' && type !== 'evidence') return
    waiting.push({ type, data })
    timer ??= setTimeout(flush, everyMs)
  }

  function flush(): void {
    if (timer) clearTimeout(timer)
    timer = null
    const events = waiting
    waiting = []
    if (events.length === 0) return
    writing = writing
      .then(() => write(events))
      .catch((error) => {
        failed ??= error
      })
  }

  async function write(events: typeof waiting): Promise<void> {
    // An earlier attempt of the job may have said something already.
    trainings ??= new Map((await experiments.keptRules(runId)).map((training) => [training.training, training]))
    const changed = new Set<WatchedTraining>()
    for (const event of events) {
      const training = noteRuleEvent(trainings, event)
      if (training) changed.add(training)
    }
    await experiments.keepRules(runId, [...changed])
  }

  /** Writes what is left. */
  async function close(): Promise<void> {
    flush()
    await writing
    if (failed) throw failed
  }

  return { onEvent, close }
}
