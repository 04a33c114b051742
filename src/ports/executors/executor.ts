/** What a job's process may use. Enforced as far as the machine allows; `sandbox` says how far. */
export interface ResourceLimits {
  cpus: number
  memoryBytes: number
  maxProcesses: number
  maxFileBytes: number
  wallSeconds: number
}

/** full: own namespaces, no network, sees only its folder. limits-only: resource limits. off: neither. */
export type SandboxLevel = 'full' | 'limits-only' | 'off'

export interface ProcessRequest {
  /** The job's folder: the only writable place, and the working directory. */
  folder: string
  argv: readonly string[]
  env: Record<string, string>
  /** Further folders the process may read (a runtime, the engines). */
  readOnly: readonly string[]
  limits: ResourceLimits
  /** Called for each line of standard output and error. */
  onLine?: (line: string, stream: 'stdout' | 'stderr') => void
  signal?: AbortSignal
  /** After abort: SIGTERM, this long, then SIGKILL. */
  graceSeconds?: number
}

export interface ProcessUsage {
  wallSeconds: number
  cpuSeconds: number
  peakMemoryBytes: number
}

export interface ProcessOutcome {
  exitCode: number | null
  signal: string | null
  usage: ProcessUsage
  /** Set when a limit ended it. */
  limit: 'memory' | 'wall' | null
}

/** A place where job processes run. Whatever it starts dies with the server. */
export interface Executor {
  readonly name: string
  readonly sandbox: SandboxLevel
  readonly sandboxReason: string
  run(request: ProcessRequest): Promise<ProcessOutcome>
  close(): Promise<void>
}
