import { AsyncLocalStorage } from 'node:async_hooks'
import type { RequestTrace } from '../../kernel/request-trace.ts'

const current = new AsyncLocalStorage<RequestTrace>()

/** Runs the work of a request so that what it asks of others carries its trace. */
export const within = <T>(trace: RequestTrace, work: () => T): T => current.run(trace, work)

/** Runs work that is no part of any request. */
export const outside = <T>(work: () => T): T => current.exit(work)

/** `traceparent` for a call to the outside; none where nobody follows. */
export const currentTraceparent = (): string | undefined => current.getStore()?.traceparent
