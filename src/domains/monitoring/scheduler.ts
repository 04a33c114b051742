import { seconds } from '../../kernel/time.ts'
import type { Metadata } from '../../ports/metadata/metadata.ts'
import { type DeliveryNeeds, deliverAlerts } from './deliveries.ts'
import { nextRunAfter } from './schedule.ts'
import { type MonitorRow, monitoringTables } from './store.ts'

const tickMs = seconds(15)

export interface SchedulerNeeds {
  metadata: Metadata
  delivery: DeliveryNeeds
  /** Starts a run of a monitor as its owner; answers after the job is in the queue. */
  start(monitor: MonitorRow): Promise<unknown>
  onError(error: unknown, doing: string): void
}

/** Starts monitors when they are due. When each is due is in the database, so a restart misses nothing and two workers do not run one twice. */
export function monitorScheduler({ metadata, delivery, start, onError }: SchedulerNeeds) {
  let timer: NodeJS.Timeout | undefined
  let ticking: Promise<void> | null = null

  async function runDue(now = Date.now()): Promise<number> {
    const due = await monitoringTables(metadata.db)
      .selectFrom('monitors')
      .selectAll()
      .where('deleted_at', 'is', null)
      .where('schedule', 'is not', null)
      .where('next_run_at', '<=', now)
      .limit(100)
      .execute()
    let started = 0
    for (const monitor of due) {
      const taken = await monitoringTables(metadata.db)
        .updateTable('monitors')
        .set({ next_run_at: nextRunAfter(monitor.schedule!, now) })
        .where('id', '=', monitor.id)
        .where('next_run_at', '=', monitor.next_run_at)
        .executeTakeFirst()
      if (Number(taken.numUpdatedRows) === 0) continue
      await start(monitor).then(
        () => started++,
        (error) => onError(error, `starting the monitor ${monitor.name}`),
      )
    }
    return started
  }

  function tick(): void {
    ticking ??= (async () => {
      await runDue().catch((error) => onError(error, 'looking for monitors that are due'))
      await deliverAlerts(delivery).catch((error) => onError(error, 'delivering alerts'))
    })().finally(() => {
      ticking = null
    })
  }

  return {
    runDue,
    start() {
      timer ??= setInterval(tick, tickMs).unref()
      tick()
    },
    async close() {
      clearInterval(timer)
      await ticking
    },
  }
}
