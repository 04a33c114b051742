import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'

const execute = promisify(execFile)

export interface OpenLoopRun {
  url: string
  /** A file with one body a line, sent in turn. */
  bodies: string
  headers: Record<string, string>
  ratePerSecond: number
  seconds: number
  connections: number
}

export interface OpenLoopResult {
  p50Ms: number
  p95Ms: number
  p99Ms: number
  sent: number
  errors: number
}

/** Sends at a fixed rate whatever comes back, from a core of its own, and times each request from when it should have been sent: stalls are not hidden. */
export async function runOpenLoop(run: OpenLoopRun, core: number): Promise<OpenLoopResult> {
  const script = join(import.meta.dirname, 'open-loop-client.ts')
  const { stdout } = await execute('taskset', ['-c', String(core), process.execPath, script, JSON.stringify(run)])
  return JSON.parse(stdout) as OpenLoopResult
}
