import { isPlatformError } from '../../../kernel/errors.ts'
import type { RawBody } from '../../../kernel/raw-body.ts'
import type { AppendLog, AppendLogs } from '../../../ports/logs/append-log.ts'
import type { RowServing, Serving, TextServing } from '../serving.ts'
import { comparePredictions } from './compare-predictions.ts'
import type { LiveVariant } from './live-traffic.ts'

/** A request that was answered, for whoever is asked the same in the background. */
export interface Answered {
  at: number
  rowCount: number
  /** Read only when a shadow is asked: who was answered does not wait for it. */
  rows(): readonly unknown[] | Promise<readonly unknown[]>
  /** The body as it came, where nothing in it is somebody else's. */
  raw?: RawBody | undefined
  /** JSON list of predictions, with their ids. */
  predictions: string
  ms: number
}

/** A line of a shadow's log. */
export interface ShadowLine {
  at: number
  variant: string
  version: string
  main: Record<string, unknown>[]
  shadow?: Record<string, unknown>[]
  differing?: number
  mainMs: number
  shadowMs?: number
  error?: string
}

interface Lane {
  queue: Answered[]
  isBusy: boolean
  skipped: number
}

export type ShadowRunner = ReturnType<typeof shadowRunner>

/** Requests that may wait for one shadow; what comes beyond is skipped and counted: a shadow never holds up who answers. */
const mostWaiting = 1024
/** A shadow is asked what came in so long, together: a message to its thread for each request would cost as much as answering it. */
const gatherMs = 25
/** So many rows at once, so that those who are answered get in between. */
const rowsAtOnce = 16
/** A shadow that answers here and at once is asked for so long at a stretch. */
const stretchMs = 0.1
/** A shadow that does not answer is not waited for. */
const mostMs = 60_000

export const shadowLogName = (endpointId: string): string => `${endpointId}.shadow`

