/** What went wrong, in words and facts. Knows nothing of HTTP: each façade has one table from code to its own shape. */
export type ErrorCode =
  | 'invalid_input' // the caller's data or parameters; facts name the field, row or column
  | 'unauthenticated'
  | 'forbidden'
  | 'not_found'
  | 'conflict'
  | 'precondition_failed' // right request, wrong moment: goal not met, outbound off, job already ended
  | 'unprocessable' // understood, but its rows are not what the model takes; facts list what is wrong with which
  | 'too_large'
  | 'unsupported_type'
  | 'rate_limited'
  | 'unavailable' // try again later
  | 'storage_full'
  | 'timeout'
  | 'internal'

export type Facts = Record<string, unknown>

export class PlatformError extends Error {
  readonly code: ErrorCode
  readonly facts: Facts

  constructor(code: ErrorCode, message: string, facts: Facts = {}, options?: ErrorOptions) {
    super(message, options)
    this.name = 'PlatformError'
    this.code = code
    this.facts = facts
  }
}

export const notFound = (noun: string, ref: string) =>
  new PlatformError('not_found', `There is no ${noun} "${ref}".`, { noun, ref })

export const invalidInput = (message: string, facts: Facts = {}) => new PlatformError('invalid_input', message, facts)

export const unprocessable = (message: string, facts: Facts = {}) => new PlatformError('unprocessable', message, facts)

export const conflict = (message: string, facts: Facts = {}) => new PlatformError('conflict', message, facts)

export const forbidden = (message: string, facts: Facts = {}) => new PlatformError('forbidden', message, facts)

export const preconditionFailed = (message: string, facts: Facts = {}) => new PlatformError('precondition_failed', message, facts)

export const isPlatformError = (error: unknown): error is PlatformError => error instanceof PlatformError
