import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import type { OpenLoopResult, OpenLoopRun } from './open-loop.ts'
import { quantile } from './stats.ts'

// The generator of an open loop, in a process of its own. It never sleeps: a timer would be a millisecond late.

const run = JSON.parse(process.argv[2]!) as OpenLoopRun
const { hostname, port, pathname } = new URL(run.url)
const requests = readFileSync(run.bodies, 'utf8')
  .trim()
  .split('\n')
  .map((body) => {
    const headers = { host: `${hostname}:${port}`, ...run.headers, 'content-length': String(Buffer.byteLength(body)) }
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
    return Buffer.from(`POST ${pathname} HTTP/1.1\r\n${lines.join('')}\r\n${body}`)
  })
const total = Math.floor(run.ratePerSecond * run.seconds)
const warmUp = Math.min(total, run.ratePerSecond)
const latencies = new Float64Array(total + warmUp)
const free: ((request: number) => void)[] = []
let sent = 0
let done = 0
let errors = 0
let start = 0

for (let i = 0; i < run.connections; i++) await open()
start = performance.now()
tick()

function tick(): void {
  const due = Math.min(latencies.length, Math.floor(((performance.now() - start) / 1000) * run.ratePerSecond))
  while (sent < due && free.length > 0) free.pop()!(sent++)
  if (done < latencies.length) setImmediate(tick)
  else finish()
}

/** A connection that carries one request at a time; with none free a request waits, and its time runs. */
async function open(): Promise<void> {
  const socket = connect(Number(port), hostname)
  socket.setNoDelay(true)
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject))
  let current = -1
  let text = ''
  const send = (request: number): void => {
    current = request
    socket.write(requests[request % requests.length]!)
  }
  free.push(send)
  socket.on('data', (piece) => {
    text += piece.toString('latin1')
    const head = text.indexOf('\r\n\r\n')
    if (head < 0) return
    const length = Number(/content-length: (\d+)/i.exec(text.slice(0, head))?.[1])
    if (text.length < head + 4 + length) return
    latencies[current] = performance.now() - (start + (current / run.ratePerSecond) * 1000)
    if (!text.startsWith('HTTP/1.1 200')) errors++
    text = ''
    done++
    free.push(send)
  })
  socket.on('close', () => {
    console.error(`a connection was closed after ${done} answers`)
    process.exit(1)
  })
}

function finish(): void {
  // The first second, in which both sides are compiled, is not counted.
  const counted = [...latencies.subarray(warmUp)]
  const result: OpenLoopResult = {
    p50Ms: quantile(counted, 0.5),
    p95Ms: quantile(counted, 0.95),
    p99Ms: quantile(counted, 0.99),
    sent: total,
    errors,
  }
  process.stdout.write(JSON.stringify(result), () => process.exit(0))
}
