import { readdirSync } from 'node:fs'
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

function threadsOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map(Number)
  } catch {
    return [pid]
  }
}
