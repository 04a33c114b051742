import { forbidden } from '../../kernel/errors.ts'
import type { Principal } from '../../kernel/principal.ts'
import type { Metadata } from '../../ports/metadata/metadata.ts'
import { parseProgress } from './engine-events.ts'
import { EngineDied, isDeath, toFailure } from './engine-failure.ts'
import { type EventBuffer, eventBuffer } from './event-buffer.ts'
import type { JobContext, JobHandler } from './handler.ts'
import { progressClock } from './progress.ts'
import { type EngineNeeds, runEngine } from './run-engine.ts'
import type { Cost } from './schema.ts'
import type { JobStore, NewEvent } from './store.ts'
import type { FinalState, JobRow } from './tables.ts'

/** Why an attempt is to stop before its end. Only `cancelled` ends the job. */
export class AttemptStopped extends Error {
  readonly why: 'cancelled' | 'shutdown' | 'lost'

  constructor(why: 'cancelled' | 'shutdown' | 'lost') {
    super({ cancelled: 'The job was cancelled.', shutdown: 'Atoll is stopping.', lost: 'Another worker has taken the job.' }[why])
    this.name = 'AttemptStopped'
    this.why = why
  }
}

export interface AttemptNeeds extends EngineNeeds {
  metadata: Metadata
  store: JobStore
  principalOf(userId: string): Promise<Principal>
  folderOf(jobId: string): string
  /** After new events are stored, and after a change of state. */
  announce(row: JobRow, change: { seq?: number; state?: string }): void
}

export interface Ending {
  state: FinalState | 'queued' | 'lost'
  failure?: { code: string; message: string }
}

