import type { Session } from './session.ts'

/** What a pool of workers does now. */
export interface PoolFigures {
  workers: number
  busy: number
  /** Calls that wait for a worker. */
  waiting: number
  /** How long the call that waits longest has waited; 0 where none does. */
  oldestMs: number
}

/** The places where a loaded model runs, where there may be more or fewer of them. */
export interface WorkerPool {
  figures(): PoolFigures
  /** Starts workers, or lets those that are idle (or the next to become so) go, until there are so many. */
  resize(workers: number): Promise<void>
}

/** What a queue of calls offers to whoever changes the number of its sessions. */
export interface ElasticQueue {
  figures(): PoolFigures
  add(session: Session): void
  /** Takes a session out as soon as it is idle; answers it, for closing. */
  take(): Promise<Session>
}

/** Workers that come and go, over a queue that shares the work out among them. One change at a time. */
export function workerPool(queue: ElasticQueue, start: () => Promise<Session>): WorkerPool {
  let changing: Promise<void> = Promise.resolve()
  async function change(wanted: number): Promise<void> {
    for (let { workers } = queue.figures(); workers < wanted; workers++) queue.add(await start())
    for (let { workers } = queue.figures(); workers > wanted; workers--) await (await queue.take()).close()
  }
  return {
    figures: queue.figures,
    resize(workers) {
      changing = changing.catch(() => {}).then(() => change(Math.max(1, workers)))
      return changing
    },
  }
}
