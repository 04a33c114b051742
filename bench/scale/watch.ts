import { processTree, pssBytes } from '../lib/processes.ts'
import { quantile } from '../lib/stats.ts'

/** What was seen of a server while one phase ran. */
export interface Watched {
  peakBytes: number
  /** The largest process at the peak, so that whoever reads the figure knows where to look. */
  peakOf: string
  maxLagMs: number
}

export interface Watch {
  /** Runs a phase and tells what was seen meanwhile. */
  during<T>(work: () => Promise<T>): Promise<{ value: T; seconds: number; seen: Watched }>
  stop(): Promise<void>
}

const everyMs = 250

/** Samples the memory of a server and all its children, and reads the longest lag of its event loop from its own figures (`/metrics`), four times a second. */
export async function watchServer(pid: number, lagMs: () => Promise<number>): Promise<Watch> {
  // The first reading starts the server's measuring.
  await lagMs()
  let seen: Watched = { peakBytes: 0, peakOf: '', maxLagMs: 0 }
  const readLag = async () => {
    const lag = await lagMs()
    seen.maxLagMs = Math.max(seen.maxLagMs, lag)
  }
  let stopped = false
  const sampling = (async () => {
    while (!stopped) {
      const members = processTree(pid).map((member) => pssBytes(member))
      const total = members.reduce((sum, { bytes }) => sum + bytes, 0)
      if (total > seen.peakBytes) {
        seen.peakBytes = total
        const largest = members.sort((a, b) => b.bytes - a.bytes).slice(0, 3)
        seen.peakOf = largest.map(({ name, bytes }) => `${name} ${(bytes / 2 ** 20).toFixed(0)} MB`).join(', ')
      }
      await readLag()
      await new Promise((resolve) => setTimeout(resolve, everyMs))
    }
  })()
  return {
    async during(work) {
      await readLag()
      seen = { peakBytes: 0, peakOf: '', maxLagMs: 0 }
      const started = performance.now()
      const value = await work()
      const seconds = (performance.now() - started) / 1000
      await readLag()
      return { value, seconds, seen: { ...seen } }
    },
    async stop() {
      stopped = true
      await sampling
    },
  }
}

/** Times what somebody would ask while something long runs, in turn, until told to stop. */
export function browse(actions: Record<string, () => Promise<unknown>>, pauseMs = 100) {
  const latencies: Record<string, number[]> = Object.fromEntries(Object.keys(actions).map((name) => [name, []]))
  let stopped = false
  const going = (async () => {
    while (!stopped)
      for (const [name, action] of Object.entries(actions)) {
        const started = performance.now()
        await action()
        latencies[name]!.push(performance.now() - started)
        await new Promise((resolve) => setTimeout(resolve, pauseMs))
      }
  })()
  // Whoever stops it hears of its failure; until then it must not end the process.
  going.catch(() => {})
  return async () => {
    stopped = true
    await going
    return Object.fromEntries(
      Object.entries(latencies).map(([name, times]) => [
        name,
        { count: times.length, p50Ms: quantile(times, 0.5), p99Ms: quantile(times, 0.99) },
      ]),
    )
  }
}
