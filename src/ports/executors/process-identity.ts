import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'
import { startTicks } from './process-tree.ts'

/**
 * Names this process for good: machine, boot and process namespace, then pid and start time. A lease held by an identity of this
 * machine whose process is gone can be released at once.
 */
export function ownIdentity(): string {
  return `${machine()}/${process.pid}/${startTicks(process.pid) ?? Math.round(performance.timeOrigin)}`
}

/** true or false for a process of this machine; null when only its own machine can tell. */
export function isIdentityAlive(identity: string): boolean | null {
  const [pid, started] = identity.split('/').slice(-2)
  if (identity !== `${machine()}/${pid}/${started}`) return null
  const ticks = startTicks(Number(pid))
  if (ticks !== null) return String(ticks) === started
  return process.platform === 'linux' ? false : null
}

let known: string | undefined

function machine(): string {
  known ??= [hostname(), read(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()), pidNamespace()].join('/')
  return known
}

const pidNamespace = () => read(() => readlinkSync('/proc/self/ns/pid').replace(/\D/g, ''))

function read(from: () => string): string {
  try {
    return from()
  } catch {
    return '-'
  }
}
