import type * as z from 'zod'
import { toIso } from '../../kernel/time.ts'
import { LatencyHistogram } from './latency-histogram.ts'
import type { EndpointMetrics } from './schema.ts'
import { TextFigures } from './text-figures.ts'

const slotMs = 5000
const slots = 720

interface Slot {
  startedAt: number
  errors: number
  rows: number
  latency: LatencyHistogram
}

export interface Totals {
  latency: LatencyHistogram
  errors: number
  rows: number
}

/** What one endpoint did in this process: totals since it started, and the last hour in slots of five seconds. */
export class LiveMetrics {
  private readonly since = Date.now()
  private readonly ring: (Slot | undefined)[] = new Array(slots)
  private readonly total = new LatencyHistogram()
  private totalErrors = 0
  private totalRows = 0
  private current: Slot = this.slotAt(Date.now())
  /** Of a language model. */
  readonly text = new TextFigures()

  record(now: number, ms: number, rows: number, failed: boolean): void {
    if (now - this.current.startedAt >= slotMs || now < this.current.startedAt) this.current = this.slotAt(now)
    const slot = this.current
    slot.latency.record(ms)
    slot.rows += rows
    this.total.record(ms)
    this.totalRows += rows
    if (failed) {
      slot.errors++
      this.totalErrors++
    }
  }

  private slotAt(now: number): Slot {
    const startedAt = now - (now % slotMs)
    const index = (startedAt / slotMs) % slots
    const slot = this.ring[index]
    if (slot?.startedAt === startedAt) return slot
    const latency = slot?.latency ?? new LatencyHistogram()
    latency.clear()
    const fresh = { startedAt, errors: 0, rows: 0, latency }
    this.ring[index] = fresh
    return fresh
  }

  /** The last `seconds`, and the rate over the last ten. */
  read(seconds: number): z.infer<typeof EndpointMetrics> {
    const now = Date.now()
    const last = now - (now % slotMs)
    const wanted = Math.min(slots, Math.max(1, Math.ceil((seconds * 1000) / slotMs)))
    const window = new LatencyHistogram()
    const series: z.infer<typeof EndpointMetrics>['series'] = { at: [], requests: [], errors: [], p50: [], p99: [] }
    let errors = 0
    let rows = 0
    let recent = 0
    for (let i = wanted - 1; i >= 0; i--) {
      const at = last - i * slotMs
      const found = this.ring[(at / slotMs) % slots]
      const slot = found?.startedAt === at ? found : undefined
      series.at.push(at)
      series.requests.push(slot?.latency.total ?? 0)
      series.errors.push(slot?.errors ?? 0)
      series.p50.push(slot?.latency.quantileMs(0.5) ?? null)
      series.p99.push(slot?.latency.quantileMs(0.99) ?? null)
      if (!slot) continue
      window.add(slot.latency)
      errors += slot.errors
      rows += slot.rows
      if (i < 2) recent += slot.latency.total
    }
    const recentSeconds = Math.min(now - last + slotMs, Math.max(1000, now - this.since)) / 1000
    return {
      since: toIso(Math.max(this.since, last - (wanted - 1) * slotMs)),
      requests: window.total,
      rows,
      errors,
      requestsPerSecond: recent / recentSeconds,
      latencyMs:
        window.total === 0
          ? null
          : { p50: window.quantileMs(0.5)!, p95: window.quantileMs(0.95)!, p99: window.quantileMs(0.99)! },
      latencies: window.filled(),
      workMs: window.sumMs,
      series,
      generation: this.text.read(),
    }
  }

  /** Since this process began. */
  totals(): Totals {
    return { latency: this.total, errors: this.totalErrors, rows: this.totalRows }
  }
}
