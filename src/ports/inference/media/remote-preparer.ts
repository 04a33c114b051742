import { availableParallelism } from 'node:os'
import { openRemote, type Remote } from '../remote.ts'
import type { SignatureColumn } from '../signature.ts'
import type { MediaValue, PreparedValue, Preparer } from './preparer.ts'

export type PrepareCall =
  | { type: 'open'; folder: string; inputs: SignatureColumn[] }
  | { type: 'prepare'; column: string; value: MediaValue }

const script = new URL('./prepare-remote.ts', import.meta.url)
const threads = Math.max(1, Math.min(2, availableParallelism() - 1))

/**
 * Prepares images, sounds and long texts away from the event loop: in threads, or, for packages from outside (whose graph and tokenizer are theirs),
 * in a process. One that died is started again for the next value.
 */
export async function openRemotePreparer(
  what: { folder: string; inputs: SignatureColumn[] },
  place: 'thread' | 'process',
): Promise<Preparer & { close(): Promise<void> }> {
  const workers = await Promise.all(Array.from({ length: place === 'process' ? 1 : threads }, start))
  const idle = [...workers.keys()]
  const waiting: ((worker: number) => void)[] = []
  let closed = false

  async function start(): Promise<Remote<PrepareCall, PreparedValue | null>> {
    const worker = openRemote<PrepareCall, PreparedValue | null>(script, { place, what: 'What prepares the rows' })
    try {
      await worker.ask({ type: 'open', ...what })
    } catch (error) {
      worker.stop()
      throw error
    }
    return worker
  }

  async function prepare(column: string, value: MediaValue): Promise<PreparedValue> {
    const place = idle.pop() ?? (await new Promise<number>((resolve) => waiting.push(resolve)))
    try {
      if (workers[place]!.dead && !closed) workers[place] = await start()
      return (await workers[place]!.ask({ type: 'prepare', column, value }))!
    } finally {
      const next = waiting.shift()
      if (next) next(place)
      else idle.push(place)
    }
  }

  return {
    prepare,
    async close() {
      closed = true
      for (const worker of workers) worker.stop()
    },
  }
}
