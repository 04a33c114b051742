import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { PlatformError } from '../../kernel/errors.ts'
import type { OnnxModelFile, RawBatch } from './inference.ts'
import type { Session } from './session.ts'

export type RemoteRequest = { id: number; type: 'open'; model: OnnxModelFile } | { id: number; type: 'run'; batch: RawBatch }
export type RemoteAnswer =
  | { id: number; values: Float32Array | null }
  | { id: number; error: { message: string; code: string | null } }

const script = new URL('./onnx-remote.ts', import.meta.url)
const runTimeoutMs = 60_000
const maxDeaths = 3
const deathsWithinMs = 300_000

/** A graph in a worker thread, or in a process of its own that may die without harm: it is started again for the next call. */
export async function openRemoteSession(model: OnnxModelFile, place: 'thread' | 'process'): Promise<Session> {
  let remote: Remote | null = await start()
  let deaths: number[] = []

  async function start(): Promise<Remote> {
    const started = connect(place)
    try {
      await started.ask({ type: 'open', model })
      return started
    } catch (error) {
      started.stop()
      throw error
    }
  }

  return {
    async run(batch) {
      if (remote?.dead) {
        remote = null
        deaths = [...deaths.filter((at) => at > Date.now() - deathsWithinMs), Date.now()]
      }
      if (deaths.length >= maxDeaths && deaths[0]! > Date.now() - deathsWithinMs) {
        throw new PlatformError(
          'unavailable',
          `The model's ${place} died ${deaths.length} times within minutes and is not started again. Look at the model.`,
        )
      }
      remote ??= await start()
      return (await remote.ask({ type: 'run', batch: { ...batch, numbers: batch.numbers.slice() } }))!
    },
    async close() {
      remote?.stop()
    },
  }
}

interface Remote {
  readonly dead: boolean
  ask(request: { type: 'open'; model: OnnxModelFile } | { type: 'run'; batch: RawBatch }): Promise<Float32Array | null>
  stop(): void
}

function connect(place: 'thread' | 'process'): Remote {
  const waiting = new Map<number, { resolve(values: Float32Array | null): void; reject(error: Error): void }>()
  let nextId = 0
  let dead = false

  const { post, stop, on } = place === 'thread' ? threadLink() : processLink()
  on('message', (message) => {
    const answer = message as RemoteAnswer
    const call = waiting.get(answer.id)
    waiting.delete(answer.id)
    if (!call) return
    if ('error' in answer) call.reject(toError(answer.error))
    else call.resolve(answer.values)
  })
  on('exit', () => end('ended unexpectedly'))
  on('error', (error) => end(`failed: ${(error as Error).message}`))

  function end(how: string): void {
    dead = true
    for (const call of waiting.values()) call.reject(new PlatformError('unavailable', `The model's ${place} ${how}. Try again.`))
    waiting.clear()
  }

  return {
    get dead() {
      return dead
    },
    ask(request) {
      if (dead) return Promise.reject(new PlatformError('unavailable', `The model's ${place} has ended. Try again.`))
      return new Promise((resolve, reject) => {
        const id = nextId++
        const timer = setTimeout(() => {
          waiting.delete(id)
          stop()
          end('was stopped')
          reject(new PlatformError('timeout', `The model did not answer within ${runTimeoutMs / 1000} s and was stopped.`))
        }, runTimeoutMs)
        timer.unref()
        const settle =
          <T>(then: (value: T) => void) =>
          (value: T) => {
            clearTimeout(timer)
            then(value)
          }
        waiting.set(id, { resolve: settle(resolve), reject: settle(reject) })
        post({ ...request, id } as RemoteRequest)
      })
    },
    stop,
  }
}

interface Link {
  post(request: RemoteRequest): void
  stop(): void
  on(event: 'message' | 'exit' | 'error', listener: (value: unknown) => void): void
}

function threadLink(): Link {
  const worker = new Worker(script)
  worker.unref()
  return {
    post: (request) => worker.postMessage(request, request.type === 'run' ? [request.batch.numbers.buffer as ArrayBuffer] : []),
    stop: () => void worker.terminate(),
    on: (event, listener) => void worker.on(event as 'message', listener),
  }
}

function processLink(): Link {
  // No environment and no inherited flags: nothing of the server is told to a graph from outside.
  const child = fork(fileURLToPath(script), [], {
    env: {},
    execArgv: [],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  })
  child.unref()
  child.channel?.unref()
  return {
    post: (request) => void (child.connected && child.send(request)),
    stop: () => void child.kill('SIGKILL'),
    on: (event, listener) => void child.on(event, listener),
  }
}

function toError({ message, code }: { message: string; code: string | null }): Error {
  return code ? new PlatformError(code as 'invalid_input', message) : new Error(message)
}
