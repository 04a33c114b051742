import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A group of processes that the kernel holds to so much memory, page cache included. */
export interface MemoryLimit {
  /** What to put before a command so that it starts in the group. */
  prefix: string[]
  /** How often the kernel ended a process of the group for want of memory. */
  kills(): number
  remove(): void
}

/** A control group of the kernel (version 2 or 1), or the reason why this machine gives none. */
export function limitMemory(bytes: number): MemoryLimit | string {
  const unified = existsSync('/sys/fs/cgroup/cgroup.controllers')
  const parent = unified ? '/sys/fs/cgroup' : '/sys/fs/cgroup/memory'
  const group = join(parent, `atoll-bench-${process.pid}`)
  try {
    mkdirSync(group)
    writeFileSync(join(group, unified ? 'memory.max' : 'memory.limit_in_bytes'), String(bytes))
  } catch (error) {
    return (error as Error).message
  }
  const facts = join(group, unified ? 'memory.events' : 'memory.oom_control')
  return {
    prefix: ['sh', '-c', `echo $$ > ${join(group, 'cgroup.procs')} && exec "$@"`, 'sh'],
    kills: () => Number(/^oom_kill (\d+)$/m.exec(readFileSync(facts, 'utf8'))?.[1] ?? 0),
    remove() {
      try {
        rmdirSync(group)
      } catch {
        // A process of the group is still ending; the empty group costs nothing.
      }
    },
  }
}
