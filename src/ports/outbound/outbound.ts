/** The one way out of the box. Off until an administrator names the hosts that may be reached. */
export interface Outbound {
  /** precondition_failed when outbound is off or the host is not allowed; every address and redirect is tested (no private networks). */
  fetchOut(
    url: string,
    init: { method: string; headers?: Record<string, string>; body?: string; timeoutMs?: number },
  ): Promise<{ status: number; body: string }>
}
