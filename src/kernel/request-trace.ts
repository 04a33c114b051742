export type TraceValue = string | number | boolean

/** A request as it is followed: what is noted of it goes into its trace and into its line of the log. Absent where nobody follows. */
export interface RequestTrace {
  /** 32 hex digits; of the caller's own trace, where it has one. */
  readonly traceId: string
  /** W3C `traceparent` of this request, for whatever it asks in turn. */
  readonly traceparent: string
  note(name: string, value: TraceValue): void
  /** A part of the request that is over; times as `performance.now()` tells them. */
  span(name: string, startMs: number, endMs: number, attributes?: Record<string, TraceValue>): void
}

/** When a model took up a call, and when it was done; filled in by whoever runs it. */
export interface RunTiming {
  startedAt?: number
  endedAt?: number
  /** Rows of the run, with those of other calls that shared it. */
  rows?: number
}
