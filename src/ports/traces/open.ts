import { randomBytes } from 'node:crypto'
import type { TraceValue } from '../../kernel/request-trace.ts'
import type { TraceSettings } from '../../kernel/trace-settings.ts'
import { outside, within } from './context.ts'
import { spanExporter } from './exporter.ts'
import { otlpBody, type Span } from './otlp.ts'
import { readTraceparent, traceparentOf } from './traceparent.ts'
import type { OpenTrace, Traces } from './traces.ts'

export interface TracesNeeds {
  /** Null: nothing is traced. */
  settings: TraceSettings | null
  version: string
  /** The one way out: what the settings of outbound calls do not allow is not sent. */
  fetchOut(
    url: string,
    init: { method: string; headers: Record<string, string>; body: string; timeoutMs: number },
  ): Promise<{ status: number }>
  onLost(why: string): void
}

/** Traces by OTLP over HTTP in JSON. */
export function openTraces({ settings, version, fetchOut, onLost }: TracesNeeds): Traces {
  const resource = { 'service.name': 'atoll', 'service.version': version, ...settings?.resource }
  const exporter = spanExporter({
    async send(spans) {
      const { url, headers, timeoutMs } = settings!
      const body = otlpBody(spans, { resource, version })
      const init = { method: 'POST', headers: { ...headers, 'content-type': 'application/json' }, body, timeoutMs }
      const { status } = await outside(() => fetchOut(url, init))
      return { status, retryAfterMs: null }
    },
    onLost,
  })
  const { ratio = 0, followsParent = false } = settings ?? {}

  return {
    isOn: settings !== null,
    begin(name, traceparent) {
      const parent = readTraceparent(traceparent)
      const traceId = parent?.traceId ?? newId(16)
      const sampled = settings !== null && (parent && followsParent ? parent.sampled : isWithin(traceId, ratio))
      return openTrace({ name, traceId, parentSpanId: parent?.spanId ?? null, sampled, add: exporter.add })
    },
    within,
    flush: exporter.flush,
    close: exporter.flush,
  }
}

let chance: Buffer = Buffer.alloc(0)
let used = 0

/** Asking for chance costs more than the rest of a trace that nobody keeps: it is asked for in stock. */
function newId(bytes: number): string {
  if (used + bytes > chance.length) {
    chance = randomBytes(4096)
    used = 0
  }
  used += bytes
  return chance.toString('hex', used - bytes, used)
}

/** The last 56 bits of a trace's id decide, so that all who share the trace decide alike (OpenTelemetry, consistent probability sampling). */
const isWithin = (traceId: string, ratio: number): boolean =>
  ratio >= 1 || Number.parseInt(traceId.slice(18), 16) / 2 ** 56 >= 1 - ratio

function openTrace(about: {
  name: string
  traceId: string
  parentSpanId: string | null
  sampled: boolean
  add: (span: Span) => void
}): OpenTrace {
  const { name, traceId, parentSpanId, sampled, add } = about
  const spanId = newId(8)
  const startMs = performance.now()
  const notes: Record<string, TraceValue> = {}
  return {
    traceId,
    traceparent: traceparentOf({ traceId, spanId, sampled }),
    notes,
    note(key, value) {
      notes[key] = value
    },
    span(part, from, to, attributes = {}) {
      if (!sampled) return
      const span: Span = {
        traceId,
        spanId: newId(8),
        parentSpanId: spanId,
        name: part,
        kind: 'internal',
        startMs: from,
        endMs: to,
        attributes,
        failed: false,
      }
      add(span)
    },
    end(status) {
      if (!sampled) return
      const attributes = { ...notes, 'http.response.status_code': status }
      add({
        traceId,
        spanId,
        parentSpanId,
        name,
        kind: 'server',
        startMs,
        endMs: performance.now(),
        attributes,
        failed: status >= 500,
      })
    },
  }
}
