import { type ChildProcess, fork } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { PlatformError } from '../../kernel/errors.ts'
import { minutes, seconds } from '../../kernel/time.ts'
import type { CellCounts } from './cell-counts.ts'
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

interface Lane {
  name: 'heavy' | 'quick'
  size: number
  running: number
  waiting: (() => void)[]
  /** Started and without work. A child of one lane never works in the other: the heavy ones have a lower priority. */
  idle: Child[]
}

type Ask = <T>(request: TableRequest) => Promise<T>

const cancelled = () => new PlatformError('precondition_failed', 'The work on this table was cancelled.', { cancelled: true })

/** DuckDB in child processes: at most `heavy` for long work and one for quick answers, started when needed. */
export function openDuckDb({ heavy = 2, idleMs = seconds(15) }: DuckDbOptions = {}): Tables {
  const lanes: Record<'heavy' | 'quick', Lane> = {
    heavy: { name: 'heavy', size: heavy, running: 0, waiting: [], idle: [] },
    quick: { name: 'quick', size: 1, running: 0, waiting: [], idle: [] },
  }
  const busy = new Set<Child>()
  let closed = false

  function takeChild(of: Lane): Child {
    const warm = of.idle.pop()
    if (warm?.process.connected) {
      if (warm.idle) clearTimeout(warm.idle)
      warm.process.ref()
      warm.process.channel?.ref()
      return warm
    }
    const child = fork(new URL('./table-process.ts', import.meta.url), [of.name], {
      // Nothing of the server's environment, and no debugger or loader flags.
      env: {},
      execArgv: ['--max-old-space-size=1536', '--no-warnings'],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    })
    return { process: child, idle: null }
  }

  function putBack(child: Child, { idle }: Lane): void {
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

  /** Waits for a turn in a lane. Whoever stops waiting leaves the queue. */
  function turnIn(of: Lane, signal?: AbortSignal): Promise<void> {
    if (closed) return Promise.reject(new PlatformError('unavailable', 'The server is shutting down.'))
    if (signal?.aborted) return Promise.reject(cancelled())
    if (of.running < of.size) {
      of.running++
      return Promise.resolve()
    }
    return new Promise((resolve, reject) => {
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

  /** A child for as long as `work` takes: its requests are answered one after the other. A child that was stopped, or died, is not used again. */
  async function withChild<T>(
    { quick, signal, timeoutMs, onProgress }: Pick<TableJob, 'quick' | 'signal' | 'timeoutMs' | 'onProgress'>,
    work: (ask: Ask) => Promise<T>,
  ): Promise<T> {
    const of = quick ? lanes.quick : lanes.heavy
    await turnIn(of, signal)
    const limitMs = timeoutMs ?? (quick ? seconds(30) : minutes(60))
    const child = takeChild(of)
    busy.add(child)
    let settle: { resolve(value: unknown): void; reject(error: unknown): void; sql(statement: number): string | null } | null =
      null
    let stopped: PlatformError | null = null
    const stop = (reason: PlatformError) => {
      stopped ??= reason
      end(child)
      settle?.reject(stopped)
      settle = null
    }
    const onExit = () => stop(closed ? cancelled() : tableError('The table engine ended before it was done.', null))
    const onAbort = () => stop(cancelled())
    const onMessage = (reply: TableReply) => {
      if (reply.say === 'progress') return onProgress?.(reply.percent)
      if (reply.say === 'done') settle?.resolve(reply.value)
      else settle?.reject(tableError(reply.message, settle.sql(reply.statement ?? 0)))
      settle = null
    }
    const timer = setTimeout(
      () => stop(new PlatformError('timeout', `The table engine was stopped after ${limitMs / 1000} s.`, { limitMs })),
      limitMs,
    )
    child.process.on('message', onMessage)
    child.process.on('exit', onExit)
    child.process.on('error', onExit)
    signal?.addEventListener('abort', onAbort, { once: true })
    const ask: Ask = (request) =>
      new Promise((resolve, reject) => {
        if (stopped) return reject(stopped)
        const sql = (at: number) => ('statements' in request ? (request.statements[at]?.sql ?? null) : null)
        settle = { resolve: resolve as (value: unknown) => void, reject, sql }
        child.process.send(request, (error) => error && stop(stopped ?? tableError(error.message, null)))
      })
    try {
      return await work(ask)
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
      child.process.off('message', onMessage)
      child.process.off('exit', onExit)
      child.process.off('error', onExit)
      busy.delete(child)
      of.running--
      of.waiting.shift()?.()
      if (!stopped) putBack(child, of)
    }
  }

  const opening = (job: Omit<TableJob, 'statements'>): Extract<TableRequest, { ask: 'open' }> => ({
    ask: 'open',
    folders: job.folders ?? [],
    files: job.files ?? [],
    scratch: job.scratch ?? null,
    memoryBytes: job.memoryBytes ?? (job.quick ? 512 * MiB : 1536 * MiB),
    threads: job.threads ?? Math.min(8, availableParallelism()),
  })

  const session: Tables['session'] = (job, work) =>
    withChild(job, async (ask) => {
      await ask(opening(job))
      try {
        return await work(
          (statements) => ask<TableResult[]>({ ask: 'run', statements, progress: job.onProgress !== undefined }),
          (query, points) => ask<CellCounts[]>({ ask: 'countCells', query, points }),
        )
      } finally {
        await ask({ ask: 'close' }).catch(() => {})
      }
    })

  return {
    session,
    run: (job) => session(job, (run) => run(job.statements)),
    sample: ({ from, to, encoding, maxBytes, ...work }) =>
      withChild({ ...work, quick: true }, (ask) => ask({ ask: 'sample', from, to, encoding: encoding ?? null, maxBytes })),
    toUtf8: ({ from, to, encoding, ...work }) => withChild(work, (ask) => ask({ ask: 'toUtf8', from, to, encoding })),
    sheets: ({ from, ...work }) => withChild({ ...work, quick: true }, (ask) => ask({ ask: 'sheets', from })),
    sheetToCsv: ({ from, to, sheet, ...work }) =>
      withChild(work, (ask) => ask({ ask: 'sheetToCsv', from, to, sheet: sheet ?? null })),
    async close() {
      closed = true
      for (const child of [...lanes.heavy.idle, ...lanes.quick.idle, ...busy]) {
        if (child.idle) clearTimeout(child.idle)
        end(child)
      }
    },
  }
}