/** Runs one attempt of a job, from the claim to its end, its release, or the loss of its lease. */
export async function runAttempt(needs: AttemptNeeds, row: JobRow, handler: JobHandler, signal: AbortSignal): Promise<Ending> {
  const { metadata, store, files } = needs
  const hold = { id: row.id, attempt: row.attempt }
  const spec = JSON.parse(row.spec) as Record<string, unknown>
  const started = performance.now()
  const cpuAtStart = process.cpuUsage()
  const spent = { cpuSeconds: 0, peakMemoryBytes: 0, energyWh: null as number | null }
  let sandbox: string | undefined

  const buffer = eventBuffer(async (events, progress) => {
    try {
      const seq = await metadata.transaction((tx) =>
        store.appendEvents(tx, hold, events, {
          onlyWhileRunning: true,
          ...(progress && { progress: JSON.stringify(progress.data) }),
          ...(sandbox && { sandbox }),
        }),
      )
      if (seq !== null) needs.announce(row, { seq })
    } catch {
      // Events are for people; the job goes on without them. What matters is written with its end.
    }
  })
  const context = buildContext(needs, row, { spec, signal, buffer, onEngine })

  function onEngine(cost: Cost) {
    spent.cpuSeconds += cost.cpuSeconds
    spent.peakMemoryBytes = Math.max(spent.peakMemoryBytes, cost.peakMemoryBytes)
    if (cost.energyWh !== null) spent.energyWh = (spent.energyWh ?? 0) + cost.energyWh
  }

  const costSoFar = (): Cost => {
    const own = process.cpuUsage(cpuAtStart)
    return {
      wallSeconds: (performance.now() - started) / 1000,
      // A job without a process of its own ran in this one, along with whatever else this one did meanwhile.
      cpuSeconds: spent.peakMemoryBytes > 0 ? spent.cpuSeconds : (own.user + own.system) / 1e6,
      peakMemoryBytes: spent.peakMemoryBytes || process.memoryUsage.rss(),
      energyWh: spent.energyWh,
    }
  }

  /** What ended it, once nothing of it runs any more. */
  async function end(error: unknown): Promise<Ending> {
    const stopped = signal.aborted ? (signal.reason as AttemptStopped).why : null
    if (stopped === 'lost') return { state: 'lost' }
    // Before the end is written: what the attempt left may be what filled the disk.
    await files.remove(context.folder)
    if (stopped === 'cancelled') return fail('cancelled', new AttemptStopped('cancelled'))
    if (stopped === 'shutdown')
      return requeue({ crashed: false, reason: 'Atoll was stopped; the job goes on when it is back, from its last checkpoint.' })
    if (isDeath(error) && row.crashes + 1 < row.max_attempts)
      return requeue({ crashed: true, reason: `${(error as Error).message} It is tried again.` })
    return fail('failed', error)
  }

  async function requeue(change: { crashed: boolean; reason: string }): Promise<Ending> {
    const released = await metadata.transaction((tx) => store.requeue(tx, hold, change))
    return { state: released ? 'queued' : 'lost' }
  }

  async function fail(state: 'failed' | 'cancelled', error: unknown): Promise<Ending> {
    const failure =
      state === 'cancelled' ? { code: 'cancelled', message: 'The job was cancelled.', facts: {} } : toFailure(givenUp(error, row))
    const done = await metadata.transaction(async (tx) => {
      if (!(await store.finish(tx, hold, { state, failure, cost: costSoFar(), crashed: isDeath(error) }))) return false
      await handler.unpublish?.(tx, { jobId: row.id, projectId: row.project_id, spec, state, failure })
      return true
    })
    return done ? { state, failure } : { state: 'lost' }
  }

  /** Fenced: a late attempt, or one that was cancelled meanwhile, publishes nothing. */
  async function publish(outcome: unknown): Promise<Ending> {
    const done = await metadata.transaction(async (tx) => {
      if (!(await store.finish(tx, hold, { state: 'succeeded', cost: costSoFar(), unlessCancelled: true }))) return false
      const result = (await handler.publish?.(tx, context, outcome)) ?? (isPlain(outcome) ? outcome : {})
      await store.setResult(tx, hold, result)
      return true
    })
    if (done) return { state: 'succeeded' }
    return fail('cancelled', new AttemptStopped('cancelled'))
  }

  try {
    await files.makeFolder(context.folder)
    await files.makeFolder(context.checkpointFolder)
    context.principal = await needs.principalOf(row.owner_id)
    if (row.estimate === null) await estimateLate()
    const outcome = await handler.run(context)
    signal.throwIfAborted()
    await buffer.end()
    return await publish(outcome)
  } catch (error) {
    await buffer.end()
    return await end(error)
  }

  async function estimateLate() {
    const estimate = await handler.estimate?.(spec).catch(() => null)
    if (estimate) await store.setEstimate(hold, estimate)
  }

  function buildContext(
    own: AttemptNeeds,
    job: JobRow,
    parts: { spec: Record<string, unknown>; signal: AbortSignal; buffer: EventBuffer; onEngine(cost: Cost): void },
  ): JobContext {
    const folder = files.resolvePath(own.folderOf(job.id), String(job.attempt))
    const checkpointFolder = files.resolvePath(own.folderOf(job.id), 'checkpoints')
    const complete = progressClock()
    const report = (event: NewEvent) =>
      parts.buffer.add(event.type === 'progress' ? { ...event, data: complete(parseProgress(event.data)) } : event)
    return {
      jobId: job.id,
      attempt: job.attempt,
      projectId: job.project_id,
      principal: undefined as unknown as Principal,
      spec: parts.spec,
      folder,
      checkpointFolder,
      signal: parts.signal,
      report,
      progress: (stage, done, of, message = '') => report({ type: 'progress', data: { stage, done, of, message } }),
      async runEngine(run) {
        sandbox = own.executor.sandbox
        if (sandbox === 'off' && !this.principal.isPlatformAdmin)
          throw forbidden(`Only a platform administrator may run engines here. ${own.executor.sandboxReason}`, { sandbox })
        const attempt = { jobId: job.id, attempt: job.attempt, folder, checkpointFolder, signal: parts.signal, report }
        const result = await runEngine(own, attempt, run)
        parts.onEngine(result.cost)
        return result
      },
    }
  }
}

/** What died again and again is not tried for ever. */
function givenUp(error: unknown, row: JobRow): unknown {
  if (!isDeath(error) || row.crashes === 0) return error
  return new EngineDied(
    `${(error as Error).message} That was ${row.crashes + 1} times, so it is not tried again.`,
    (error as EngineDied).facts,
  )
}

const isPlain = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
