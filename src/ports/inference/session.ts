import { PlatformError } from '../../kernel/errors.ts'
import type { RawBatch } from './inference.ts'

/** One graph in one place, running one batch (or whatever else it takes) at a time. */
export interface Session<Work = RawBatch, Result = Float32Array> {
  /** Of a batch the values of [rows, width], row-major. May not keep `work` after it settles. */
  run(work: Work): Promise<Result>
  /** The same at once, where nothing need be waited for. */
  runNow?(work: Work): Result
  /** The graph is told which tokens are there, so that rows of several lengths may be put together. */
  readonly isMasked?: boolean
  close(): Promise<void>
}

/** A session in another thread or process, which may end at any time. */
export interface MortalSession<Work = RawBatch, Result = Float32Array> extends Session<Work, Result> {
  readonly dead: boolean
}

const maxDeaths = 3
const deathsWithinMs = 300_000

/** Starts a session that died again for the next call, until it has died three times within minutes: then it is left alone. */
export async function restarting<Work = RawBatch, Result = Float32Array>(
  what: string,
  start: () => Promise<MortalSession<Work, Result>>,
): Promise<Session<Work, Result>> {
  let current: MortalSession<Work, Result> | null = await start()
  let deaths: number[] = []
  return {
    isMasked: current.isMasked ?? false,
    async run(work) {
      if (current?.dead) {
        current = null
        deaths = [...deaths.filter((at) => at > Date.now() - deathsWithinMs), Date.now()]
      }
      if (deaths.length >= maxDeaths && deaths[0]! > Date.now() - deathsWithinMs) {
        throw new PlatformError(
          'unavailable',
          `The model's ${what} died ${deaths.length} times within minutes and is not started again. Look at the model.`,
        )
      }
      current ??= await start()
      return current.run(work)
    },
    close: async () => current?.close(),
  }
}
