import { Agent, request } from 'node:http'
import { quantile } from './stats.ts'

export interface OpenLoopResult {
  rate: number
  p50Ms: number
  p99Ms: number
  sent: number
  errors: number
}

/** Sends at a fixed rate whatever comes back, and times each request from when it should have been sent: stalls are not hidden. */
export async function runOpenLoop(run: {
  url: string
  bodies: readonly string[]
  headers: Record<string, string>
  ratePerSecond: number
  seconds: number
  connections: number
}): Promise<OpenLoopResult> {
  const agent = new Agent({ keepAlive: true, maxSockets: run.connections })
  const total = Math.floor(run.ratePerSecond * run.seconds)
  const latencies = new Float64Array(total)
  let sent = 0
  let done = 0
  let errors = 0
  const start = performance.now()
  await new Promise<void>((resolve) => {
    const tick = () => {
      const due = Math.min(total, Math.floor(((performance.now() - start) / 1000) * run.ratePerSecond))
      while (sent < due) send(sent++)
      if (sent < total) setTimeout(tick, 1)
    }
    const send = (i: number) => {
      const intended = start + (i / run.ratePerSecond) * 1000
      const body = run.bodies[i % run.bodies.length]!
      const finish = (failed: boolean) => {
        latencies[i] = performance.now() - intended
        if (failed) errors++
        if (++done === total) resolve()
      }
      const call = request(
        run.url,
        { method: 'POST', agent, headers: { ...run.headers, 'content-length': Buffer.byteLength(body) } },
        (reply) => {
          reply.resume()
          reply.on('end', () => finish(reply.statusCode !== 200))
        },
      )
      call.on('error', () => finish(true))
      call.end(body)
    }
    tick()
  })
  agent.destroy()
  const all = [...latencies]
  return { rate: run.ratePerSecond, p50Ms: quantile(all, 0.5), p99Ms: quantile(all, 0.99), sent: total, errors }
}
