import { execFileSync } from 'node:child_process'
import { cpus, loadavg, totalmem } from 'node:os'

export interface Machine {
  cores: number
  cpu: string
  memoryGb: number
  node: string
  load: number
  commit: string
  at: string
}

export function describeMachine(): Machine {
  const [first] = cpus()
  return {
    cores: cpus().length,
    cpu: first?.model ?? 'unknown',
    memoryGb: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    load: Number(loadavg()[0]!.toFixed(2)),
    commit: commitOf(),
    at: new Date().toISOString(),
  }
}

function commitOf(): string {
  try {
    const hash = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim()
    const isClean = execFileSync('git', ['status', '--porcelain', '--untracked-files=no'], { encoding: 'utf8' }).trim() === ''
    return isClean ? hash : `${hash} with changes`
  } catch {
    return 'unknown'
  }
}
