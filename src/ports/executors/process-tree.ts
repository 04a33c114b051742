import { readdirSync, readFileSync } from 'node:fs'

export interface TreeSample {
  processes: number
  cpuSeconds: number
  /** Private memory of all, plus the largest shared part: pages that several map are counted once. */
  memoryBytes: number
}

const ticksPerSecond = 100
const pageBytes = 4096

/** Reads a process and all its descendants from /proc. Stops counting at `maxProcesses + 1`. null when the process is gone. */
export function sampleTree(rootPid: number, maxProcesses: number): TreeSample | null {
  let ticks = 0
  let privatePages = 0
  let sharedPages = 0
  let processes = 0
  const pending = [rootPid]
  for (let pid = pending.pop(); pid !== undefined && processes <= maxProcesses; pid = pending.pop()) {
    const times = readTicks(pid)
    if (times === null) continue
    processes++
    ticks += times
    const [, resident = 0, shared = 0] = readProc(`/proc/${pid}/statm`)?.split(' ').map(Number) ?? []
    privatePages += resident - shared
    sharedPages = Math.max(sharedPages, shared)
    pending.push(...childrenOf(pid))
  }
  if (processes === 0) return null
  return { processes, cpuSeconds: ticks / ticksPerSecond, memoryBytes: (privatePages + sharedPages) * pageBytes }
}

/** Direct children. */
export function childrenOf(pid: number): number[] {
  const children: number[] = []
  let threads: string[]
  try {
    threads = readdirSync(`/proc/${pid}/task`)
  } catch {
    return []
  }
  for (const thread of threads) {
    const text = readProc(`/proc/${pid}/task/${thread}/children`)
    if (text === null) return childrenByScan(pid)
    for (const child of text.split(' ')) if (child) children.push(Number(child))
  }
  return children
}

/** For kernels built without the children file. */
function childrenByScan(parent: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(fieldsOf(Number(name))?.[1]) === parent)
    .map(Number)
}

/** The fields of /proc/<pid>/stat from the state on: the name before them may hold anything. */
function fieldsOf(pid: number): string[] | null {
  const text = readProc(`/proc/${pid}/stat`)
  return text === null ? null : text.slice(text.lastIndexOf(')') + 2).split(' ')
}

/** utime, stime and those of reaped children: a child that ended is in its parent's, so the sum over the living is the whole. */
function readTicks(pid: number): number | null {
  const fields = fieldsOf(pid)
  if (fields === null) return null
  return Number(fields[11]) + Number(fields[12]) + Number(fields[13]) + Number(fields[14])
}

/** Clock ticks since boot at which a process started: with its pid this names it for good. */
export function startTicks(pid: number): number | null {
  const fields = fieldsOf(pid)
  return fields === null || fields[0] === 'Z' ? null : Number(fields[19])
}

function readProc(path: string): string | null {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return null
  }
}
