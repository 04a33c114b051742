import type { Principal } from '../../kernel/principal.ts'
import type { RuntimeName } from '../../ports/engines/runtimes.ts'
import type { ResourceLimits } from '../../ports/executors/executor.ts'
import type { Db } from '../../ports/metadata/metadata.ts'
import type { Visibility } from '../auth/schema.ts'
import type { Cost, Estimate, JobEvent } from './schema.ts'
import type { Lane } from './tables.ts'

/**
 * How a domain says what a kind of job does. `run` may happen more than once (a worker died) and writes only under its folder and into blobs;
 * `publish` happens once, in the transaction that marks the job succeeded, and only for the attempt that still holds the lease.
 */
export interface JobHandler<Spec = any, Outcome = any> {
  kind: string
  /** interactive: somebody waits for it on a page; such jobs have slots of their own. Everything else is batch. */
  lane?: Lane
  /** Asked by the worker when the job was enqueued without an estimate. */
  estimate?(spec: Spec): Promise<Estimate | null>
  run(context: JobContext<Spec>): Promise<Outcome>
  publish?(tx: Db, context: JobContext<Spec>, outcome: Outcome): Promise<Record<string, unknown> | void>
  /** After the transaction of a final state: clean up, announce. May be skipped by a crash; must not matter then. */
  ended?(context: {
    jobId: string
    projectId: string
    spec: Spec
    state: 'succeeded' | 'failed' | 'cancelled'
    failure?: { code: string; message: string }
  }): Promise<void>
  /** In the transaction that marks it failed or cancelled: note it on the domain's own row. */
  unpublish?(
    tx: Db,
    job: {
      jobId: string
      projectId: string
      spec: Spec
      state: 'failed' | 'cancelled'
      failure: { code: string; message: string }
    },
  ): Promise<void>
  /** In the transaction that puts a failed or cancelled job back into the queue (a person asked for it): note it on the domain's own row, or refuse. */
  requeued?(tx: Db, job: { jobId: string; projectId: string; spec: Spec }): Promise<void>
  /** So many attempts may die without a word before the job is given up. 3 unless told. */
  maxAttempts?: number
}

export interface JobContext<Spec = any> {
  jobId: string
  attempt: number
  projectId: string
  /** Who asked for it: services called by the job act as this person. */
  principal: Principal
  spec: Spec
  /** The attempt's own folder (removed after the job ends). */
  folder: string
  /** Survives attempts: stage results and engine checkpoints. */
  checkpointFolder: string
  /** Aborted by cancel, shutdown or a lost lease. */
  signal: AbortSignal
  report(event: Pick<JobEvent, 'type' | 'data'>): void
  progress(stage: string, done: number, of: number | null, message?: string): void
  /** Runs a Python engine in `<folder>/<name>` by the job contract; its events become this job's. Resolves when it exits 0, else throws with the text of output/failure. */
  runEngine(run: EngineRun): Promise<EngineResult>
}

export interface EngineRun {
  /** Subfolder for this stage, e.g. 'fit'. Its checkpoints live in `<checkpointFolder>/<name>`. */
  name: string
  engine: string
  runtime: RuntimeName
  parameters: Record<string, unknown>
  seed: number
  /** Lays the channels: called with `<folder>/<name>/input/data`. */
  prepare(dataFolder: string): Promise<void>
  limits?: Partial<ResourceLimits>
  /** Each event of the engine, in order, as it comes: for what a domain keeps of them (metrics of a run, trials of a search). Must not throw. */
  onEvent?(event: Pick<JobEvent, 'type' | 'data'>): void
}

export interface EngineResult {
  /** `<folder>/<name>`: read model/, native/, output/data/ from here. */
  folder: string
  result: Record<string, unknown>
  cost: Cost
}

/** What other domains use of the jobs domain. */
export interface JobQueue {
  register(handler: JobHandler): void
  /** Enqueues in the caller's transaction: the job exists exactly when the row it belongs to does. */
  enqueue(
    tx: Db,
    by: Principal,
    job: {
      kind: string
      name: string
      projectId: string
      spec: Record<string, unknown>
      estimate?: Estimate | null
      /** How large it is, in its kind's own unit (bytes, rows x columns): estimates of later jobs learn from it. */
      size?: number | null
      /** `team` unless told; a job about something private should be private too. */
      visibility?: Visibility
    },
  ): Promise<string>
  /** After commit: wakes the worker without waiting for its poll. */
  wake(): void
}
