import type { Readable } from 'node:stream'

/** The one way out of the box. Off until an administrator names the hosts that may be reached. */
export interface Outbound {
  /** precondition_failed when outbound is off or the host is not allowed; every address and redirect is tested (no private networks). */
  fetchOut(
    url: string,
    init: { method: string; headers?: Record<string, string>; body?: string; timeoutMs?: number },
  ): Promise<{ status: number; body: string }>
  /** A reply of any size, read as it comes, under the same tests. Redirects lose the headers where they lead to another place. */
  downloadOut(
    url: string,
    init: { signal: AbortSignal; headers?: Record<string, string>; method?: 'GET' | 'POST'; body?: string },
  ): Promise<{ status: number; headers: Record<string, string | undefined>; body: Readable }>
  /** Throws what `fetchOut` would say of the host, without calling it. */
  requireAllowed(url: string): Promise<void>
}
