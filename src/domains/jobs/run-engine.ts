import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { type Facts, invalidInput } from '../../kernel/errors.ts'
import type { Runtime, Runtimes } from '../../ports/engines/runtimes.ts'
import type { Executor, ProcessRequest, ResourceLimits, RunningProcess } from '../../ports/executors/executor.ts'
import type { Files } from '../../ports/files/files.ts'
import { parseEngineEvent } from './engine-events.ts'
import { engineFailure } from './engine-failure.ts'
import { fillStage, layStage } from './engine-stage.ts'
import type { EngineResult, EngineRun } from './handler.ts'
import type { NewEvent } from './store.ts'
import { engineCommand, engineProcess, type WarmEngines } from './warm-engines.ts'

const quickestPollMs = 15
const slowestPollMs = 150
const keptLines = 20
const mostLastTurns = 1000

export interface EngineNeeds {
  executor: Executor
  runtimes: Runtimes
  files: Files
  warm: WarmEngines
}

export interface EngineAttempt {
  jobId: string
  attempt: number
  folder: string
  checkpointFolder: string
  signal: AbortSignal
  report(event: NewEvent): void
}

/** Runs one engine in one stage of a job (docs/job-contract.md): folder in, events while it runs, result or reason out. */
export async function runEngine(needs: EngineNeeds, job: EngineAttempt, run: EngineRun): Promise<EngineResult> {
  const { executor, files, warm } = needs
  if (!/^[a-z0-9][a-z0-9-]{0,60}$/.test(run.name)) throw invalidInput(`"${run.name}" is no name for a stage.`, { name: run.name })
  const runtime = await needs.runtimes.ensure(
    run.runtime,
    (message, done, of) =>
      job.report({ type: 'progress', data: { stage: 'Python environment', done, of, etaSeconds: null, message } }),
    job.signal,
  )
  job.signal.throwIfAborted()
  const limits = { ...executor.defaultLimits, ...run.limits }
  const stage = await startStage(needs, job, { run, runtime, limits })

  const lastLines: string[] = []
  const seen: { result: Record<string, unknown>; errorFacts: Facts } = { result: {}, errorFacts: {} }
  const onLine: ProcessRequest['onLine'] = (line, source) => {
    if (line.trim() === '') return
    lastLines.push(line)
    if (lastLines.length > keptLines) lastLines.shift()
    job.report({ type: 'log', data: { level: source === 'stderr' ? 'warning' : 'info', message: line, source } })
  }
  const onEvent = (line: string) => {
    const event = parseEngineEvent(line)
    if (!event) return line.trim() === '' ? undefined : onLine(line.slice(0, 2000), 'stdout')
    if (event.type === 'result' && isObject(event.data.value)) seen.result = event.data.value
    if (event.data.level === 'error' && isObject(event.data.facts)) seen.errorFacts = event.data.facts
    job.report(event)
    run.onEvent?.(event)
  }

  const events = await files.follow(stage.folder, 'output/events.jsonl')
  let process: RunningProcess
  try {
    await fillStage(files, stage.folder, { id: job.jobId, attempt: job.attempt, run, limits })
    job.signal.throwIfAborted()
    process = stage.begin(onLine)
  } catch (error) {
    stage.abandon()
    await events.close().catch(() => {})
    throw error
  }
  const outcome = await followUntilDone(process, events, onEvent)
  void warm.keepOne(runtime)
  // Who stopped it says why: cancelled, shutting down, lost.
  job.signal.throwIfAborted()
  if (outcome.exitCode !== 0 || outcome.limit)
    throw await engineFailure(files, stage.folder, { outcome, engine: run.engine, limits, lastLines, facts: seen.errorFacts })
  return { folder: stage.folder, result: seen.result, cost: outcome.usage }
}

interface Stage {
  folder: string
  begin(onLine: ProcessRequest['onLine']): RunningProcess
  /** When it could not begin. */
  abandon(): void
}

/** A warm process where there is one and the stage starts afresh, else a new one. */
async function startStage(
  { executor, files, warm }: EngineNeeds,
  job: EngineAttempt,
  { run, runtime, limits }: { run: EngineRun; runtime: Runtime; limits: ResourceLimits },
): Promise<Stage> {
  const folder = files.resolvePath(job.folder, run.name)
  const checkpoints = files.resolvePath(job.checkpointFolder, run.name)
  await files.remove(folder)
  await files.makeFolder(job.folder)
  await files.makeFolder(job.checkpointFolder)
  const hasCheckpoints = (await files.names(checkpoints)).length > 0
  const ready = hasCheckpoints ? null : warm.take(runtime)
  if (ready) {
    await files.remove(checkpoints)
    await files.move({ root: ready.folder, path: 'checkpoints' }, { root: checkpoints, path: '' })
    await files.move({ root: ready.folder, path: 'stage' }, { root: folder, path: '' })
    void files.remove(ready.folder)
    return {
      folder,
      begin(onLine) {
        const { mounts } = engineProcess(runtime, folder, checkpoints)
        ready.process.begin({ folder, mounts, limits, signal: job.signal, onLine })
        ready.process.send('.')
        return ready.process
      },
      abandon: () => ready.process.kill(),
    }
  }
  await files.makeFolder(checkpoints)
  await layStage(files, folder)
  return {
    folder,
    begin: (onLine) =>
      executor.start({
        ...engineProcess(runtime, folder, checkpoints),
        argv: engineCommand(runtime),
        limits,
        onLine,
        signal: job.signal,
      }),
    abandon: () => {},
  }
}

async function followUntilDone(
  process: RunningProcess,
  events: Awaited<ReturnType<Files['follow']>>,
  onEvent: (line: string) => void,
) {
  let ended = false
  const done = process.done.finally(() => {
    ended = true
  })
  done.catch(() => {})
  try {
    for (let pauseMs = quickestPollMs; !ended; ) {
      const lines = await events.next()
      for (const line of lines) onEvent(line)
      pauseMs = lines.length > 0 ? quickestPollMs : Math.min(slowestPollMs, pauseMs * 1.5)
      await Promise.race([done.catch(() => {}), sleep(pauseMs)])
    }
    return await done
  } finally {
    // What it wrote before it ended, a turn of the event loop at a time; not without end, for it may have filled the disk.
    for (let turns = 0; turns < mostLastTurns; turns++) {
      for (const line of await events.next()) onEvent(line)
      if (events.isAtEnd) break
      await nextTurn()
    }
    const unfinished = await events.close()
    if (unfinished !== null) onEvent(unfinished)
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
