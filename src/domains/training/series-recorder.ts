import type { Point } from '../experiments/metric-store.ts'
import type { ExperimentsService } from '../experiments/service.ts'
import type { JobEvent } from '../jobs/schema.ts'
import { rulesRecorder } from './rules-recorder.ts'

export type RecordedIn = Pick<ExperimentsService, 'recordMetrics' | 'recordParameters' | 'keepRules' | 'keptRules'>

const everyMs = 500
const mostPointsAtOnce = 5000

/**
 * Keeps the metrics, parameters and rules that an engine or a script says of itself with its run. What belongs to a fold or a trial of a
 * search stays with that trial.
 */
export function seriesRecorder(experiments: RecordedIn, runId: string) {
  const rules = rulesRecorder(experiments, runId)
  let points: Point[] = []
  let timer: NodeJS.Timeout | null = null
  let writing: Promise<void> = Promise.resolve()
  let failed: unknown = null

  function onEvent({ type, data }: Pick<JobEvent, 'type' | 'data'>): void {
    rules.onEvent({ type, data })
    if (type === 'param' && typeof data.parameters === 'object' && data.parameters !== null) {
      const parameters = data.parameters as Record<string, unknown>
      write(() => experiments.recordParameters(runId, parameters))
    }
    if (type !== 'metric' || 'fold' in data || 'trial' in data) return
    const { name, step } = data
    const value = typeof data.value === 'number' ? data.value : Number(data.value)
    if (typeof name !== 'string' || name === '' || name.length > 250) return
    points.push({ name, value, step: Number.isSafeInteger(step) ? (step as number) : 0 })
    if (points.length >= mostPointsAtOnce) flush()
    else timer ??= setTimeout(flush, everyMs)
  }

  function write(work: () => Promise<void>): void {
    writing = writing.then(work).catch((error) => {
      failed ??= error
    })
  }

  function flush(): void {
    if (timer) clearTimeout(timer)
    timer = null
    const batch = points
    points = []
    if (batch.length > 0) write(() => experiments.recordMetrics(runId, batch))
  }

  /** Writes what is left. Throws when something could not be written: a run with holes is worse than a failed one. */
  async function close(): Promise<void> {
    flush()
    await writing
    await rules.close()
    if (failed) throw failed
  }

  return { onEvent, close }
}
