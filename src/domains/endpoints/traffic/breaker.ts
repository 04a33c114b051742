import { isPlatformError } from '../../../kernel/errors.ts'

const inRow = 5
const restMs = 10_000

/**
 * Keeps requests from a variant that fails: after five failures in a row it is not asked for ten seconds, then one request tries it again
 * (the pattern of M. Nygard, Release It!, 2007). What the caller did wrong is no failure.
 */
export class Breaker {
  private failures = 0
  private openedAt = 0
  private isTrying = false

  state(now = Date.now()): 'closed' | 'open' | 'half_open' {
    if (this.failures < inRow) return 'closed'
    return now - this.openedAt < restMs || this.isTrying ? 'open' : 'half_open'
  }

  /** Whether a request may be sent; in the half-open state the first one may. */
  take(now = Date.now()): boolean {
    const state = this.state(now)
    if (state === 'half_open') this.isTrying = true
    return state !== 'open'
  }

  /** Seconds until it is tried again. */
  restSeconds(now = Date.now()): number {
    return Math.max(1, Math.ceil((this.openedAt + restMs - now) / 1000))
  }

  succeeded(): void {
    this.failures = 0
    this.isTrying = false
  }

  failed(error: unknown, now = Date.now()): void {
    if (!isFailure(error)) {
      // The variant did answer: what it said is that the request is wrong.
      this.succeeded()
      return
    }
    this.failures++
    this.isTrying = false
    if (this.failures >= inRow) this.openedAt = now
  }
}

/** Whether an error is the server's own. */
export const isFailure = (error: unknown): boolean => !isPlatformError(error) || ourFaults.has(error.code)

const ourFaults: ReadonlySet<string> = new Set(['unavailable', 'timeout', 'internal', 'storage_full'])
