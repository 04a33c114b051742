import type { Events } from '../../kernel/events.ts'
import { minutes, seconds } from '../../kernel/time.ts'
import type { Metadata } from '../../ports/metadata/metadata.ts'
import { nextRunAfter } from '../monitoring/schedule.ts'
import type { Trigger } from './runs/run-store.ts'
import { latestRun, policyOf } from './store.ts'
import { type LoopRow, loopTables } from './tables.ts'
import { type TriggerNeeds, triggered } from './triggers.ts'

const tickMs = seconds(1)
const lookEveryMs = seconds(30)
/** The jobs that runs wait for. */
const waitedFor: ReadonlySet<string> = new Set(['loop.gather', 'dataset.split', 'training', 'loop.judge', 'loop.watch'])
const ended: ReadonlySet<string> = new Set(['succeeded', 'failed', 'cancelled'])

export interface LoopSchedulerNeeds extends TriggerNeeds {
  metadata: Metadata
  events: Pick<Events, 'on'>
  /** Runs that may have waited for a job are due now. */
  wake(): Promise<unknown>
  /** Gives runs that are due their turn. */
  drive(signal: AbortSignal): Promise<number>
  start(loop: LoopRow, trigger: Trigger): Promise<unknown>
  onError(error: unknown, doing: string): void
}

/**
 * Looks after loops and their runs, cheaply: two queries by index a second. What is due is in the database, so nothing is missed and
 * nothing done twice, however many processes look.
 */
export function loopScheduler(needs: LoopSchedulerNeeds) {
  const { metadata, events, onError } = needs
  let timer: NodeJS.Timeout | undefined
  let ticking: Promise<void> | null = null
  const closing = new AbortController()
  let unlisten: (() => void)[] = []
  let isClosed = false

  /** Loops whose triggers are to be looked at; each is looked at by one process. */
  async function look(now = Date.now()): Promise<number> {
    const due = await loopTables(metadata.db)
      .selectFrom('loops')
      .selectAll()
      .where('deleted_at', 'is', null)
      .where('enabled', '=', 1)
      .where('next_look_at', '<=', now)
      // One whose endpoint is in the bin waits with it.
      .where((eb) =>
        eb.exists(
          eb
            .selectFrom('endpoints')
            .select('endpoints.id')
            .where('endpoints.id', '=', eb.ref('loops.endpoint_id'))
            .where('endpoints.deleted_at', 'is', null),
        ),
      )
      .orderBy('next_look_at')
      .limit(50)
      .execute()
    let started = 0
    for (const loop of due) {
      const taken = await loopTables(metadata.db)
        .updateTable('loops')
        .set({ next_look_at: now + lookEveryMs })
        .where('id', '=', loop.id)
        .where('next_look_at', '=', loop.next_look_at)
        .executeTakeFirst()
      if (Number(taken.numUpdatedRows) === 0) continue
      const began = await begin(loop, now).catch((error) => onError(error, `looking at the loop ${loop.name}`))
      if (began) started++
    }
    return started
  }

  async function begin(loop: LoopRow, now: number): Promise<boolean> {
    const policy = policyOf(loop)
    const last = await latestRun(metadata.db, loop.id)
    if (last && last.ended_at === null) return false
    if (last?.ended_at && now < last.ended_at + minutes(policy.cooldownMinutes)) return false
    const trigger = await triggered(needs, loop, policy, now)
    if (!trigger) return false
    if (trigger.kind === 'schedule')
      await loopTables(metadata.db)
        .updateTable('loops')
        .set({ next_run_at: nextRunAfter(policy.triggers.schedule!, now) })
        .where('id', '=', loop.id)
        .where('next_run_at', '=', loop.next_run_at)
        .execute()
    await needs.start(loop, trigger)
    return true
  }

  function tick(): void {
    ticking ??= (async () => {
      await look().catch((error) => onError(error, 'looking for loops that are due'))
      await needs.drive(closing.signal).catch((error) => onError(error, 'driving runs of loops'))
    })().finally(() => {
      ticking = null
    })
  }

  /** Something happened that a loop may wait for: its triggers are looked at with the next tick. */
  const hurry = (endpointId: string) =>
    void loopTables(metadata.db)
      .updateTable('loops')
      .set({ next_look_at: 0 })
      .where('endpoint_id', '=', endpointId)
      .execute()
      .catch((error) => onError(error, 'waking a loop'))

  /** A job of a run ended here: the run need not wait for its next look. One that ended elsewhere is seen a second later. */
  const jobEnded = () =>
    void needs
      .wake()
      .then(tick)
      .catch((error) => onError(error, 'waking runs of loops'))

  return {
    look,
    start() {
      // A server may be told to stop while it still starts.
      if (timer || isClosed) return
      timer = setInterval(tick, tickMs).unref()
      unlisten = [
        events.on('monitor.reported', ({ endpointId, state }) => void (state === 'alert' && hurry(endpointId))),
        events.on('job.changed', ({ kind, state }) => void (waitedFor.has(kind) && ended.has(state) && jobEnded())),
      ]
      tick()
    },
    async close() {
      isClosed = true
      clearInterval(timer)
      timer = undefined
      closing.abort()
      for (const stop of unlisten) stop()
      await ticking
    },
  }
}
