import { minutes } from '../../kernel/time.ts'
import type { Runtime } from '../../ports/engines/runtimes.ts'
import type { Executor, ProcessRequest, RunningProcess } from '../../ports/executors/executor.ts'
import type { Files } from '../../ports/files/files.ts'
import { layStage } from './engine-stage.ts'

/** A process that has its libraries loaded, in a sandbox around a folder that is still empty. Used for one job, then gone. */
export interface WarmEngine {
  process: RunningProcess
  /** Holds `stage` and `checkpoints`. The caller moves both to where the job wants them; the sandbox follows. */
  folder: string
}

/** After a runtime was used, keeps one process of it ready for the next job, for a while. */
export function warmEngines(needs: { executor: Executor; files: Files; root: string; idleMs?: number }) {
  const { executor, files, root, idleMs = minutes(3) } = needs
  const waiting = new Map<string, WarmEngine & { ready: boolean; timer: NodeJS.Timeout }>()
  const starting = new Set<string>()
  let count = 0
  let closed = false

  /** Starts one unless there is one. Never fails: without it the next job starts cold. */
  async function keepOne(runtime: Runtime): Promise<void> {
    const key = runtime.lockHash
    // Elsewhere a process would lose sight of its checkpoints when the folder is moved.
    if (closed || idleMs === 0 || executor.sandbox !== 'full' || waiting.has(key) || starting.has(key)) return
    starting.add(key)
    const folder = files.resolvePath(root, `${++count}`)
    try {
      await files.makeFolder(folder, 'checkpoints')
      await layStage(files, await files.makeFolder(folder, 'stage'))
      if (closed) return await files.remove(folder)
      const process = executor.start({
        ...engineProcess(runtime, files.resolvePath(folder, 'stage'), files.resolvePath(folder, 'checkpoints')),
        argv: [...engineCommand(runtime), '--warm'],
        takesLines: true,
        limits: executor.defaultLimits,
        onLine: (line) => {
          if (line === '{"ready":true}') engine.ready = true
        },
      })
      const engine = { process, folder, ready: false, timer: setTimeout(() => retire(key), idleMs).unref() }
      waiting.set(key, engine)
      process.done
        .catch(() => {})
        .finally(() => {
          if (waiting.get(key) === engine) forget(key)
        })
    } catch {
      await files.remove(folder).catch(() => {})
    } finally {
      starting.delete(key)
    }
  }

  function take(runtime: Runtime): WarmEngine | null {
    const engine = waiting.get(runtime.lockHash)
    if (!engine?.ready) return null
    clearTimeout(engine.timer)
    waiting.delete(runtime.lockHash)
    return engine
  }

  function forget(key: string) {
    const engine = waiting.get(key)
    if (!engine) return
    clearTimeout(engine.timer)
    waiting.delete(key)
    void files.remove(engine.folder).catch(() => {})
  }

  function retire(key: string) {
    const engine = waiting.get(key)
    engine?.process.kill()
    forget(key)
  }

  return {
    isReady: (lockHash: string) => waiting.get(lockHash)?.ready ?? false,
    keepOne,
    take,
    async close() {
      closed = true
      const left = [...waiting.values()]
      for (const key of [...waiting.keys()]) retire(key)
      await Promise.allSettled(left.map((engine) => engine.process.done))
      await files.remove(root)
    },
  }
}

export type WarmEngines = ReturnType<typeof warmEngines>

/** What every engine process is given, warm or not. */
export function engineProcess(
  runtime: Runtime,
  stage: string,
  checkpoints: string,
): Pick<ProcessRequest, 'folder' | 'env' | 'readOnly' | 'mounts'> {
  return {
    folder: stage,
    env: runtime.env,
    readOnly: runtime.readOnly,
    mounts: [
      { path: `${stage}/input`, at: 'input', writable: false },
      { path: checkpoints, at: 'checkpoints', writable: true },
    ],
  }
}

export const engineCommand = (runtime: Runtime) => [runtime.python, '-m', 'atoll_engines.run']
