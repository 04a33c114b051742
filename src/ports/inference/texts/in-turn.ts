import { PlatformError } from '../../../kernel/errors.ts'
import type { LoadedModel, RawBatch, RawScores } from '../inference.ts'
import type { Session } from '../session.ts'
import type { TurnsAnswer } from '../turns/plan.ts'
import type { WrittenAnswer } from './decoding.ts'

/** What is said of a row where it is no values: a text, or who speaks when. */
export type RowAnswer = WrittenAnswer | TurnsAnswer | TokensRead

/** How many tokens a text had, beside its values. */
export interface TokensRead {
  tokens: { prompt: number; generated: number }
}

/** One row of a call; what it is told of people who hung up. */
export interface RowWork {
  batch: RawBatch
  row: number
  unwanted: Int32Array
}

interface Call {
  batch: RawBatch
  answers: RowAnswer[]
  next: number
  left: number
  unwanted: Int32Array
  resolve(scores: RawScores): void
  reject(error: unknown): void
}

/** Rows that take long each: one at a time in each session, calls in turns, and nothing more is begun for a call that ended. */
export function inTurn(sessions: readonly Session<RowWork, RowAnswer>[]): Pick<LoadedModel, 'predict' | 'close'> {
  const idle = [...sessions]
  let queue: Call[] = []
  let running = 0
  let closed = false
  let onDrained: (() => void) | null = null

  function predict(batch: RawBatch, { signal }: { signal?: AbortSignal } = {}): Promise<RawScores> {
    if (closed) return Promise.reject(new PlatformError('unavailable', 'The model is being unloaded. Try again.'))
    if (batch.rows === 0) return Promise.resolve(said([]))
    return new Promise((resolve, reject) => {
      const unwanted = new Int32Array(new SharedArrayBuffer(4))
      const call: Call = { batch, answers: new Array(batch.rows), next: 0, left: batch.rows, unwanted, resolve, reject }
      const stop = () => end(call, new PlatformError('unavailable', 'Nobody waits for the answer any longer.'))
      if (signal?.aborted) return stop()
      signal?.addEventListener('abort', stop, { once: true })
      queue.push(call)
      pump()
    })
  }

  function pump(): void {
    while (idle.length > 0 && queue.length > 0) {
      const call = queue.shift()!
      const row = call.next++
      if (call.next < call.batch.rows) queue.push(call)
      const session = idle.pop()!
      running++
      run(session, call, row).finally(() => {
        running--
        idle.push(session)
        if (queue.length > 0) pump()
        else if (running === 0) onDrained?.()
      })
    }
  }

  async function run(session: Session<RowWork, RowAnswer>, call: Call, row: number): Promise<void> {
    try {
      call.answers[row] = await session.run({ batch: call.batch, row, unwanted: call.unwanted })
      if (--call.left === 0) call.resolve(said(call.answers))
    } catch (error) {
      end(call, error)
    }
  }

  function end(call: Call, error: unknown): void {
    Atomics.store(call.unwanted, 0, 1)
    queue = queue.filter((one) => one !== call)
    call.reject(error)
  }

  async function close(): Promise<void> {
    closed = true
    if (running > 0 || queue.length > 0) await new Promise<void>((resolve) => (onDrained = resolve))
    await Promise.all(sessions.map((session) => session.close()))
  }

  return { predict, close }
}

const said = (answers: RowAnswer[]): RawScores => ({ width: 0, values: new Float32Array(0), answers })
