import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { PlatformError } from '../../kernel/errors.ts'
import { noTelemetry } from '../../kernel/no-telemetry.ts'
import type { OnnxModelFile, RawBatch } from './inference.ts'
import type { MortalSession } from './session.ts'

type RemoteCall = { type: 'open'; model: OnnxModelFile } | { type: 'run'; batch: RawBatch }
export type RemoteRequest = RemoteCall & { id: number }
export type RemoteAnswer =
  | { id: number; values: Float32Array | null }
  | { id: number; error: { message: string; code: string | null } }

const script = new URL('./onnx-remote.ts', import.meta.url)
const runTimeoutMs = 60_000

/** A graph in a worker thread, or in a process of its own that may die without harm. */
export async function openRemoteSession(model: OnnxModelFile, place: 'thread' | 'process'): Promise<MortalSession> {
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

  async function ask(request: RemoteCall): Promise<Float32Array | null> {
    if (dead) throw new PlatformError('unavailable', `The model's ${place} has ended. Try again.`)
    const id = nextId++
    let timer: NodeJS.Timeout | undefined
    try {
      return await new Promise((resolve, reject) => {
        waiting.set(id, { resolve, reject })
        timer = setTimeout(() => {
          waiting.delete(id)
          reject(new PlatformError('timeout', `The model did not answer within ${runTimeoutMs / 1000} s and was stopped.`))
          stop()
          end('was stopped')
        }, runTimeoutMs).unref()
        post({ ...request, id })
      })
    } finally {
      clearTimeout(timer)
    }
  }

  try {
    await ask({ type: 'open', model })
  } catch (error) {
    stop()
    throw error
  }
  return {
    get dead() {
      return dead
    },
    run: async (batch) => (await ask({ type: 'run', batch: { ...batch, numbers: batch.numbers.slice() } }))!,
    close: async () => stop(),
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
    env: noTelemetry,
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
