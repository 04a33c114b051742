import type { RequestTrace, TraceValue } from '../../kernel/request-trace.ts'

/** A request that is being followed. */
export interface OpenTrace extends RequestTrace {
  /** What was noted of it. */
  readonly notes: Readonly<Record<string, TraceValue>>
  /** Ends it with its HTTP status. */
  end(status: number): void
}

/** Follows requests through the platform, and tells a collector. */
export interface Traces {
  /** False where nothing is traced: then nothing need be begun. */
  readonly isOn: boolean
  /** Begins to follow a request, under the caller's own trace where it names one. */
  begin(name: string, traceparent: string | undefined): OpenTrace
  /** Runs the work of a request so that what it asks of others carries its trace. */
  within<T>(trace: RequestTrace, work: () => T): T
  /** Sends what was gathered. */
  flush(): Promise<void>
  close(): Promise<void>
}
