import { readdirSync, writeFileSync } from 'node:fs'
import { setPriority } from 'node:os'

const niceness = 10

/** Leaves the processor to whoever answers people. Linux keeps a priority for each thread: those there are now, and those they start later, get it. */
export function yieldToServer(pid: number): void {
  for (const thread of threadsOf(pid)) {
    try {
      setPriority(thread, niceness)
    } catch {
      // It has ended, or this system does not let us.
    }
  }
}

/** The same for a process that leads a session of its own: Linux shares the processor out between sessions first, where it groups by them. */
export function yieldSessionToServer(pid: number): void {
  yieldToServer(pid)
  try {
    writeFileSync(`/proc/${pid}/autogroup`, String(niceness))
  } catch {
    // This system does not group by session, or the process has ended.
  }
}

function threadsOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map(Number)
  } catch {
    return [pid]
  }
}
