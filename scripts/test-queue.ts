/** Runs test processes a few at a time. None can hold up the rest: each is killed with all it started when its time is over. */
import { spawn } from 'node:child_process'

export interface TestProcess {
  name: string
  command: string
  args: readonly string[]
  /** Exit codes that are no failure; 0 where absent. */
  goodCodes?: readonly number[]
  /** Reads the counts from what it printed. */
  count(output: string): Counts
}

export interface Counts {
  passed: number
  failed: number
  skipped: number
}

export interface Finished extends Counts {
  name: string
  seconds: number
  output: string
  /** What was wrong with the process itself; null when its counts tell all. */
  trouble: string | null
}

interface Options {
  cwd: string
  env: NodeJS.ProcessEnv
  /** How many side by side. */
  slots: number
  /** Seconds for each. */
  limitSeconds: number
  /** When nothing new is begun and what runs is ended (`performance.now()`). */
  deadline: number
}

export async function runQueue(
  waiting: readonly TestProcess[],
  options: Options,
  onFinished: (one: Finished) => void,
): Promise<void> {
  const left = [...waiting]
  const slot = async () => {
    for (let next = left.shift(); next; next = left.shift()) onFinished(await runOne(next, options))
  }
  await Promise.all(Array.from({ length: options.slots }, slot))
}

export function runOne(one: TestProcess, { cwd, env, limitSeconds, deadline }: Options): Promise<Finished> {
  const started = performance.now()
  const allowedMs = Math.min(limitSeconds * 1000, deadline - started)
  const ended = (output: string, trouble: string | null): Finished => {
    const counts = one.count(output)
    return {
      name: one.name,
      seconds: (performance.now() - started) / 1000,
      output,
      ...counts,
      failed: counts.failed || (trouble === null ? 0 : 1),
      trouble,
    }
  }
  if (allowedMs <= 0) return Promise.resolve(ended('', 'was not begun: the time for all tests is over'))
  return new Promise((resolve) => {
    // A group of its own, so that what it started goes with it.
    const child = spawn(one.command, one.args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
    let output = ''
    let overtime = false
    const timer = setTimeout(() => {
      overtime = true
      killGroup(child.pid)
      // What left the group may still hold the pipes.
      child.stdout.destroy()
      child.stderr.destroy()
    }, allowedMs)
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (data: Buffer) => {
        output += data
      })
    child.on('error', (error) => {
      clearTimeout(timer)
      resolve(ended(output, error.message))
    })
    child.on('exit', () => {
      // Its output is whole a moment later, unless somebody else holds the pipe.
      setTimeout(() => {
        child.stdout.destroy()
        child.stderr.destroy()
      }, 2000).unref()
    })
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      killGroup(child.pid)
      const trouble = overtime
        ? `did not end within ${Math.round(allowedMs / 1000)} s and was killed`
        : code !== null && (one.goodCodes ?? [0]).includes(code)
          ? null
          : `ended with ${signal ?? `code ${code}`}`
      resolve(ended(output, trouble))
    })
  })
}

function killGroup(pid: number | undefined) {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // Nothing of it is left.
  }
}