/** Asks shadows what was asked, one request at a time each, and keeps how they differ. */
export function shadowRunner(
  logs: AppendLogs,
  endpointId: string,
  write: (serving: TextServing, row: unknown) => Promise<Record<string, unknown>>,
) {
  let log: AppendLog | null = null
  let isClosed = false
  const lanes = new Map<LiveVariant, Lane>()

  function ask(variants: readonly LiveVariant[], answered: Answered): void {
    for (const variant of variants) {
      if (!variant.shadow || variant.serving === null) continue
      const lane = lanes.get(variant) ?? { queue: [], isBusy: false, skipped: 0 }
      lanes.set(variant, lane)
      if (lane.queue.length >= mostWaiting) {
        lane.skipped++
        continue
      }
      lane.queue.push(answered)
      if (!lane.isBusy) {
        lane.isBusy = true
        setTimeout(() => void work(variant, lane), gatherMs)
      }
    }
  }

  async function work(variant: LiveVariant, lane: Lane): Promise<void> {
    while (lane.queue.length > 0) {
      const { serving } = variant
      if (!serving) break
      if (askedNow(variant, serving, lane.queue)) {
        await turn()
        continue
      }
      const together = serving.answers === 'rows' ? takeRows(lane.queue) : [lane.queue.shift()!]
      await several(variant, serving, together)
      await turn()
    }
    lane.queue.length = 0
    lane.isBusy = false
  }

  /** Asks from the head of the queue what can be asked without waiting, for a moment; says whether there was such. */
  function askedNow(variant: LiveVariant, serving: Serving, queue: Answered[]): boolean {
    if (serving.answers !== 'rows' || !serving.model.predictNow) return false
    const began = performance.now()
    let at = began
    let asked = 0
    for (; asked < queue.length && at - began < stretchMs; asked++) {
      const request = queue[asked]!
      const batch = request.raw ? serving.encoder.encodeBodyOnce(request.raw) : null
      const scores = batch && serving.model.predictNow(batch)
      if (!scores) break
      const main = JSON.parse(request.predictions) as Record<string, unknown>[]
      const shadow = main.map(({ id }, r) => JSON.parse(serving.answer(scores, r, String(id))) as Record<string, unknown>)
      const now = performance.now()
      note(variant, serving, request, { main, shadow, differing: differingOf(main, shadow), shadowMs: now - at })
      at = now
    }
    queue.splice(0, asked)
    return asked > 0
  }

  /** Asks what several requests asked; one of them that cannot be asked does not spoil the others. */
  async function several(variant: LiveVariant, serving: Serving, requests: Answered[]): Promise<void> {
    const mains = requests.map(({ predictions }) => JSON.parse(predictions) as Record<string, unknown>[])
    const began = performance.now()
    serving.inFlight.enter()
    try {
      const rows = await Promise.all(requests.map((request) => request.rows()))
      const said = await answers(serving, rows.flat(), mains.flat())
      const ms = (performance.now() - began) / requests.length
      let from = 0
      for (const [i, request] of requests.entries()) {
        const main = mains[i]!
        const shadow = said.slice(from, from + main.length)
        from += main.length
        note(variant, serving, request, { main, shadow, differing: differingOf(main, shadow), shadowMs: ms })
      }
    } catch (error) {
      if (requests.length > 1) for (const request of requests) await several(variant, serving, [request])
      else {
        const message = isPlatformError(error) ? error.message : 'The shadow failed; the log of the server says why.'
        note(variant, serving, requests[0]!, { main: mains[0]!, error: message, shadowMs: performance.now() - began })
      }
    } finally {
      serving.inFlight.leave()
    }
  }

  function note(
    variant: LiveVariant,
    serving: Serving,
    { at, rowCount, ms }: Answered,
    outcome: Pick<ShadowLine, 'main' | 'shadow' | 'differing' | 'error'> & { shadowMs: number },
  ): void {
    variant.metrics.record(at, outcome.shadowMs, rowCount, outcome.error !== undefined)
    const line: ShadowLine = { at, variant: variant.name, version: serving.versionId, ...outcome, mainMs: ms }
    // What a shadow says once nobody listens is not kept.
    if (isClosed) return
    log ??= logs.open(shadowLogName(endpointId))
    log.append(JSON.stringify(line))
  }

  async function answers(
    serving: Serving,
    rows: readonly unknown[],
    main: Record<string, unknown>[],
  ): Promise<Record<string, unknown>[]> {
    if (serving.answers === 'rows') return answerRows(serving, rows, main)
    const said: Record<string, unknown>[] = []
    for (const [r, row] of rows.entries()) said.push({ id: main[r]!.id, ...(await write(serving, row)) })
    return said
  }

  return {
    ask,
    skipped: (variant?: string) =>
      [...lanes].reduce((sum, [one, lane]) => (variant === undefined || one.name === variant ? sum + lane.skipped : sum), 0),
    forget: (variant: LiveVariant) => void lanes.delete(variant),
    /** What was noted so far is in the file. */
    flush: async () => log?.flush(),
    async close() {
      isClosed = true
      await log?.close()
      log = null
    },
  }
}

/** Whoever waits to be answered comes first. */
const turn = () => new Promise((resolve) => setImmediate(resolve))

const differingOf = (main: readonly Record<string, unknown>[], shadow: readonly Record<string, unknown>[]): number =>
  shadow.filter((answer, r) => comparePredictions(main[r]!, answer).differs).length

/** Requests from the head of a queue, of not too many rows together. */
function takeRows(queue: Answered[]): Answered[] {
  const taken: Answered[] = []
  for (let rows = 0; queue.length > 0 && (taken.length === 0 || rows + queue[0]!.rowCount <= rowsAtOnce); )
    rows += taken[taken.push(queue.shift()!) - 1]!.rowCount
  return taken
}

async function answerRows(
  serving: RowServing,
  rows: readonly unknown[],
  main: Record<string, unknown>[],
): Promise<Record<string, unknown>[]> {
  const { batch } = await serving.encoder.encode(rows)
  if (rows.length > 0) serving.encoder.learn(rows)
  const scores = await serving.model.predict(batch, { signal: AbortSignal.timeout(mostMs) })
  return rows.map((_, r) => JSON.parse(serving.answer(scores, r, String(main[r]!.id))))
}
