import { execFile, spawn } from 'node:child_process'
import { access, readdir, readFile, realpath, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { PlatformError } from '../../kernel/errors.ts'
import { sha256 } from '../../kernel/json.ts'
import type { Runtime, RuntimeName, RuntimeState, Runtimes } from './runtimes.ts'

const execute = promisify(execFile)
const builder = join(import.meta.dirname, 'build_runtime.py')
const oldestPython = [3, 11] as const

interface Options {
  /** Where environments are built and kept. */
  dir: string
  /** The interpreter that makes them. */
  python: string
  /** The folder with `runtimes/*.txt` and the engines' package. */
  sources: string
}

interface Interpreter {
  version: string
  /** As a folder name: cp311. */
  tag: string
  basePrefix: string
}

/** Where an environment is, or will be, and the one whose packages it sees too. */
interface Located {
  name: string
  lockFile: string
  lockHash: string
  base: Located | null
  interpreter: Interpreter
  folder: string
}

type OnProgress = (message: string, done: number, of: number) => void

/** Locked environments made by `venv` and pip, as pip is configured on this machine. */
export function pythonRuntimes(options: Options): Runtimes {
  let interpreter: Promise<Interpreter> | undefined
  const ready = new Map<string, Runtime>()
  const building = new Map<string, { done: Promise<void>; watchers: Set<OnProgress>; stop(): void; waiting: number }>()

  /** Asked once; asked again after a failure, which may have been mended. */
  function findInterpreter(): Promise<Interpreter> {
    interpreter ??= askInterpreter(options.python).catch((error) => {
      interpreter = undefined
      throw error
    })
    return interpreter
  }

  async function locate(name: string): Promise<Located> {
    const lock = await readLock(options.sources, name)
    const python = await findInterpreter()
    const base = lock.extends === null ? null : await locate(lock.extends)
    const lockHash = sha256(base ? `${base.lockHash}\n${lock.text}` : lock.text)
    return {
      name,
      lockFile: lock.file,
      lockHash,
      base,
      interpreter: python,
      folder: join(options.dir, `${name}-${lockHash.slice(0, 12)}-${python.tag}`),
    }
  }

  async function describe(name: string): Promise<RuntimeState> {
    const { lockHash, folder } = await locate(name)
    const state = { name, lockHash, sizeBytes: null, builtAt: null, message: null }
    const marker = await readFile(join(folder, 'ready.json'), 'utf8').catch(() => null)
    if (marker) {
      const { sizeBytes, builtAt } = JSON.parse(marker) as { sizeBytes: number; builtAt: number }
      return { ...state, state: 'ready', sizeBytes, builtAt }
    }
    if (building.has(folder) || (await stat(folder).catch(() => null))) return { ...state, state: 'building' }
    const failure = await readFile(`${folder}.failed`, 'utf8').catch(() => null)
    return failure === null ? { ...state, state: 'absent' } : { ...state, state: 'failed', message: failure.slice(0, 2000) }
  }

  /** Callers in this process share one build; it stops when the last of them has gone. */
  async function build({ name, folder, lockFile, base }: Located, onProgress?: OnProgress, signal?: AbortSignal) {
    let job = building.get(folder)
    if (!job) {
      const watchers = new Set<OnProgress>()
      const child = spawn(options.python, ['-I', builder, lockFile, folder, ...layers(base)], {
        stdio: ['ignore', 'pipe', 'pipe'],
        detached: true,
      })
      const done = followBuild(child, name, watchers).finally(() => building.delete(folder))
      done.catch(() => {})
      job = { done, watchers, stop: () => child.kill('SIGTERM'), waiting: 0 }
      building.set(folder, job)
    }
    const current = job
    current.waiting++
    if (onProgress) current.watchers.add(onProgress)
    try {
      await untilAborted(current.done, signal)
    } finally {
      if (onProgress) current.watchers.delete(onProgress)
      if (--current.waiting === 0) current.stop()
    }
  }

  return {
    async list() {
      const locks = (await readdir(join(options.sources, 'runtimes'))).filter(
        (file) => /^[a-z]+\.txt$/.test(file) && !forTests.has(file),
      )
      return Promise.all(locks.sort().map((file) => describe(basename(file, '.txt'))))
    },
    async ensure(name: RuntimeName, onProgress, signal) {
      const located = await locate(name)
      const known = ready.get(located.folder)
      if (known) return known
      for (const layer of lowestFirst(located))
        if (!(await exists(join(layer.folder, 'ready.json')))) await build(layer, onProgress, signal)
      const runtime = await toRuntime(located, options.sources)
      ready.set(located.folder, runtime)
      void compileEngines(runtime.python, options.sources)
      return runtime
    },
  }
}

/** Locks of what tests need: no job runs with them. */
const forTests: ReadonlySet<string> = new Set(['dev.txt', 'clients.txt'])

async function askInterpreter(python: string): Promise<Interpreter> {
  const ask = 'import json, sys; print(json.dumps([list(sys.version_info[:3]), sys.base_prefix]))'
  const { stdout } = await execute(python, ['-I', '-c', ask], { timeout: 20_000 }).catch((error) => {
    throw new PlatformError(
      'precondition_failed',
      `Python is needed for this and "${python}" could not be run. Install Python 3.11 or newer, or name it in ATOLL_PYTHON.`,
      { python },
      { cause: error },
    )
  })
  const [version, basePrefix] = JSON.parse(stdout) as [number[], string]
  const [major = 0, minor = 0] = version
  if (major < oldestPython[0] || (major === oldestPython[0] && minor < oldestPython[1]))
    throw new PlatformError(
      'precondition_failed',
      `Python 3.11 or newer is needed; "${python}" is ${version.join('.')}. Name another one in ATOLL_PYTHON.`,
      { python, version: version.join('.') },
    )
  return { version: version.join('.'), tag: `cp${major}${minor}`, basePrefix }
}

async function followBuild(child: ReturnType<typeof spawn>, name: string, watchers: Set<OnProgress>): Promise<void> {
  let failure = ''
  let isReady = false
  createInterface({ input: child.stdout! }).on('line', (line) => {
    const said = JSON.parse(line) as { message?: string; done?: number; of?: number; ready?: object; failed?: string }
    if (said.message !== undefined) for (const watch of watchers) watch(said.message, said.done ?? 0, said.of ?? 0)
    if (said.failed !== undefined) failure = said.failed
    if (said.ready) isReady = true
  })
  createInterface({ input: child.stderr! }).on('line', (line) => {
    failure = `${failure}\n${line}`.slice(-2000)
  })
  await new Promise<void>((resolve) => {
    child.once('close', () => resolve())
    child.once('error', (error) => {
      failure = error.message
      resolve()
    })
  })
  if (isReady) return
  const reason = failure.trim() || 'the build was stopped'
  throw new PlatformError('unavailable', `The Python environment "${name}" could not be built: ${reason.split('\n').at(-1)}`, {
    runtime: name,
    output: reason,
  })
}

/** A lock file: its packages, and in a line `# extends: NAME` the runtime that it builds upon. A companion for CUDA counts as part of it. */
async function readLock(sources: string, name: string): Promise<{ file: string; text: string; extends: string | null }> {
  const file = join(sources, 'runtimes', `${name}.txt`)
  const text = await readFile(file, 'utf8')
  const forCuda = await readFile(join(sources, 'runtimes', `${name}.cuda.txt`), 'utf8').catch(() => '')
  return { file, text: text + forCuda, extends: /^# extends: ([a-z]+)$/m.exec(text)?.[1] ?? null }
}

const lowestFirst = (located: Located): Located[] => (located.base ? [...lowestFirst(located.base), located] : [located])

const layers = (base: Located | null): string[] => (base ? lowestFirst(base).map(({ folder }) => folder) : [])

async function toRuntime(located: Located, sources: string): Promise<Runtime> {
  const { name, lockHash, folder, interpreter } = located
  const { basePrefix } = interpreter
  const readOnly = [folder, ...layers(located.base), basePrefix, await realpath(basePrefix), sources]
  return {
    name,
    lockHash,
    python: join(folder, 'bin', 'python'),
    readOnly: [...new Set(readOnly)].filter((path) => path !== '/usr'),
    env: {
      PATH: `${join(folder, 'bin')}:/usr/local/bin:/usr/bin:/bin`,
      PYTHONPATH: sources,
      PYTHONSAFEPATH: '1',
      PYTHONDONTWRITEBYTECODE: '1',
      PYTHONUNBUFFERED: '1',
      // Sets and dictionaries of strings in one order: the same seed gives the same model.
      PYTHONHASHSEED: '0',
    },
  }
}

/** Jobs see the engines read-only, so what is not compiled beside them is compiled anew by each. Only a matter of speed. */
async function compileEngines(python: string, sources: string): Promise<void> {
  await execute(python, ['-m', 'compileall', '-q', join(sources, 'atoll_engines')], { timeout: 60_000 }).catch(() => {})
}

async function untilAborted(work: Promise<void>, signal?: AbortSignal): Promise<void> {
  if (!signal) return work
  signal.throwIfAborted()
  let onAbort = () => {}
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort)
  })
  await Promise.race([work, aborted]).finally(() => signal.removeEventListener('abort', onAbort))
}

const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  )
