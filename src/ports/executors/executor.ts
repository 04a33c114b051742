/** What a job's process may use. Enforced as far as the machine allows; `sandbox` says how far. */
export interface ResourceLimits {
  cpus: number
  memoryBytes: number
  maxProcesses: number
  maxFileBytes: number
  /** All that it leaves in its folder and checkpoints, together. */
  maxDiskBytes: number
  wallSeconds: number
}

/** full: own namespaces, no network, sees only its folder. limits-only: resource limits. off: neither. */
export type SandboxLevel = 'full' | 'limits-only' | 'off'

export interface ProcessRequest {
  /** The job's folder: the only writable place, and the working directory. Inside a full sandbox it is `/job`. */
  folder: string
  argv: readonly string[]
  env: Record<string, string>
  /** Further folders the process may read (a runtime, the engines), under the same path. */
  readOnly: readonly string[]
  /** Folders that appear within the job's folder: its inputs (read-only), its checkpoints (kept elsewhere). */
  mounts?: readonly { path: string; at: string; writable: boolean }[]
  limits: ResourceLimits
  /** Somebody waits for its answers: it keeps the server's priority, where a job yields to it. */
  isServing?: boolean
  /** Keep standard input open for `send`. Otherwise it is empty. */
  takesLines?: boolean
  /** Called for each line of standard output and error. */
  onLine?: (line: string, stream: 'stdout' | 'stderr') => void
  /** Longer lines of standard output are cut. 8192 unless told: a log needs no more, an answer may. */
  maxLineCharacters?: number
  signal?: AbortSignal
  /** After abort: SIGTERM, this long, then SIGKILL. */
  graceSeconds?: number
}

export interface ProcessUsage {
  wallSeconds: number
  /** Sampled from the process tree: what ran after the last sample (at most a tenth of the run, or a quarter of a second) is not in it. */
  cpuSeconds: number
  peakMemoryBytes: number
  /** null where the machine has no readable energy counter. */
  energyWh: number | null
}

/** `disk`: its own limit. `disk-full`: the machine's disk was nearly full, whoever filled it. */
export type ExceededLimit = 'memory' | 'wall' | 'processes' | 'disk' | 'disk-full'

export interface ProcessOutcome {
  exitCode: number | null
  signal: string | null
  usage: ProcessUsage
  /** Set when a limit ended it. */
  limit: ExceededLimit | null
  /** Whether we asked it to stop (abort, stop, close): its signal is then no crash. */
  stopped: boolean
}

/** A process that runs. */
export interface RunningProcess {
  readonly done: Promise<ProcessOutcome>
  /** One line on its standard input. */
  send(line: string): void
  /** A process started ahead of its job begins it now, its folders perhaps at another place: time, usage and limits count from here. */
  begin(options: Partial<Pick<ProcessRequest, 'folder' | 'mounts' | 'limits' | 'signal' | 'onLine'>>): void
  /** SIGTERM, the grace, SIGKILL. */
  stop(): void
  /** At once, with all its children. */
  kill(): void
}

/** A place where job processes run. Whatever it starts dies with the server. */
export interface Executor {
  readonly name: string
  readonly sandbox: SandboxLevel
  readonly sandboxReason: string
  /** What a job gets when it does not say. */
  readonly defaultLimits: ResourceLimits
  /** Names this server process for good: a lease is held in this name. */
  readonly identity: string
  /** Whether the process of an identity still lives; null where only its own machine can tell. */
  isAlive(identity: string): boolean | null
  start(request: ProcessRequest): RunningProcess
  run(request: ProcessRequest): Promise<ProcessOutcome>
  close(): Promise<void>
}
