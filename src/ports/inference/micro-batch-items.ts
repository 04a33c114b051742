import { isPlatformError, PlatformError } from '../../kernel/errors.ts'
import type { RunTiming } from '../../kernel/request-trace.ts'
import type { PredictOptions, PreparedItem, RawBatch, RawScores } from './inference.ts'
import { begun, ended } from './micro-batch.ts'
import type { Session } from './session.ts'
import type { ModelShape } from './signature.ts'
import type { ElasticQueue, PoolFigures } from './worker-pool.ts'

/** What a call's rows were made of, where the answer is told in it: the sizes of images, the words of texts. */
const sourcesOf = ({ items = [] }: RawBatch): Pick<RawScores, 'frames' | 'words'> => ({
  ...(items.some(({ frame }) => frame) && { frames: items.map(({ frame }) => frame) }),
  ...(items.some(({ words }) => words) && { words: items.map(({ words }) => words) }),
})

interface Call {
  batch: RawBatch
  /** When it came. */
  at: number
  values: Float32Array
  left: number
  isOver: boolean
  /** When it led a run last, counted in runs; 0 for not yet. */
  led: number
  /** Where somebody follows the call. */
  timing: RunTiming | null
  resolve(scores: RawScores): void
  reject(error: unknown): void
}

interface WaitingRow {
  call: Call
  row: number
  key: string
  length: number
}

interface RunLimits {
  maxRows: number
  /** Rows of one key may be put together in one run. */
  keyOf(item: PreparedItem): string
  /** How long a row is, where shorter ones are filled to the length of the longest. */
  lengthOf?(item: PreparedItem): number
}

/**
 * What rows of several lengths may take in one run, filling included: more is slower, since what the layers hand on no longer fits the
 * processor's own memory. One row may always be longer.
 */
const lengthOfRun = 512
/** How much longer or shorter than the row that leads others may be: filling so much costs about what a run of several rows saves. */
const mostFilling = 4

/**
 * Micro-batches of rows that hold images, sounds or tokens: rows that wait at the same time, of one shape and about one length, make one run,
 * whichever calls they come from. Calls lead in turn, each by the row of its that waited longest. Without a timer, as for tables.
 */
export function microBatchItems(
  sessions: readonly Session[],
  shape: ModelShape,
  { maxRows, keyOf, lengthOf = () => 0 }: RunLimits,
) {
  const all = new Set(sessions)
  const idle = [...sessions]
  const takers: ((session: Session) => void)[] = []
  let queue: WaitingRow[] = []
  let running = 0
  let turns = 0
  let scheduled = false
  let closed = false
  let onDrained: (() => void) | null = null

  function predict(batch: RawBatch, options?: PredictOptions): Promise<RawScores> {
    if (closed) return Promise.reject(new PlatformError('unavailable', 'The model is being unloaded. Try again.'))
    const values = new Float32Array(batch.rows * shape.width)
    if (batch.rows === 0) return Promise.resolve({ width: shape.width, values })
    return new Promise((resolve, reject) => {
      const call: Call = {
        batch,
        at: Date.now(),
        values,
        left: batch.rows,
        isOver: false,
        led: 0,
        timing: options?.timing ?? null,
        resolve,
        reject,
      }
      for (let row = 0; row < batch.rows; row++) {
        const item = batch.items![row]!
        queue.push({ call, row, key: keyOf(item), length: lengthOf(item) })
      }
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
      const session = idle.pop()!
      const rows = take()
      running++
      run(session, rows).finally(() => {
        running--
        free(session)
        if (queue.length > 0) pump()
        else if (running === 0) onDrained?.()
      })
    }
  }

  /** A session that is idle goes to whoever waits to let one go, else back to work. */
  function free(session: Session): void {
    const taker = takers.shift()
    if (!taker) return void idle.push(session)
    all.delete(session)
    taker(session)
  }

  const elastic: ElasticQueue = {
    figures: (): PoolFigures => ({
      workers: all.size,
      busy: running,
      waiting: queue.length,
      oldestMs:
        queue.length === 0
          ? 0
          : Date.now() - queue.reduce((first, { call }) => Math.min(first, call.at), Number.POSITIVE_INFINITY),
    }),
    add(session) {
      all.add(session)
      free(session)
      schedule()
    },
    take: () =>
      new Promise((resolve) => {
        const session = idle.pop()
        if (!session) return void takers.push(resolve)
        all.delete(session)
        resolve(session)
      }),
  }

  /** A row, and others of its shape and about its length. Calls take turns, so that a large one does not hold up a small one. */
  function take(): WaitingRow[] {
    const leader = nextLeader()
    const { key, length } = leader
    const byCall = new Map<Call, WaitingRow[]>()
    for (const one of queue) {
      if (one.key !== key || Math.abs(one.length - length) > mostFilling) continue
      const rows = byCall.get(one.call)
      if (rows) rows.push(one)
      else byCall.set(one.call, [one])
    }
    const most = Math.min(maxRows, length === 0 ? maxRows : Math.max(1, Math.floor(lengthOfRun / length)))
    const taken = new Set<WaitingRow>([leader])
    for (let turn = 0; taken.size < most && turn < most; turn++)
      for (const rows of byCall.values()) if (turn < rows.length && taken.size < most) taken.add(rows[turn]!)
    queue = queue.filter((one) => !taken.has(one))
    return [...taken]
  }

  /** The first row of the call that led longest ago. */
  function nextLeader(): WaitingRow {
    let leader = queue[0]!
    for (const one of queue) if (one.call.led < leader.call.led) leader = one
    leader.call.led = ++turns
    return leader
  }

  async function run(session: Session, rows: WaitingRow[]): Promise<void> {
    const wanted = rows.filter(({ call }) => !call.isOver)
    if (wanted.length === 0) return
    try {
      begun(wanted)
      const values = await session.run(joined(wanted))
      ended(wanted)
      wanted.forEach(({ call, row }, i) => {
        call.values.set(values.subarray(i * shape.width, (i + 1) * shape.width), row * shape.width)
        if (--call.left === 0) call.resolve({ width: shape.width, values: call.values, ...sourcesOf(call.batch) })
      })
    } catch (error) {
      const calls = new Set(wanted.map(({ call }) => call))
      if (calls.size === 1 || isPlatformError(error)) for (const call of calls) fail(call, error)
      // One call's rows may be what the graph cannot take: the others must not fail with it.
      else
        for (const call of calls)
          await run(
            session,
            wanted.filter((one) => one.call === call),
          )
    }
  }

  function fail(call: Call, error: unknown): void {
    call.isOver = true
    call.reject(error)
    queue = queue.filter((one) => one.call !== call)
  }

  function joined(rows: readonly WaitingRow[]): RawBatch {
    const { numberColumns, stringColumns } = shape
    const numbers = new Float64Array(rows.length * numberColumns)
    const strings: string[] = []
    rows.forEach(({ call, row }, i) => {
      const { batch } = call
      numbers.set(batch.numbers.subarray(row * numberColumns, (row + 1) * numberColumns), i * numberColumns)
      for (let k = 0; k < stringColumns; k++) strings.push(batch.strings[row * stringColumns + k]!)
    })
    return { rows: rows.length, numbers, strings, items: rows.map(({ call, row }) => call.batch.items![row]!) }
  }

  async function close(): Promise<void> {
    closed = true
    if (running > 0 || queue.length > 0) await new Promise<void>((resolve) => (onDrained = resolve))
    await Promise.all([...all].map((session) => session.close()))
  }

  return { predict, close, elastic }
}
