import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const execute = promisify(execFile)

export interface WrkResult {
  requestsPerSecond: number
  p50Ms: number
  p99Ms: number
  errors: number
}

/** A closed-loop run of wrk with one thread on one core. `script` is a Lua file that makes the requests. */
export async function runWrk(run: {
  url: string
  script: string
  scriptArgs?: string[]
  connections: number
  seconds: number
  core: number
}): Promise<WrkResult> {
  const { stdout } = await execute('taskset', [
    ...[
      '-c',
      String(run.core),
      'wrk',
      '-t1',
      `-c${run.connections}`,
      `-d${run.seconds}s`,
      '--latency',
      // An answer that is late is counted as late, not as none.
      '--timeout',
      '30s',
      '-s',
      run.script,
      run.url,
    ],
    ...(run.scriptArgs ? ['--', ...run.scriptArgs] : []),
  ])
  const number = (pattern: RegExp) => Number(pattern.exec(stdout)?.[1] ?? 0)
  const socketErrors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(stdout)
  return {
    requestsPerSecond: number(/Requests\/sec:\s+([\d.]+)/),
    p50Ms: duration(/50%\s+([\d.]+\w+)/.exec(stdout)?.[1]),
    p99Ms: duration(/99%\s+([\d.]+\w+)/.exec(stdout)?.[1]),
    errors:
      number(/Non-2xx or 3xx responses: (\d+)/) + (socketErrors?.slice(1).reduce((sum, count) => sum + Number(count), 0) ?? 0),
  }
}

function duration(text: string | undefined): number {
  const [, value, unit] = /^([\d.]+)(us|ms|s)$/.exec(text ?? '') ?? []
  return Number(value) * ({ us: 0.001, ms: 1, s: 1000 }[unit ?? ''] ?? Number.NaN)
}
