import { isPlatformError } from '../../../kernel/errors.ts'
import type { AppendLog, AppendLogs } from '../../../ports/logs/append-log.ts'
import type { RowServing, Serving, TextServing } from '../serving.ts'
import { comparePredictions } from './compare-predictions.ts'
import type { LiveVariant } from './live-traffic.ts'

/** A request that was answered, for whoever is asked the same in the background. */
export interface Answered {
  at: number
  rows: readonly unknown[]
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

export type ShadowRunner = ReturnType<typeof shadowRunner>

/** Requests that may wait for one shadow; what comes beyond is skipped and counted: a shadow never holds up who answers. */
const mostWaiting = 64
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
  const lanes = new Map<LiveVariant, { queue: Answered[]; isBusy: boolean; skipped: number }>()

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
        // After the answer has gone out.
        setImmediate(() => void work(variant, lane))
      }
    }
  }

  async function work(variant: LiveVariant, lane: { queue: Answered[]; isBusy: boolean }): Promise<void> {
    for (let next = lane.queue.shift(); next; next = lane.queue.shift()) {
      const { serving } = variant
      if (!serving) break
      await one(variant, serving, next)
    }
    lane.isBusy = false
  }

  async function one(variant: LiveVariant, serving: Serving, { at, rows, predictions, ms }: Answered): Promise<void> {
    const main = JSON.parse(predictions) as Record<string, unknown>[]
    const line: ShadowLine = { at, variant: variant.name, version: serving.versionId, main, mainMs: ms }
    const began = performance.now()
    serving.inFlight.enter()
    let failed = false
    try {
      line.shadow = await answers(serving, rows, main)
      line.differing = line.shadow.filter((answer, r) => comparePredictions(main[r]!, answer).differs).length
    } catch (error) {
      failed = true
      line.error = isPlatformError(error) ? error.message : 'The shadow failed; the log of the server says why.'
    } finally {
      serving.inFlight.leave()
    }
    line.shadowMs = performance.now() - began
    variant.metrics.record(at, line.shadowMs, rows.length, failed)
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
      await log?.close()
      log = null
    },
  }
}

async function answerRows(
  serving: RowServing,
  rows: readonly unknown[],
  main: Record<string, unknown>[],
): Promise<Record<string, unknown>[]> {
  const { batch } = await serving.encoder.encode(rows)
  const scores = await serving.model.predict(batch, { signal: AbortSignal.timeout(mostMs) })
  return rows.map((_, r) => JSON.parse(serving.answer(scores, r, String(main[r]!.id))))
}
