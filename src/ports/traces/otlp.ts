import type { TraceValue } from '../../kernel/request-trace.ts'

export interface Span {
  traceId: string
  spanId: string
  parentSpanId: string | null
  name: string
  kind: 'server' | 'internal'
  /** As `performance.now()` tells them. */
  startMs: number
  endMs: number
  attributes: Readonly<Record<string, TraceValue>>
  failed: boolean
}

/** Spans as the body of an OTLP/HTTP request in JSON (opentelemetry-proto 1, `ExportTraceServiceRequest`). */
export function otlpBody(spans: readonly Span[], about: { resource: Readonly<Record<string, string>>; version: string }): string {
  return JSON.stringify({
    resourceSpans: [
      {
        resource: { attributes: attributesOf(about.resource) },
        scopeSpans: [{ scope: { name: 'atoll', version: about.version }, spans: spans.map(spanOf) }],
      },
    ],
  })
}

/** SPAN_KIND_INTERNAL, SPAN_KIND_SERVER. */
const kinds = { internal: 1, server: 2 } as const

const spanOf = ({ traceId, spanId, parentSpanId, name, kind, startMs, endMs, attributes, failed }: Span) => ({
  traceId,
  spanId,
  ...(parentSpanId && { parentSpanId }),
  name,
  kind: kinds[kind],
  startTimeUnixNano: nanos(startMs),
  endTimeUnixNano: nanos(Math.max(startMs, endMs)),
  attributes: attributesOf(attributes),
  // STATUS_CODE_ERROR, or unset.
  status: failed ? { code: 2 } : {},
})

/** To the microsecond: a double holds no more of today's nanoseconds. */
const nanos = (ms: number): string => `${Math.round((performance.timeOrigin + ms) * 1000)}000`

const attributesOf = (values: Readonly<Record<string, TraceValue>>) =>
  Object.entries(values).map(([key, value]) => ({ key, value: anyValue(value) }))

const anyValue = (value: TraceValue) =>
  typeof value === 'boolean'
    ? { boolValue: value }
    : typeof value === 'string'
      ? { stringValue: value }
      : Number.isSafeInteger(value)
        ? { intValue: String(value) }
        : { doubleValue: value }
