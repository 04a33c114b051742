import { seconds } from '../../kernel/time.ts'
import type { Span } from './otlp.ts'

export interface ExporterNeeds {
  /** Sends one body; answers the status, and after how long to try again where the collector says so. */
  send(spans: readonly Span[]): Promise<{ status: number; retryAfterMs: number | null }>
  /** Told once when spans begin to be lost, and why. */
  onLost(why: string): void
}

const mostWaiting = 8192
const mostAtOnce = 512
const everyMs = seconds(2)
const mostTries = 3
const mostRetryMs = seconds(10)

/** Gathers spans and sends them now and then, off the way of requests. Where the collector does not keep up they are dropped, never requests held. */
export function spanExporter({ send, onLost }: ExporterNeeds) {
  let waiting: Span[] = []
  let timer: NodeJS.Timeout | null = null
  let sending: Promise<void> | null = null
  let isLosing = false
  let lost = 0

  function add(span: Span): void {
    if (waiting.length >= mostWaiting) {
      lose(1, 'the collector does not keep up')
      return
    }
    waiting.push(span)
    if (waiting.length >= mostAtOnce) void flush()
    else timer ??= setTimeout(flush, everyMs).unref()
  }

  function lose(count: number, why: string): void {
    lost += count
    if (!isLosing) onLost(why)
    isLosing = true
  }

  function flush(): Promise<void> {
    if (timer) clearTimeout(timer)
    timer = null
    sending ??= drain().finally(() => {
      sending = null
    })
    return sending
  }

  async function drain(): Promise<void> {
    while (waiting.length > 0) {
      const spans = waiting.slice(0, mostAtOnce)
      waiting = waiting.slice(mostAtOnce)
      await sendOne(spans)
    }
  }

  async function sendOne(spans: readonly Span[]): Promise<void> {
    let why = ''
    for (let tries = 1; tries <= mostTries; tries++) {
      try {
        const { status, retryAfterMs } = await send(spans)
        if (status >= 200 && status < 300) {
          isLosing = false
          return
        }
        why = `the collector answered ${status}`
        // Only these mean: try again.
        if (![429, 502, 503, 504].includes(status)) break
        if (tries < mostTries) await after(Math.min(mostRetryMs, retryAfterMs ?? 200 * 2 ** tries))
      } catch (error) {
        why = error instanceof Error ? error.message : String(error)
        break
      }
    }
    lose(spans.length, why)
  }

  return {
    add,
    flush,
    get lost() {
      return lost
    },
  }
}

const after = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms).unref())
