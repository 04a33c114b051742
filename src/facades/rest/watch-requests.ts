import type { FastifyBaseLogger } from 'fastify'
import type { RouteRecord } from '../../kernel/route.ts'
import type { OpenTrace, Traces } from '../../ports/traces/traces.ts'

export interface RequestWatch {
  begin(record: Pick<RouteRecord, 'method' | 'path'>, traceparent: string | undefined, requestId: string): OpenTrace
  /** Runs what follows of a request as part of it. */
  within<T>(trace: OpenTrace, work: () => T): T
  end(trace: OpenTrace, status: number): void
}

/** Follows requests for their traces, and tells the log of each where it wants to know (level debug). Null where neither does: then nothing is done. */
export function requestWatch(traces: Traces | null, log: FastifyBaseLogger): RequestWatch | null {
  const isTold = log.level === 'debug' || log.level === 'trace'
  if (!traces || !(traces.isOn || isTold)) return null
  const began = new WeakMap<OpenTrace, number>()
  return {
    begin({ method, path }, traceparent, requestId) {
      const trace = traces.begin(`${method} ${path}`, traceparent)
      trace.note('http.request.method', method)
      trace.note('http.route', path)
      trace.note('atoll.request_id', requestId)
      if (isTold) began.set(trace, performance.now())
      return trace
    },
    within: traces.within,
    end(trace, status) {
      trace.end(status)
      const from = began.get(trace)
      if (from === undefined) return
      const { notes } = trace
      log.debug(
        {
          requestId: notes['atoll.request_id'],
          traceId: trace.traceId,
          method: notes['http.request.method'],
          route: notes['http.route'],
          status,
          ms: Math.round((performance.now() - from) * 1000) / 1000,
          ...(notes['atoll.endpoint'] !== undefined && {
            endpoint: notes['atoll.endpoint'],
            variant: notes['atoll.variant'],
            version: notes['atoll.version'],
            rows: notes['atoll.rows'],
          }),
        },
        'request',
      )
    },
  }
}
