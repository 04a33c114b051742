import { setTimeout as sleep } from 'node:timers/promises'
import { type AttemptNeeds, AttemptStopped, type Ending, runAttempt } from './attempt.ts'
import type { JobHandler } from './handler.ts'
import { recoverAbandoned, removeDebris } from './recovery.ts'
import { beatMs } from './store.ts'
import type { JobRow, Lane } from './tables.ts'

export interface WorkerNeeds extends AttemptNeeds {
  handlers: ReadonlyMap<string, JobHandler>
  root: string
  slots: number
  /** Jobs that somebody waits for on a page run beside the others. */
  interactiveSlots?: number
  onError(error: unknown, doing: string): void
}

interface Running {
  row: JobRow
  stop: AbortController
  done: Promise<void>
}

const pollMs = 2000
const cancelPollMs = 1000
const lostGraceMs = 1000

/** Claims jobs and runs them, a few at a time, until it is closed. */
export function startWorker(needs: WorkerNeeds) {
  const { metadata, store, handlers, files, onError } = needs
  const self = needs.executor.identity
  const room: Record<Lane, number> = { batch: needs.slots, interactive: needs.interactiveSlots ?? 2 }
  const running = new Map<string, Running>()
  let closing = false
  let pumping: Promise<void> | null = null
  let pumpAgain = false

  /** Fills the free slots. Calls during a round make another round follow. */
  function pump(): Promise<void> {
    pumpAgain = true
    pumping ??= (async () => {
      try {
        while (pumpAgain && !closing) {
          pumpAgain = false
          while (!closing && (await claimOne()));
        }
      } catch (error) {
        onError(error, 'claiming a job')
      } finally {
        pumping = null
      }
    })()
    return pumping
  }

  async function claimOne(): Promise<boolean> {
    const lanes = (Object.keys(room) as Lane[]).filter((lane) => room[lane] > 0)
    const row = await store.claim(self, lanes, [...handlers.keys()])
    if (!row) return false
    room[row.lane]--
    const stop = new AbortController()
    const earlier = running.get(row.id)
    const entry: Running = { row, stop, done: Promise.resolve() }
    running.set(row.id, entry)
    needs.announce(row, { state: 'running' })
    entry.done = afterEarlier(earlier)
      .then(() => run(entry))
      .finally(() => {
        if (running.get(row.id) === entry) running.delete(row.id)
        room[row.lane]++
        if (!closing) void pump()
      })
    return true
  }

  async function run({ row, stop }: Running): Promise<void> {
    const handler = handlers.get(row.kind)!
    try {
      await removeEarlierAttempts(row)
      const ending = await runAttempt(needs, row, handler, stop.signal)
      if (ending.state !== 'lost') needs.announce(row, { state: ending.state })
      await cleanUp(row, ending)
      if (ending.state !== 'lost' && ending.state !== 'queued')
        await handler.ended?.({
          jobId: row.id,
          projectId: row.project_id,
          spec: JSON.parse(row.spec),
          state: ending.state,
          ...(ending.failure && { failure: ending.failure }),
        })
    } catch (error) {
      // Not even its end could be written. The lease runs out, and the job is taken up again.
      onError(error, `ending job ${row.id}`)
    }
  }

  /** We may get back what we had lost: then our late attempt ends before the next begins, for they share checkpoints. */
  async function afterEarlier(earlier: Running | undefined) {
    if (!earlier) return
    earlier.stop.abort(new AttemptStopped('lost'))
    await Promise.race([earlier.done, sleep(lostGraceMs, undefined, { ref: false })])
  }

  /** Only what no live attempt can be using: the claim made every earlier one late. Checkpoints lie elsewhere and stay. */
  async function removeEarlierAttempts(row: JobRow) {
    for (const name of await files.names(needs.folderOf(row.id)))
      if (/^\d+$/.test(name) && Number(name) < row.attempt) await files.remove(needs.folderOf(row.id), name)
  }

  async function cleanUp(row: JobRow, ending: Ending) {
    if (ending.state === 'lost' || ending.state === 'queued') await files.remove(needs.folderOf(row.id), String(row.attempt))
    else await files.remove(needs.folderOf(row.id))
  }

  async function beat() {
    const held = await store.beat(self, [...running.keys()])
    const attempts = new Map(held.map((row) => [row.id, row]))
    for (const [id, { row, stop }] of running) {
      const mine = attempts.get(id)
      if (mine?.attempt !== row.attempt) await confirmLoss(id, row, stop)
      else if (mine.cancel_requested) stop.abort(new AttemptStopped('cancelled'))
    }
  }

  /** An attempt that is writing its end is not in the beat's answer either; it is no longer running by then. */
  async function confirmLoss(id: string, row: JobRow, stop: AbortController) {
    await sleep(50)
    const [still] = running.get(id)?.row === row ? await store.beat(self, [id]) : []
    if (still?.attempt !== row.attempt && running.get(id)?.row === row) stop.abort(new AttemptStopped('lost'))
  }

  async function stopCancelled() {
    if (running.size === 0) return
    for (const id of await store.cancelRequested(self)) running.get(id)?.stop.abort(new AttemptStopped('cancelled'))
  }

  const timers = [
    every(pollMs, 'recovering jobs', async () => {
      await recoverAbandoned(needs)
      await pump()
    }),
    every(beatMs, 'renewing leases', beat),
    every(cancelPollMs, 'looking for cancelled jobs', stopCancelled),
  ]

  function every(ms: number, doing: string, work: () => Promise<unknown>): NodeJS.Timeout {
    let busy = false
    return setInterval(async () => {
      if (busy || closing) return
      busy = true
      await work().catch((error) => onError(error, doing))
      busy = false
    }, ms).unref()
  }

  const ready = (async () => {
    await recoverAbandoned(needs)
    await removeDebris(needs)
    await pump()
  })().catch((error) => onError(error, 'taking up jobs at start'))

  return {
    ready,
    wake: () => void pump(),
    cancel: (jobId: string) => running.get(jobId)?.stop.abort(new AttemptStopped('cancelled')),
    /** Stops claiming, lets running jobs write a checkpoint, gives their leases back. */
    async close({ graceMs = 120_000 } = {}) {
      closing = true
      await ready
      await pumping
      const left = [...running.values()]
      for (const { stop } of left) stop.abort(new AttemptStopped('shutdown'))
      await Promise.race([Promise.all(left.map((entry) => entry.done)), sleep(graceMs, undefined, { ref: false })])
      for (const timer of timers) clearInterval(timer)
      // What did not stop in time is fenced off and given back: it was not its fault.
      for (const { row, stop } of running.values()) {
        stop.abort(new AttemptStopped('lost'))
        await metadata.transaction((tx) =>
          store.requeue(tx, row, { crashed: false, reason: 'Atoll was stopped before the job could stop.' }),
        )
      }
    },
  }
}

export type Worker = ReturnType<typeof startWorker>

/** The name of this process's folder of warm engines: others see by it whether it is still in use. */
export const warmFolderName = (identity: string) => `warm-${encodeURIComponent(identity)}`
