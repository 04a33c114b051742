import { type ChildProcess, spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'

export interface Subject {
  pid: number
  /** What it printed when it was ready. */
  ready: string
  stop(): Promise<void>
}

/** Starts a program, on one core where named, and waits for the first line that `isReady` accepts. */
export function startSubject(
  argv: readonly string[],
  options: { core?: number; env?: Record<string, string>; cwd?: string; isReady: (line: string) => boolean; timeoutMs?: number },
): Promise<Subject> {
  const command = options.core === undefined ? [...argv] : ['taskset', '-c', String(options.core), ...argv]
  const child = spawn(command[0]!, command.slice(1), {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const lastLines: string[] = []
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      reject(new Error(`${argv.join(' ')} was not ready in time:\n${lastLines.join('\n')}`))
    }, options.timeoutMs ?? 60_000)
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        lastLines.push(line)
        if (lastLines.length > 20) lastLines.shift()
        if (!options.isReady(line)) return
        clearTimeout(timer)
        resolve({ pid: child.pid!, ready: line, stop: () => stop(child) })
      })
    }
    child.once('error', reject)
    child.once('exit', (code) => {
      clearTimeout(timer)
      reject(new Error(`${argv.join(' ')} ended with ${code}:\n${lastLines.join('\n')}`))
    })
  })
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const members = processTree(child.pid!)
    .slice(1)
    .map((pid) => ({ pid, began: beganAt(pid) }))
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 8000)
  await ended
  clearTimeout(timer)
  // Some servers leave their workers behind, which would disturb whatever is measured next.
  for (const { pid, began } of members) if (began !== null && beganAt(pid) === began) process.kill(pid, 'SIGKILL')
}

/** When a process began, in ticks since the machine did; null once it has ended. Another may get its number. */
function beganAt(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null
  } catch {
    return null
  }
}

/** A process and all its descendants. */
export function processTree(pid: number): number[] {
  const parents = new Map<number, number>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8')
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]))
    } catch {
      // Ended meanwhile.
    }
  }
  const tree = [pid]
  for (let i = 0; i < tree.length; i++) for (const [child, parent] of parents) if (parent === tree[i]) tree.push(child)
  return tree
}

/** Processor time that a process and its descendants have used, in milliseconds. */
export const treeCpuMs = (pid: number): number => processTree(pid).reduce((sum, member) => sum + cpuMs(member), 0)

/** The kernel counts hundredths of a second. */
function cpuMs(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return 10 * (Number(fields[11]) + Number(fields[12]))
  } catch {
    return 0
  }
}

/** Memory of a process tree, shared pages counted once between those who share them. */
export const treePssBytes = (pid: number): number => processTree(pid).reduce((sum, member) => sum + pssBytes(member).bytes, 0)

/** Memory of one process: its own pages, and its part of those it shares. Nothing, once it has ended. */
export function pssBytes(pid: number): { name: string; bytes: number } {
  try {
    const kilobytes = Number(/^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0)
    return { name: readFileSync(`/proc/${pid}/comm`, 'utf8').trim(), bytes: kilobytes * 1024 }
  } catch {
    return { name: '', bytes: 0 }
  }
}
