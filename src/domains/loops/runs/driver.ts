import { randomUUID } from 'node:crypto'
import type { Events } from '../../../kernel/events.ts'
import type { Principal } from '../../../kernel/principal.ts'
import type { Db, Metadata } from '../../../ports/metadata/metadata.ts'
import type { JobsService } from '../../jobs/service.ts'
import type { Step } from '../schema.ts'
import { policyOf } from '../store.ts'
import { loopTables, type RunRow } from '../tables.ts'
import { beatMs, type Held, isLasting, LostLease, runStore } from './run-store.ts'
import { stopJob } from './stop-job.ts'
import type { StepWork, Turn } from './turn.ts'

export interface DriverNeeds {
  metadata: Metadata
  events: Pick<Events, 'emit'>
  principalOf(userId: string): Promise<Principal>
  steps: Record<Step, StepWork>
  jobs: Pick<JobsService, 'cancel'>
  onError(error: unknown, doing: string): void
}

/** Steps before which nothing of an endpoint was touched: a run that ends there has nothing to put back. */
const untouched: ReadonlySet<Step> = new Set(['gather', 'train', 'judge', 'approve', 'restore'])
const mostFailures = 8

/**
 * Drives runs, step after step. Where each stands is in the database and moves in one transaction with its evidence, so a run goes on
 * wherever a process ended; a lease and its number keep two processes from driving one.
 */
export function runDriver({ metadata, events, principalOf, steps, jobs, onError }: DriverNeeds) {
  const store = runStore(metadata)
  const owner = randomUUID()

  /** Gives each run that is due a turn; answers how many. */
  async function tick(signal?: AbortSignal): Promise<number> {
    let driven = 0
    for (const found of await store.due()) {
      if (signal?.aborted) break
      const run = await store.claim(owner, found)
      if (!run) continue
      driven++
      await drive(run, signal).catch((error) => {
        if (!(error instanceof LostLease)) onError(error, `driving run ${run.id} of a loop`)
      })
    }
    return driven
  }

  async function drive(claimed: RunRow, signal?: AbortSignal): Promise<void> {
    const held: Held = { id: claimed.id, fence: claimed.fence }
    const beating = setInterval(() => void store.beat(held).catch(() => {}), beatMs).unref()
    try {
      // As many steps as go without waiting.
      for (;;) {
        const run = await store.read(held)
        if (signal?.aborted) return await store.release(held, 0, run.failures)
        const { by, refusal } = await actorOf(run)
        const turn: Turn | null =
          refusal === null
            ? await turnOf(run, held, by)
            : { kind: 'end', outcome: 'failed', sentence: `Nobody can act for its owner any more: ${refusal}` }
        if (turn === null) return
        if (await apply(turn, run, held, by)) return
      }
    } finally {
      clearInterval(beating)
    }
  }

  /** The owner of the loop. Putting the champion back is the platform's own affair: it does not hang on what its owner may do by now. */
  async function actorOf(run: RunRow): Promise<{ by: Principal; refusal: string | null }> {
    const { owner_id } = await loopTables(metadata.db)
      .selectFrom('loops')
      .select('owner_id')
      .where('id', '=', run.loop_id)
      .executeTakeFirstOrThrow()
    const platform: Principal = {
      userId: owner_id,
      name: 'the loop',
      isPlatformAdmin: true,
      credential: { kind: 'system', id: null },
      scopes: null,
    }
    if (run.step === 'restore') return { by: platform, refusal: null }
    try {
      return { by: await principalOf(owner_id), refusal: null }
    } catch (error) {
      if (!isLasting(error)) throw error
      return { by: platform, refusal: error.message }
    }
  }

  /** What the step says; null where it failed for now and is tried again later. */
  async function turnOf(run: RunRow, held: Held, by: Principal): Promise<Turn | null> {
    const isRestoring = run.step === 'restore'
    if (run.cancel && !isRestoring) {
      const { by: who, reason } = JSON.parse(run.cancel) as { by: string; reason: string }
      return { kind: 'end', outcome: 'cancelled', sentence: `${who} cancelled it${reason && `: ${reason}`}.` }
    }
    if (!isRestoring && (await isEndpointGone(run))) {
      await stopJob({ db: metadata.db, jobs }, by, run)
      return { kind: 'end', outcome: 'cancelled', sentence: 'The endpoint was deleted, so there is nothing left to heal.' }
    }
    try {
      const row = await store.step(run.id, run.step)
      const note = (tx: Db, work: Record<string, unknown>) => store.note(tx, held, run.step, work)
      return await steps[run.step]({
        run,
        policy: policyOf(run),
        by,
        work: JSON.parse(row?.work ?? '{}'),
        startedAt: row?.started_at ?? run.started_at,
        note,
        keep: (work) => metadata.transaction((tx) => note(tx, work)),
      })
    } catch (error) {
      if (error instanceof LostLease) throw error
      const failures = run.failures + 1
      // Putting the champion back is tried for as long as it takes.
      if (!isRestoring && (isLasting(error) || failures >= mostFailures))
        return { kind: 'end', outcome: 'failed', sentence: `It failed while it ${doing[run.step]}: ${(error as Error).message}` }
      if (!isLasting(error)) onError(error, `run ${run.id} of a loop: ${run.step}`)
      await store.release(held, Math.min(60_000, 500 * 2 ** Math.min(failures, 7)), failures)
      return null
    }
  }

  const isEndpointGone = async ({ endpoint_id }: RunRow): Promise<boolean> =>
    !(await loopTables(metadata.db)
      .selectFrom('endpoints')
      .select('id')
      .where('id', '=', endpoint_id)
      .where('deleted_at', 'is', null)
      .executeTakeFirst())

  /** Answers whether the run is let go of. */
  async function apply(turn: Turn, run: RunRow, held: Held, by: Principal): Promise<boolean> {
    const said = (step: Step, state: string) =>
      events.emit('loop.changed', { loopId: run.loop_id, runId: run.id, projectId: run.project_id, step, state })
    if (turn.kind === 'stay') {
      await store.stay(held, run.step, turn)
      if (turn.forPerson && run.state !== 'waiting') said(run.step, 'waiting')
      return true
    }
    if (turn.kind === 'go') {
      await store.go(by, held, run, turn)
      said(turn.to, 'running')
      return false
    }
    // What was done well leaves the challenger where it is.
    if (turn.outcome === 'done' || untouched.has(run.step)) {
      await store.end(by, held, run, turn)
      said(run.step, 'ended')
      return true
    }
    await store.turnBack(by, held, run, turn)
    said('restore', 'running')
    return false
  }

  return { tick, store }
}

const doing: Record<Step, string> = {
  gather: 'gathered rows',
  train: 'trained',
  judge: 'judged',
  approve: 'waited for approval',
  shadow: 'let the challenger run as a shadow',
  rollout: 'rolled out the challenger',
  watch: 'watched the new version',
  restore: 'put the champion back',
}
