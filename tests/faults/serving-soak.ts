import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

export interface Target {
  /** Path of the endpoint's predictions. */
  path: string
  body: string
  headers?: Record<string, string>
}

export interface Soaked {
  requests: number
  failed: { status: number; text: string }[]
  /** Milliseconds, in order. */
  times: Float64Array
  seconds: number
}

/** Clients that ask without end, each one request at a time; with `perSecond` all together no more than that. */
export async function soak(
  url: string,
  token: string,
  targets: readonly Target[],
  { clients, seconds, perSecond }: { clients: number; seconds: number; perSecond?: number },
): Promise<Soaked> {
  const agent = new Agent({ keepAlive: true, maxSockets: clients })
  const times: number[] = []
  const failed: Soaked['failed'] = []
  const began = performance.now()
  const until = began + seconds * 1000
  const pauseMs = perSecond ? (clients / perSecond) * 1000 : 0
  async function client(n: number): Promise<void> {
    // Spread over the pause, so that they do not come all at once.
    if (pauseMs) await sleep((n / clients) * pauseMs)
    let due = performance.now()
    for (let i = n; performance.now() < until; i++) {
      const start = performance.now()
      const { status, text } = await ask(agent, url, token, targets[i % targets.length]!)
      times.push(performance.now() - start)
      if (status !== 200) failed.push({ status, text })
      due += pauseMs
      const left = due - performance.now()
      if (left > 0) await sleep(left)
    }
  }
  await Promise.all(Array.from({ length: clients }, (_, n) => client(n)))
  agent.destroy()
  return {
    requests: times.length,
    failed,
    times: Float64Array.from(times).sort(),
    seconds: (performance.now() - began) / 1000,
  }
}

export const quantile = (sorted: Float64Array, share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN

/** Resident memory of a process, in MB. */
export const residentMb = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024

function ask(agent: Agent, url: string, token: string, target: Target): Promise<{ status: number; text: string }> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve) => {
    const sent = request(
      {
        agent,
        hostname,
        port,
        path: target.path,
        method: 'POST',
        headers: {
          authorization: `Bearer ${token}`,
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(target.body),
          ...target.headers,
        },
        timeout: 30_000,
      },
      (reply) => {
        let text = ''
        reply.setEncoding('utf8')
        reply.on('data', (piece) => (text += piece))
        reply.on('end', () => resolve({ status: reply.statusCode ?? 0, text: reply.statusCode === 200 ? '' : text }))
        reply.on('error', (error) => resolve({ status: 0, text: error.message }))
      },
    )
    sent.on('timeout', () => sent.destroy(new Error('no answer within 30 s')))
    sent.on('error', (error) => resolve({ status: 0, text: error.message }))
    sent.end(target.body)
  })
}
