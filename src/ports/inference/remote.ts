import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { type Facts, PlatformError } from '../../kernel/errors.ts'
import { noTelemetry } from '../../kernel/no-telemetry.ts'

/** What a thread or process answers to the message of the same id. */
export type RemoteAnswer<T> =
  | { id: number; value: T }
  | { id: number; error: { message: string; code: string | null; facts?: Facts } }

/** Code of ours in a worker thread, or in a process of its own that may die without harm: answers messages. */
export interface Remote<Call, Value> {
  readonly dead: boolean
  /** What `transfer` names goes over without being copied, to a thread. */
  ask(call: Call, transfer?: ArrayBuffer[]): Promise<Value>
  stop(): void
}

const usualMs = 60_000

/** Starts `script`, which answers each message by its id; `what` is its name in what a person is told. */
export function openRemote<Call extends object, Value>(
  script: URL,
  { place, what, mostMs = usualMs }: { place: 'thread' | 'process'; what: string; mostMs?: number },
): Remote<Call, Value> {
  const waiting = new Map<number, { resolve(value: Value): void; reject(error: Error): void }>()
  let nextId = 0
  let dead = false

  const { post, stop, on } = place === 'thread' ? threadLink(script) : processLink(script)
  on('message', (message) => {
    const answer = message as RemoteAnswer<Value>
    const call = waiting.get(answer.id)
    waiting.delete(answer.id)
    if (!call) return
    if ('error' in answer) call.reject(toError(answer.error))
    else call.resolve(answer.value)
  })
  on('exit', () => end('ended unexpectedly'))
  on('error', (error) => end(`failed: ${(error as Error).message}`))

  function end(how: string): void {
    dead = true
    for (const call of waiting.values()) call.reject(new PlatformError('unavailable', `${what} ${how}. Try again.`))
    waiting.clear()
  }

  async function ask(call: Call, transfer: ArrayBuffer[] = []): Promise<Value> {
    if (dead) throw new PlatformError('unavailable', `${what} has ended. Try again.`)
    const id = nextId++
    let timer: NodeJS.Timeout | undefined
    try {
      return await new Promise((resolve, reject) => {
        waiting.set(id, { resolve, reject })
        timer = setTimeout(() => {
          waiting.delete(id)
          reject(new PlatformError('timeout', `${what} did not answer within ${mostMs / 1000} s and was stopped.`))
          stop()
          end('was stopped')
        }, mostMs).unref()
        post({ ...call, id }, transfer)
      })
    } finally {
      clearTimeout(timer)
    }
  }

  return {
    get dead() {
      return dead
    },
    ask,
    stop,
  }
}

interface Link {
  post(message: object, transfer: ArrayBuffer[]): void
  stop(): void
  on(event: 'message' | 'exit' | 'error', listener: (value: unknown) => void): void
}

function threadLink(script: URL): Link {
  const worker = new Worker(script)
  worker.unref()
  return {
    post: (message, transfer) => worker.postMessage(message, transfer),
    stop: () => void worker.terminate(),
    on: (event, listener) => void worker.on(event as 'message', listener),
  }
}

function processLink(script: URL): Link {
  // No environment and no inherited flags: nothing of the server is told to a graph from outside.
  const child = fork(fileURLToPath(script), [], {
    env: noTelemetry,
    execArgv: [],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  })
  child.unref()
  child.channel?.unref()
  return {
    post: (message) => void (child.connected && child.send(message)),
    stop: () => void child.kill('SIGKILL'),
    on: (event, listener) => void child.on(event, listener),
  }
}

function toError({ message, code, facts }: { message: string; code: string | null; facts?: Facts }): Error {
  return code ? new PlatformError(code as 'invalid_input', message, facts) : new Error(message)
}
