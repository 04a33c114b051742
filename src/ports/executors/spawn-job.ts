import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { PlatformError } from '../../kernel/errors.ts'
import { energyMeter } from './energy.ts'
import type { ExceededLimit, ProcessOutcome, ProcessRequest, RunningProcess } from './executor.ts'
import { readLines } from './lines.ts'
import { yieldSessionToServer } from './politeness.ts'
import { childrenOf } from './process-tree.ts'
import { watchProcess } from './watch-process.ts'

const politeAfterMs = 1000

export interface SpawnPlan {
  request: ProcessRequest
  argv: string[]
  env: Record<string, string>
  /** How many parents lie between what we start and the job itself. */
  depth: number
  extraProcesses: number
  ended?: () => Promise<void>
}

/** The one place where the platform starts a job's process. */
export function spawnJob({ request, argv, env, depth, extraProcesses, ended }: SpawnPlan): RunningProcess {
  const child = spawn(argv[0]!, argv.slice(1), {
    cwd: request.folder,
    env,
    stdio: [request.takesLines ? 'pipe' : 'ignore', 'pipe', 'pipe'],
    // Its own process group: Ctrl-C in the server's terminal is for the server, which then stops its jobs with grace.
    detached: true,
  })
  const graceMs = (request.graceSeconds ?? 120) * 1000
  let onLine = request.onLine
  let limit: ExceededLimit | null = null
  let stopped = false
  let graceTimer: NodeJS.Timeout | undefined
  let unlisten = () => {}

  const watch = watchProcess({
    pid: child.pid ?? null,
    request,
    extraProcesses,
    onExceeded(which) {
      limit = which
      // Time runs out with a warning; the others would do harm meanwhile.
      if (which === 'wall') terminate()
      else kill()
    },
  })
  let energy = energyMeter()
  // Its first lines are what somebody waits for.
  const yielding = () => {
    const job = jobPid(child.pid, depth)
    if (job !== null) yieldSessionToServer(job)
  }
  const politeness = request.isServing ? undefined : setTimeout(yielding, politeAfterMs).unref()

  const done = new Promise<ProcessOutcome>((resolve, reject) => {
    child.once('error', (error) =>
      reject(new PlatformError('internal', `The job's process could not be started: ${error.message}`, {}, { cause: error })),
    )
    child.once('close', (code, signalName) => {
      const usage = watch.end()
      resolve({ ...exitOf(code, signalName), usage: { ...usage, energyWh: energy(usage.cpuSeconds) }, limit, stopped })
    })
  }).finally(async () => {
    watch.end()
    clearTimeout(graceTimer)
    clearTimeout(politeness)
    unlisten()
    await ended?.()
  })

  readLines(child.stdout!, (line) => onLine?.(line, 'stdout'), request.maxLineCharacters)
  readLines(child.stderr!, (line) => onLine?.(line, 'stderr'))
  child.stdin?.on('error', () => {})
  listen(request.signal)

  function listen(signal: AbortSignal | undefined) {
    unlisten()
    if (!signal) return
    signal.addEventListener('abort', stop)
    unlisten = () => signal.removeEventListener('abort', stop)
    if (signal.aborted) stop()
  }

  function stop() {
    stopped = true
    terminate()
  }

  function terminate() {
    if (graceTimer) return
    const job = jobPid(child.pid, depth)
    // Not yet there: nothing has run that could write a checkpoint.
    if (job === null) return kill()
    signalTo(job, 'SIGTERM')
    graceTimer = setTimeout(kill, graceMs)
  }

  function kill() {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
    if (depth === 2) {
      // The sandbox's first process takes the whole process namespace with it, and bubblewrap ends by itself.
      const init = childrenOf(child.pid)[0]
      if (init !== undefined) signalTo(init, 'SIGKILL')
      signalTo(child.pid, 'SIGKILL')
    } else if (depth === 1) signalTo(child.pid, 'SIGUSR1')
    else signalTo(-child.pid, 'SIGKILL')
  }

  return {
    done,
    send: (line) => void child.stdin?.write(`${line}\n`),
    begin({ onLine: hear, signal, ...change }) {
      if (hear) onLine = hear
      energy = energyMeter()
      watch.begin({ ...request, ...change })
      listen(signal)
    },
    stop,
    kill() {
      stopped = true
      kill()
    },
  }
}

function jobPid(pid: number | undefined, depth: number): number | null {
  let at = pid
  for (let level = 0; level < depth && at !== undefined; level++) at = childrenOf(at)[0]
  return at ?? null
}

function signalTo(pid: number, signal: NodeJS.Signals) {
  try {
    process.kill(pid, signal)
  } catch {
    // Gone already.
  }
}

/** Sandboxes report a job killed by a signal as 128 + its number. */
function exitOf(code: number | null, signal: NodeJS.Signals | null): { exitCode: number | null; signal: string | null } {
  if (code === null || code <= 128) return { exitCode: code, signal }
  const name = Object.entries(constants.signals).find(([, number]) => number === code - 128)?.[0]
  return name && name !== 'SIGTERM' ? { exitCode: null, signal: name } : { exitCode: code, signal: null }
}
