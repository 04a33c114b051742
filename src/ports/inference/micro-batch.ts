import { isPlatformError, PlatformError } from '../../kernel/errors.ts'
import type { RunTiming } from '../../kernel/request-trace.ts'
import type { PredictOptions, RawBatch, RawScores } from './inference.ts'
import type { Session } from './session.ts'
import type { ModelShape } from './signature.ts'
import type { ElasticQueue, PoolFigures } from './worker-pool.ts'

/**
 * Gathers the calls of one event-loop turn into one run, without a timer: a lone call pays nothing, and while a run is under way
 * the next batch gathers. A call of many rows is cut into runs of `maxRows` that let others in between.
 */
export function microBatch(sessions: readonly Session[], shape: ModelShape, maxRows: number) {
  const slotOf = (session: Session) => ({ session, numbers: new Float64Array(maxRows * shape.numberColumns) })
  const all = new Set(sessions)
  const idle = sessions.map(slotOf)
  const takers: ((session: Session) => void)[] = []
  const queue: Call[] = []
  let scheduled = false
  let running = 0
  let closed = false
  let onDrained: (() => void) | null = null

  function predict(batch: RawBatch, options?: PredictOptions): Promise<RawScores> {
    if (closed) return Promise.reject(new PlatformError('unavailable', 'The model is being unloaded. Try again.'))
    if (batch.rows === 0) return Promise.resolve({ width: shape.width, values: new Float32Array(0) })
    return new Promise((resolve, reject) => {
      queue.push({ batch, at: Date.now(), taken: 0, answered: 0, values: null, timing: options?.timing ?? null, resolve, reject })
      schedule()
    })
  }

  function schedule(): void {
    if (scheduled || idle.length === 0 || queue.length === 0) return
    scheduled = true
    setImmediate(pump)
  }

  function pump(): void {
    scheduled = false
    while (idle.length > 0 && queue.length > 0) {
      const slot = idle.pop()!
      const pieces = take()
      running++
      run(slot, pieces).finally(() => {
        running--
        free(slot)
        if (queue.length > 0) pump()
        else if (running === 0) onDrained?.()
      })
    }
  }

  /** A session that is idle goes to whoever waits to let one go, else back to work. */
  function free(slot: ReturnType<typeof slotOf>): void {
    const taker = takers.shift()
    if (!taker) return void idle.push(slot)
    all.delete(slot.session)
    taker(slot.session)
  }

  const elastic: ElasticQueue = {
    figures: (): PoolFigures => ({
      workers: all.size,
      busy: running,
      waiting: queue.length,
      oldestMs:
        queue.length === 0 ? 0 : Date.now() - queue.reduce((first, call) => Math.min(first, call.at), Number.POSITIVE_INFINITY),
    }),
    add(session) {
      all.add(session)
      free(slotOf(session))
      schedule()
    },
    take: () =>
      new Promise((resolve) => {
        const slot = idle.pop()
        if (!slot) return void takers.push(resolve)
        all.delete(slot.session)
        resolve(slot.session)
      }),
  }

  /** Fills one run from the head of the queue; what is left of a large call goes to the tail. */
  function take(): Piece[] {
    const pieces: Piece[] = []
    let room = maxRows
    while (room > 0 && queue.length > 0) {
      const call = queue[0]!
      const rows = Math.min(room, call.batch.rows - call.taken)
      if (rows < call.batch.rows - call.taken && pieces.length > 0 && call.batch.rows <= maxRows) break
      queue.shift()
      pieces.push({ call, from: call.taken, rows })
      call.taken += rows
      room -= rows
      if (call.taken < call.batch.rows) {
        queue.push(call)
        break
      }
    }
    return pieces
  }

  async function run(slot: (typeof idle)[number], pieces: Piece[]): Promise<void> {
    try {
      begun(pieces)
      const values = await slot.session.run(joined(pieces, slot.numbers))
      ended(pieces)
      let at = 0
      for (const piece of pieces) {
        answer(piece, values.subarray(at * shape.width, (at + piece.rows) * shape.width))
        at += piece.rows
      }
    } catch (error) {
      if (pieces.length === 1 || isPlatformError(error)) for (const { call } of pieces) call.reject(error)
      // One call's rows may be what the graph cannot take: the others must not fail with it.
      else for (const piece of pieces) await run(slot, [piece])
    }
  }

  function joined(pieces: Piece[], numbers: Float64Array): RawBatch {
    const kn = shape.numberColumns
    const ks = shape.stringColumns
    if (pieces.length === 1) {
      const { call, from, rows } = pieces[0]!
      if (rows === call.batch.rows) return call.batch
      return {
        rows,
        numbers: call.batch.numbers.subarray(from * kn, (from + rows) * kn),
        strings: call.batch.strings.slice(from * ks, (from + rows) * ks),
      }
    }
    let total = 0
    const strings: string[] = []
    for (const { call, from, rows } of pieces) {
      if (kn > 0) {
        numbers.set(
          rows === call.batch.rows ? call.batch.numbers : call.batch.numbers.subarray(from * kn, (from + rows) * kn),
          total * kn,
        )
      }
      for (let i = from * ks; i < (from + rows) * ks; i++) strings.push(call.batch.strings[i]!)
      total += rows
    }
    return { rows: total, numbers: numbers.subarray(0, total * kn), strings }
  }

  function answer({ call, from, rows }: Piece, values: Float32Array): void {
    if (rows === call.batch.rows) {
      call.resolve({ width: shape.width, values })
      return
    }
    call.values ??= new Float32Array(call.batch.rows * shape.width)
    call.values.set(values, from * shape.width)
    call.answered += rows
    if (call.answered === call.batch.rows) call.resolve({ width: shape.width, values: call.values })
  }

  async function close(): Promise<void> {
    closed = true
    if (running > 0 || queue.length > 0) await new Promise<void>((resolve) => (onDrained = resolve))
    await Promise.all([...all].map((session) => session.close()))
  }

  return { predict, close, elastic }
}

interface Followed {
  call: { timing: RunTiming | null }
  rows?: number
}

/** Notes when calls were taken up that somebody follows. */
export function begun(pieces: readonly Followed[]): void {
  for (const { call } of pieces) if (call.timing !== null) call.timing.startedAt ??= performance.now()
}

/** The same of their end. */
export function ended(pieces: readonly Followed[]): void {
  for (const { call } of pieces) {
    if (call.timing === null) continue
    call.timing.endedAt = performance.now()
    call.timing.rows = pieces.reduce((sum, { rows = 1 }) => sum + rows, 0)
  }
}

interface Call {
  batch: RawBatch
  /** When it came. */
  at: number
  taken: number
  answered: number
  values: Float32Array | null
  /** Where somebody follows the call. */
  timing: RunTiming | null
  resolve(scores: RawScores): void
  reject(error: unknown): void
}

interface Piece {
  call: Call
  from: number
  rows: number
}
