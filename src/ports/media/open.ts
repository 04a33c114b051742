import { type ChildProcess, fork } from 'node:child_process'
import { invalidInput, isPlatformError, PlatformError } from '../../kernel/errors.ts'
import { minutes, seconds } from '../../kernel/time.ts'
import { archiveKind } from './archive/archive-kind.ts'
import { documentLimits } from './documents/document.ts'
import { watchMemory } from './documents/watch-memory.ts'
import type { DocumentText, Media, Unpacked } from './media.ts'
import type { MediaReply, MediaRequest, MediaValue } from './protocol.ts'

const idleMs = seconds(20)
const cancelled = () => new PlatformError('precondition_failed', 'The work on these files was cancelled.', { cancelled: true })

type Lane = 'heavy' | 'quick' | 'documents'

interface Child {
  process: ChildProcess
  idle: NodeJS.Timeout | null
}

/** Media in child processes: one for imports, two for people who look, one for documents; started when needed, gone when idle. */
export function openMedia(): Media {
  const lanes: Record<Lane, { size: number; running: number; waiting: (() => void)[]; idle: Child[] }> = {
    heavy: { size: 1, running: 0, waiting: [], idle: [] },
    quick: { size: 2, running: 0, waiting: [], idle: [] },
    documents: { size: 1, running: 0, waiting: [], idle: [] },
  }
  const busy = new Set<Child>()
  let closed = false

  function takeChild(lane: Lane): Child {
    for (let warm = lanes[lane].idle.pop(); warm; warm = lanes[lane].idle.pop()) {
      if (warm.idle) clearTimeout(warm.idle)
      if (!warm.process.connected) continue
      warm.process.ref()
      warm.process.channel?.ref()
      return warm
    }
    const child = fork(new URL('./media-process.ts', import.meta.url), [lane], {
      // Nothing of the server's environment, and no debugger or loader flags.
      env: {},
      execArgv: ['--max-old-space-size=1536', '--no-warnings'],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    })
    return { process: child, idle: null }
  }

  function putBack(child: Child, lane: Lane): void {
    if (closed || !child.process.connected) {
      end(child)
      return
    }
    child.idle = setTimeout(() => {
      lanes[lane].idle.splice(lanes[lane].idle.indexOf(child), 1)
      end(child)
    }, idleMs)
    child.idle.unref()
    child.process.unref()
    child.process.channel?.unref()
    lanes[lane].idle.push(child)
  }

  const end = (child: Child) => void child.process.kill('SIGKILL')

  async function turnIn(lane: Lane, signal?: AbortSignal): Promise<void> {
    if (closed) throw new PlatformError('unavailable', 'The server is shutting down.')
    if (signal?.aborted) throw cancelled()
    const of = lanes[lane]
    if (of.running < of.size) {
      of.running++
      return
    }
    await new Promise<void>((resolve, reject) => {
      const start = () => {
        signal?.removeEventListener('abort', leave)
        of.running++
        resolve()
      }
      const leave = () => {
        of.waiting.splice(of.waiting.indexOf(start), 1)
        reject(cancelled())
      }
      of.waiting.push(start)
      signal?.addEventListener('abort', leave, { once: true })
    })
  }

  async function ask(
    lane: Lane,
    request: MediaRequest,
    options: {
      limitMs: number
      signal?: AbortSignal
      onProgress?: (items: number, bytes: number) => void
      /** Looks after the process while it is at work; answers how to leave off. */
      watch?: (pid: number, stop: (error: Error) => void) => () => void
    },
  ): Promise<MediaValue> {
    await turnIn(lane, options.signal)
    const child = takeChild(lane)
    busy.add(child)
    let healthy = true
    try {
      return await new Promise<MediaValue>((resolve, reject) => {
        const stop = (error: Error) => {
          healthy = false
          end(child)
          finish(() => reject(error))
        }
        const onExit = () =>
          stop(closed ? cancelled() : new PlatformError('internal', 'The media process ended before it was done.'))
        const onAbort = () => stop(cancelled())
        const timer = setTimeout(
          () => stop(new PlatformError('timeout', `The work on these files was stopped after ${options.limitMs / 1000} s.`)),
          options.limitMs,
        )
        const onMessage = (reply: MediaReply) => {
          if (reply.say === 'progress') options.onProgress?.(reply.items, reply.bytes)
          else if (reply.say === 'done') finish(() => resolve(reply.value))
          else finish(() => reject(toError(reply)))
        }
        const unwatch = options.watch?.(child.process.pid!, stop)
        const finish = (settle: () => void) => {
          clearTimeout(timer)
          unwatch?.()
          child.process.off('message', onMessage)
          child.process.off('exit', onExit)
          child.process.off('error', onExit)
          options.signal?.removeEventListener('abort', onAbort)
          settle()
        }
        child.process.on('message', onMessage)
        child.process.on('exit', onExit)
        child.process.on('error', onExit)
        options.signal?.addEventListener('abort', onAbort, { once: true })
        child.process.send(request, (error) => error && stop(error))
      })
    } finally {
      busy.delete(child)
      lanes[lane].running--
      lanes[lane].waiting.shift()?.()
      if (healthy) putBack(child, lane)
    }
  }

  return {
    archiveKind,
    async unpack({ from, to, look, signal, onProgress }) {
      const options = { limitMs: look ? seconds(60) : minutes(720), signal, onProgress }
      return (await ask(look ? 'quick' : 'heavy', { ask: 'unpack', from, to, look: look ?? null }, options)) as Unpacked
    },
    async thumbnail({ from, to, size, signal }) {
      await ask('quick', { ask: 'thumbnail', from, to, size }, { limitMs: seconds(20), signal })
    },
    async document({ from, kind, signal }) {
      const watch = (pid: number, stop: (error: Error) => void) => watchMemory(pid, documentLimits.memoryBytes, stop)
      try {
        return (await ask(
          'documents',
          { ask: 'document', from, kind },
          { limitMs: seconds(documentLimits.seconds), signal, watch },
        )) as DocumentText
      } catch (error) {
        if (closed || signal?.aborted || (isPlatformError(error) && error.code === 'storage_full')) throw error
        // Its process is gone; the next document gets another.
        return { problem: problemOf(error) }
      }
    },
    async close() {
      closed = true
      for (const child of [...Object.values(lanes).flatMap(({ idle }) => idle), ...busy]) {
        if (child.idle) clearTimeout(child.idle)
        end(child)
      }
    },
  }
}

function toError({ code, message }: Extract<MediaReply, { say: 'failed' }>): PlatformError {
  if (code === 'invalid_input') return invalidInput(message)
  if (code === 'too_large' || code === 'unsupported_type') return new PlatformError(code, message)
  if (code === 'storage_full') return new PlatformError(code, 'The disk is full. Free some space and try again.')
  return new PlatformError('internal', 'These files could not be read.', {}, { cause: new Error(message) })
}

function problemOf(error: unknown): string {
  const code = isPlatformError(error) ? error.code : 'internal'
  if (code === 'timeout') return `takes longer than ${documentLimits.seconds} s to read`
  if (code === 'too_large') return `takes more than ${documentLimits.memoryBytes / 1024 ** 3} GB of memory to read`
  return 'cannot be read: its reader broke down over it'
}
