import { statfs } from 'node:fs/promises'
import type { ExceededLimit, ProcessUsage, ResourceLimits } from './executor.ts'
import { sampleTree } from './process-tree.ts'

export interface ProcessWatch {
  begin(limits: ResourceLimits): void
  /** Stops watching and says what was used. */
  end(): Omit<ProcessUsage, 'energyWh'>
}

const quickestMs = 10
const slowestMs = 250
const diskEveryMs = 1000

/** Samples a process tree: often at first, later ever a tenth of its age (a quarter of a second at most). Reports the first limit it passes. */
export function watchProcess(options: {
  pid: number | null
  folder: string
  limits: ResourceLimits
  extraProcesses: number
  onExceeded(limit: ExceededLimit): void
}): ProcessWatch {
  let { limits } = options
  let startedAt = performance.now()
  let cpuAtBegin = 0
  let cpuSeconds = 0
  let peakMemoryBytes = 0
  let diskCheckedAt = startedAt
  let usage: Omit<ProcessUsage, 'energyWh'> | null = null
  let timer: NodeJS.Timeout | undefined
  let exceeded = false

  function sample() {
    if (options.pid === null) return
    const seen = sampleTree(options.pid, limits.maxProcesses + options.extraProcesses)
    if (seen) {
      cpuSeconds = Math.max(cpuSeconds, seen.cpuSeconds)
      peakMemoryBytes = Math.max(peakMemoryBytes, seen.memoryBytes)
      if (seen.processes > limits.maxProcesses + options.extraProcesses) exceed('processes')
      else if (seen.memoryBytes > limits.memoryBytes) exceed('memory')
    }
    const now = performance.now()
    if (now - startedAt > limits.wallSeconds * 1000) exceed('wall')
    if (now - diskCheckedAt > diskEveryMs) {
      diskCheckedAt = now
      checkDisk()
    }
  }

  /** A job may fill the disk with many small files, which no limit on one file stops. */
  async function checkDisk() {
    const disk = await statfs(options.folder).catch(() => null)
    if (disk && disk.bavail < disk.blocks / 100 && disk.bavail * disk.bsize < 2 ** 28) exceed('disk')
  }

  function exceed(limit: ExceededLimit) {
    if (exceeded || usage) return
    exceeded = true
    options.onExceeded(limit)
  }

  function schedule() {
    const age = performance.now() - startedAt
    timer = setTimeout(
      () => {
        sample()
        if (!usage) schedule()
      },
      Math.min(slowestMs, Math.max(quickestMs, age / 10)),
    )
    timer.unref()
  }
  schedule()

  return {
    begin(newLimits) {
      clearTimeout(timer)
      sample()
      limits = newLimits
      cpuAtBegin = cpuSeconds
      peakMemoryBytes = 0
      startedAt = performance.now()
      schedule()
    },
    end() {
      clearTimeout(timer)
      usage ??= {
        wallSeconds: (performance.now() - startedAt) / 1000,
        cpuSeconds: Math.max(0, cpuSeconds - cpuAtBegin),
        peakMemoryBytes,
      }
      return usage
    },
  }
}
