/** The runtimes, each of which sees the packages of the one before it where its lock says `# extends:`. */
export const runtimeNames = ['tabular', 'deep', 'audio', 'llm'] as const

/** A locked Python environment: built on first use from `python/runtimes/<name>.txt`, keyed by the lock's hash, shared. */
export type RuntimeName = (typeof runtimeNames)[number]

/** Subjects of engines: each has `<family>.train`, `.evaluate` and `.predict`, and a list of algorithms. */
export const families = ['tabular', 'text', 'image', 'audio', 'unsupervised', 'forecast', 'language', 'script', 'bring'] as const
export type Family = (typeof families)[number]

export interface RuntimeState {
  name: string
  lockHash: string
  state: 'absent' | 'building' | 'ready' | 'failed'
  sizeBytes: number | null
  builtAt: number | null
  message: string | null
}

export interface Runtime {
  name: string
  lockHash: string
  python: string
  /** Folders a sandboxed process must see to use it. */
  readOnly: string[]
  env: Record<string, string>
}

export interface Runtimes {
  list(): Promise<RuntimeState[]>
  /** Builds when absent (one builder at a time, also across processes) and reports progress lines. */
  ensure(
    name: RuntimeName,
    onProgress?: (message: string, done: number, of: number) => void,
    signal?: AbortSignal,
  ): Promise<Runtime>
}
