import { type ChildProcess, fork } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { PlatformError } from '../../kernel/errors.ts'
import { minutes, seconds } from '../../kernel/time.ts'
import type { TableReply, TableRequest } from './protocol.ts'
import { tableError } from './table-error.ts'
import type { TableJob, TableResult, Tables } from './tables.ts'

const MiB = 1024 ** 2

export interface DuckDbOptions {
  /** Children for imports, profiles and splits; one more answers people who wait. */
  heavy?: number
  /** A child without work ends after this, so that an idle server is small. */
  idleMs?: number
}

interface Child {
  process: ChildProcess
  idle: NodeJS.Timeout | null
}

interface Waiting {
  start(): void
}

/** DuckDB in child processes: at most `heavy` for long work and one for quick answers, started when needed. */
export function openDuckDb({ heavy = 2, idleMs = seconds(15) }: DuckDbOptions = {}): Tables {
  const lanes = { heavy: lane(heavy), quick: lane(1) }
  const idle: Child[] = []
  const busy = new Set<Child>()
  let closed = false

  function lane(size: number) {
    const waiting: Waiting[] = []
    return { size, running: 0, waiting }
  }

  function takeChild(): Child {
    const warm = idle.pop()
    if (warm?.process.connected) {
      if (warm.idle) clearTimeout(warm.idle)
      warm.process.ref()
      warm.process.channel?.ref()
      return warm
    }
    const child = fork(new URL('./table-process.ts', import.meta.url), [], {
      // Nothing of the server's environment, and no debugger or loader flags.
      env: {},
      execArgv: ['--max-old-space-size=1536', '--no-warnings'],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    })
    return { process: child, idle: null }
  }

  function putBack(child: Child): void {
    if (closed || !child.process.connected) {
      end(child)
      return
    }
    child.idle = setTimeout(() => {
      idle.splice(idle.indexOf(child), 1)
      end(child)
    }, idleMs)
    child.idle.unref()
    child.process.unref()
    child.process.channel?.unref()
    idle.push(child)
  }

  const end = (child: Child) => void child.process.kill('SIGKILL')

  /** One request in one child. A child that was stopped, or died, is not used again. */
  function ask<T>(
    request: TableRequest,
    { quick, signal, timeoutMs, onProgress }: Pick<TableJob, 'quick' | 'signal' | 'timeoutMs' | 'onProgress'>,
  ): Promise<T> {
    const of = quick ? lanes.quick : lanes.heavy
    return new Promise<T>((resolve, reject) => {
      const cancelled = () =>
        new PlatformError('precondition_failed', 'The work on this table was cancelled.', { cancelled: true })
      if (closed) return reject(new PlatformError('unavailable', 'The server is shutting down.'))
      if (signal?.aborted) return reject(cancelled())
      const limitMs = timeoutMs ?? (quick ? seconds(30) : minutes(60))
      const turn: Waiting = { start }
      const leaveQueue = () => {
        const at = of.waiting.indexOf(turn)
        if (at >= 0) of.waiting.splice(at, 1)
        reject(cancelled())
      }
      signal?.addEventListener('abort', leaveQueue, { once: true })
      if (of.running < of.size) start()
      else of.waiting.push(turn)

      function start(): void {
        signal?.removeEventListener('abort', leaveQueue)
        of.running++
        const child = takeChild()
        busy.add(child)
        const timer = setTimeout(
          () => stop(new PlatformError('timeout', `The table engine was stopped after ${limitMs / 1000} s.`, { limitMs })),
          limitMs,
        )
        const onAbort = () => stop(cancelled())
        const onExit = () =>
          stop(closed ? cancelled() : tableError('The table engine ended before it was done (out of memory?).', null))
        const onMessage = (reply: TableReply) => {
          if (reply.say === 'progress') return onProgress?.(reply.percent)
          finish()
          putBack(child)
          if (reply.say === 'done') resolve(reply.value as T)
          else
            reject(
              tableError(reply.message, request.ask === 'run' ? (request.statements[reply.statement ?? 0]?.sql ?? null) : null),
            )
        }
        function stop(reason: PlatformError): void {
          finish()
          end(child)
          reject(reason)
        }
        function finish(): void {
          clearTimeout(timer)
          signal?.removeEventListener('abort', onAbort)
          child.process.off('message', onMessage)
          child.process.off('exit', onExit)
          child.process.off('error', onExit)
          busy.delete(child)
          of.running--
          of.waiting.shift()?.start()
        }
        child.process.on('message', onMessage)
        child.process.on('exit', onExit)
        child.process.on('error', onExit)
        signal?.addEventListener('abort', onAbort, { once: true })
        child.process.send(request, (error) => error && stop(tableError(error.message, null)))
      }
    })
  }

  return {
    run: (job) =>
      ask<TableResult[]>(
        {
          ask: 'run',
          folders: job.folders ?? [],
          files: job.files ?? [],
          statements: job.statements,
          scratch: job.scratch ?? null,
          memoryBytes: job.memoryBytes ?? (job.quick ? 512 * MiB : 1536 * MiB),
          threads: job.threads ?? Math.min(8, availableParallelism()),
          progress: job.onProgress !== undefined,
        },
        job,
      ),
    sample: ({ from, to, encoding, maxBytes, ...work }) =>
      ask({ ask: 'sample', from, to, encoding: encoding ?? null, maxBytes }, { ...work, quick: true }),
    toUtf8: ({ from, to, encoding, ...work }) => ask({ ask: 'toUtf8', from, to, encoding }, work),
    sheets: ({ from, ...work }) => ask({ ask: 'sheets', from }, { ...work, quick: true }),
    sheetToCsv: ({ from, to, sheet, ...work }) => ask({ ask: 'sheetToCsv', from, to, sheet: sheet ?? null }, work),
    async close() {
      closed = true
      for (const child of [...idle, ...busy]) {
        if (child.idle) clearTimeout(child.idle)
        end(child)
      }
    },
  }
}
