let collecting: Promise<() => Promise<string>> | undefined

/** Memory, CPU, event-loop lag and garbage collection of this process in the Prometheus text format. Collected from the first time somebody asks. */
export async function processFigures(): Promise<string> {
  collecting ??= import('prom-client').then(({ collectDefaultMetrics, Registry }) => {
    const register = new Registry()
    collectDefaultMetrics({ register, prefix: 'atoll_' })
    return () => register.metrics()
  })
  return (await collecting)()
}
