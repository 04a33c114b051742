import { statfs } from 'node:fs/promises'
import type { ExceededLimit, ProcessRequest, ProcessUsage } from './executor.ts'
import { sampleTree } from './process-tree.ts'
import { writtenBytes } from './written-bytes.ts'

type Watched = Pick<ProcessRequest, 'folder' | 'mounts' | 'limits'>

export interface ProcessWatch {
  begin(request: Watched): void
  /** Stops watching and says what was used. */
  end(): Omit<ProcessUsage, 'energyWh'>
}

const quickestMs = 10
const slowestMs = 250
const diskEveryMs = 1000
/** Looking at the disk may take this share of the time. */
const diskShare = 0.1

/** Samples a process tree: often at first, later ever a tenth of its age (a quarter of a second at most). Reports the first limit it passes. */
export function watchProcess(options: {
  pid: number | null
  request: Watched
  extraProcesses: number
  onExceeded(limit: ExceededLimit): void
}): ProcessWatch {
  let { request } = options
  let startedAt = performance.now()
  let cpuAtBegin = 0
  let cpuSeconds = 0
  let peakMemoryBytes = 0
  let checkDiskAt = startedAt + diskEveryMs
  let usage: Omit<ProcessUsage, 'energyWh'> | null = null
  let timer: NodeJS.Timeout | undefined
  let exceeded = false

  function sample() {
    if (options.pid === null) return
    const { limits } = request
    const seen = sampleTree(options.pid, limits.maxProcesses + options.extraProcesses)
    if (seen) {
      cpuSeconds = Math.max(cpuSeconds, seen.cpuSeconds)
      peakMemoryBytes = Math.max(peakMemoryBytes, seen.memoryBytes)
      if (seen.processes > limits.maxProcesses + options.extraProcesses) exceed('processes')
      else if (seen.memoryBytes > limits.memoryBytes) exceed('memory')
    }
    const now = performance.now()
    if (now - startedAt > limits.wallSeconds * 1000) exceed('wall')
    if (now > checkDiskAt) {
      checkDiskAt = Number.POSITIVE_INFINITY
      void checkDisk(now)
    }
  }

  /** A job may fill the disk with many small files, which no limit on one file stops. */
  async function checkDisk(startedAt: number) {
    const watched = request
    const disk = await statfs(watched.folder).catch(() => null)
    if (disk && disk.bavail < disk.blocks / 100 && disk.bavail * disk.bsize < 2 ** 28) exceed('disk-full')
    const most = watched.limits.maxDiskBytes
    if ((await writtenBytes(watched, most)) > most && watched === request) exceed('disk')
    const now = performance.now()
    checkDiskAt = now + Math.max(diskEveryMs, (now - startedAt) / diskShare)
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
    begin(newRequest) {
      clearTimeout(timer)
      sample()
      request = newRequest
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
