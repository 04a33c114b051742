import { mkdirSync, rmSync, symlinkSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { availableParallelism, totalmem } from 'node:os'
import { join } from 'node:path'
import type { Executor, ProcessRequest, RunningProcess } from './executor.ts'
import { isIdentityAlive, ownIdentity } from './process-identity.ts'
import { baseEnvironment, fullArgv, limitsOnlyArgv, probeSandbox, type SandboxProbe } from './sandbox.ts'
import { spawnJob } from './spawn-job.ts'

const gigabyte = 2 ** 30

/** Job processes on this machine, as confined as it allows. */
export async function openLocalExecutor(options: { python: string; probe?: SandboxProbe }): Promise<Executor> {
  const { level, reason } = options.probe ?? (await probeSandbox(options.python))
  const running = new Set<RunningProcess>()

  function start(request: ProcessRequest): RunningProcess {
    const process = spawnJob(level === 'full' ? confined(request) : unconfined(request))
    running.add(process)
    process.done.finally(() => running.delete(process)).catch(() => {})
    return process
  }

  const confined = (request: ProcessRequest) => ({
    request,
    argv: fullArgv(request),
    env: { ...baseEnvironment('/tmp'), ...threadLimits(request.limits.cpus), ...request.env },
    // bubblewrap, its own process 1, the job.
    depth: 2,
    extraProcesses: 2,
  })

  function unconfined(request: ProcessRequest) {
    const temp = join(request.folder, '.tmp')
    mkdirSync(temp, { recursive: true, mode: 0o700 })
    for (const { path, at } of request.mounts ?? []) {
      const place = join(request.folder, at)
      if (path === place) continue
      rmSync(place, { recursive: true, force: true })
      symlinkSync(path, place)
    }
    return {
      request,
      argv: level === 'limits-only' ? limitsOnlyArgv(request, options.python) : [...request.argv],
      env: { ...baseEnvironment(temp), ...threadLimits(request.limits.cpus), ...request.env },
      depth: level === 'limits-only' ? 1 : 0,
      extraProcesses: level === 'limits-only' ? 1 : 0,
      ended: () => rm(temp, { recursive: true, force: true }),
    }
  }

  return {
    name: 'local',
    sandbox: level,
    sandboxReason: reason,
    defaultLimits: {
      cpus: availableParallelism(),
      memoryBytes: Math.max(gigabyte, Math.floor(totalmem() * 0.7)),
      maxProcesses: 512,
      maxFileBytes: 64 * gigabyte,
      maxDiskBytes: 64 * gigabyte,
      wallSeconds: 7 * 86_400,
    },
    identity: ownIdentity(),
    isAlive: isIdentityAlive,
    start,
    run: (request) => start(request).done,
    async close() {
      const left = [...running]
      for (const process of left) process.kill()
      await Promise.allSettled(left.map((process) => process.done))
    },
  }
}

/** Libraries read these once, when they are loaded. A waiting OpenMP thread that spins takes the core from whoever has work. */
function threadLimits(cpus: number): Record<string, string> {
  const threads = String(Math.max(1, Math.floor(cpus)))
  return {
    OMP_NUM_THREADS: threads,
    OPENBLAS_NUM_THREADS: threads,
    MKL_NUM_THREADS: threads,
    NUMEXPR_NUM_THREADS: threads,
    OMP_WAIT_POLICY: 'PASSIVE',
  }
}
