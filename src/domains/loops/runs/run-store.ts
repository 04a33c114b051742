import { sql } from 'kysely'
import { conflict, PlatformError } from '../../../kernel/errors.ts'
import { newId } from '../../../kernel/ids.ts'
import type { Principal } from '../../../kernel/principal.ts'
import { seconds } from '../../../kernel/time.ts'
import { isUniqueViolation } from '../../../ports/metadata/database-errors.ts'
import type { Db, Metadata } from '../../../ports/metadata/metadata.ts'
import { audit } from '../../auth/audit.ts'
import type { Outcome, Step } from '../schema.ts'
import { type LoopRow, loopTables, type RunRow } from '../tables.ts'
import type { Turn } from './turn.ts'

const leaseMs = seconds(30)
export const beatMs = seconds(10)

/** Another process has taken the run over: this one stops where it is. */
export class LostLease extends Error {}

export type Trigger = { kind: string; sentence: string; facts: Record<string, unknown> }

/** The statements of runs. Every write of a holder is fenced by the number of its claim; times are the database's. */
export function runStore({ db, nowMs, transaction }: Pick<Metadata, 'db' | 'nowMs' | 'transaction'>) {
  const inMs = (ms: number) => sql<number>`${nowMs} + ${Math.round(ms)}`

  /** A run begins. An endpoint has one at a time: the database says so, whoever asks at once. */
  async function begin(
    by: Principal,
    loop: LoopRow,
    about: { trigger: Trigger; champion: { version: string; name: string }; seen: string },
  ): Promise<string> {
    const id = newId('lrun')
    const now = Date.now()
    const insert = transaction(async (tx) => {
      const counted = await loopTables(tx)
        .updateTable('loops')
        .set((eb) => ({ runs: eb('runs', '+', 1), seen: about.seen }))
        .where('id', '=', loop.id)
        .where('deleted_at', 'is', null)
        .returning(['runs', 'policy', 'goal_id', 'endpoint_id', 'project_id'])
        .executeTakeFirstOrThrow()
      await loopTables(tx)
        .insertInto('loop_runs')
        .values({
          id,
          loop_id: loop.id,
          number: counted.runs,
          project_id: counted.project_id,
          endpoint_id: counted.endpoint_id,
          goal_id: counted.goal_id,
          trigger: JSON.stringify(about.trigger),
          policy: counted.policy,
          state: 'running',
          step: 'gather',
          outcome: null,
          sentence: about.trigger.sentence,
          champion_version: about.champion.version,
          champion_name: about.champion.name,
          challenger_version: null,
          challenger_name: null,
          decision: null,
          cancel: null,
          pending: null,
          failures: 0,
          wake_at: 0,
          lease_owner: null,
          lease_until: null,
          fence: 0,
          started_at: now,
          ended_at: null,
        })
        .execute()
      await openStep(tx, id, 'gather', now)
      await audit(tx, by, 'loops.run', {
        target: loop.id,
        project: loop.project_id,
        facts: { run: id, number: counted.runs, trigger: about.trigger.kind, sentence: about.trigger.sentence },
      })
    })
    try {
      await insert
    } catch (error) {
      if (!isUniqueViolation(error)) throw error
      throw conflict('A run is under way on this endpoint. There is one at a time: wait for it, or cancel it.', {
        endpoint: loop.endpoint_id,
      })
    }
    return id
  }

  /** Runs whose time has come and that nobody holds. */
  const due = (limit = 20) =>
    loopTables(db)
      .selectFrom('loop_runs')
      .select(['id', 'fence'])
      .where('ended_at', 'is', null)
      .where('wake_at', '<=', nowMs)
      .where((eb) => eb.or([eb('lease_until', 'is', null), eb('lease_until', '<', nowMs)]))
      .orderBy('wake_at')
      .limit(limit)
      .execute()

  /** Takes a run; null where another was quicker. */
  async function claim(owner: string, found: { id: string; fence: number }): Promise<RunRow | null> {
    const row = await loopTables(db)
      .updateTable('loop_runs')
      .set({ lease_owner: owner, lease_until: inMs(leaseMs), fence: found.fence + 1 })
      .where('id', '=', found.id)
      .where('fence', '=', found.fence)
      .where('ended_at', 'is', null)
      .where((eb) => eb.or([eb('lease_until', 'is', null), eb('lease_until', '<', nowMs)]))
      .returningAll()
      .executeTakeFirst()
    return row ?? null
  }

  /** Runs that wait without having failed are due now. */
  const wake = () =>
    loopTables(db)
      .updateTable('loop_runs')
      .set({ wake_at: 0 })
      .where('ended_at', 'is', null)
      .where('lease_owner', 'is', null)
      .where('state', '=', 'running')
      .where('failures', '=', 0)
      .where('step', 'in', ['gather', 'train', 'judge', 'watch'])
      .execute()

  const beat = (held: Held) => fenced(db, held, { lease_until: inMs(leaseMs) })

  /** Lets go, to be looked at again after a while. */
  const release = (held: Held, afterMs: number, failures = 0) =>
    fenced(db, held, { lease_owner: null, lease_until: null, wake_at: inMs(afterMs), failures })

  async function read(held: Held): Promise<RunRow> {
    const row = await loopTables(db)
      .selectFrom('loop_runs')
      .selectAll()
      .where('id', '=', held.id)
      .where('fence', '=', held.fence)
      .executeTakeFirst()
    if (!row) throw new LostLease()
    return row
  }

  const step = (id: string, name: Step) =>
    loopTables(db).selectFrom('loop_steps').selectAll().where('run_id', '=', id).where('step', '=', name).executeTakeFirst()

  /** Notes what a step has begun, in the transaction that begins it. */
  async function note(tx: Db, held: Held, name: Step, work: Record<string, unknown>): Promise<void> {
    await fenced(tx, held, { lease_until: inMs(leaseMs) })
    await loopTables(tx)
      .updateTable('loop_steps')
      .set({ work: JSON.stringify(work) })
      .where('run_id', '=', held.id)
      .where('step', '=', name)
      .execute()
  }

  /** Where it stands, while it waits. */
  async function stay(held: Held, name: Step, turn: Extract<Turn, { kind: 'stay' }>): Promise<void> {
    await transaction(async (tx) => {
      const state = turn.forPerson ? 'waiting' : 'running'
      await fenced(tx, held, {
        state,
        ...(turn.sentence !== undefined && { sentence: turn.sentence }),
        lease_owner: null,
        lease_until: null,
        wake_at: inMs(turn.inMs),
        failures: 0,
      })
      await loopTables(tx)
        .updateTable('loop_steps')
        .set({
          state,
          ...(turn.sentence !== undefined && { sentence: turn.sentence }),
          ...(turn.evidence && { evidence: JSON.stringify(turn.evidence) }),
        })
        .where('run_id', '=', held.id)
        .where('step', '=', name)
        .execute()
    })
  }

  /** One step is done and the next begins: the evidence, the new state and the line in the audit trail are there together or not at all. */
  async function go(by: Principal, held: Held, run: RunRow, turn: Extract<Turn, { kind: 'go' }>): Promise<void> {
    await transaction(async (tx) => {
      await fenced(tx, held, {
        step: turn.to,
        state: 'running',
        sentence: turn.sentence,
        failures: 0,
        lease_until: inMs(leaseMs),
        ...(turn.challenger && { challenger_version: turn.challenger.version, challenger_name: turn.challenger.name }),
      })
      await closeStep(tx, run.id, run.step, turn.skipped ? 'skipped' : 'done', turn)
      await openStep(tx, run.id, turn.to)
      await audit(tx, by, 'loops.step', {
        target: run.loop_id,
        project: run.project_id,
        facts: { run: run.id, step: run.step, next: turn.to, sentence: turn.sentence },
      })
    })
  }

  /** The champion is to be put back before it ends. */
  async function turnBack(by: Principal, held: Held, run: RunRow, turn: Extract<Turn, { kind: 'end' }>): Promise<void> {
    await transaction(async (tx) => {
      await fenced(tx, held, {
        step: 'restore',
        state: 'running',
        sentence: turn.sentence,
        pending: JSON.stringify({ outcome: turn.outcome, sentence: turn.sentence }),
        failures: 0,
        lease_until: inMs(leaseMs),
      })
      await closeStep(tx, run.id, run.step, turn.outcome === 'failed' ? 'failed' : 'done', turn)
      await openStep(tx, run.id, 'restore')
      await audit(tx, by, 'loops.step', {
        target: run.loop_id,
        project: run.project_id,
        facts: { run: run.id, step: run.step, next: 'restore', sentence: turn.sentence },
      })
    })
  }

  async function end(by: Principal, held: Held, run: RunRow, turn: Extract<Turn, { kind: 'end' }>): Promise<void> {
    await transaction(async (tx) => {
      const pending = run.pending ? (JSON.parse(run.pending) as { outcome: Outcome; sentence: string }) : null
      const { outcome, sentence } = pending ?? turn
      const now = Date.now()
      await fenced(tx, held, {
        state: 'ended',
        outcome,
        sentence,
        ended_at: now,
        lease_owner: null,
        lease_until: null,
      })
      await closeStep(tx, run.id, run.step, turn.outcome === 'failed' && !pending ? 'failed' : 'done', turn)
      await audit(tx, by, 'loops.end', {
        target: run.loop_id,
        project: run.project_id,
        facts: { run: run.id, outcome, sentence, champion: run.champion_name, challenger: run.challenger_name },
      })
    })
  }

  return { begin, due, claim, wake, beat, release, read, step, note, stay, go, turnBack, end }
}

export type RunStore = ReturnType<typeof runStore>

/** A run as one process holds it. */
export interface Held {
  id: string
  fence: number
}

async function fenced(db: Db, held: Held, changes: object): Promise<void> {
  const changed = await loopTables(db)
    .updateTable('loop_runs')
    .set(changes)
    .where('id', '=', held.id)
    .where('fence', '=', held.fence)
    .where('ended_at', 'is', null)
    .executeTakeFirst()
  if (Number(changed.numUpdatedRows) === 0) throw new LostLease()
}

async function openStep(tx: Db, runId: string, step: Step, at = Date.now()): Promise<void> {
  const last = await loopTables(tx)
    .selectFrom('loop_steps')
    .select((eb) => eb.fn.max('seq').as('seq'))
    .where('run_id', '=', runId)
    .executeTakeFirst()
  await loopTables(tx)
    .insertInto('loop_steps')
    .values({
      run_id: runId,
      step,
      seq: Number(last?.seq ?? 0) + 1,
      state: 'running',
      sentence: '',
      started_at: at,
      ended_at: null,
      evidence: '{}',
      work: '{}',
    })
    .execute()
}

async function closeStep(
  tx: Db,
  runId: string,
  step: Step,
  state: 'done' | 'skipped' | 'failed',
  { sentence, evidence }: { sentence: string; evidence?: Record<string, unknown> },
): Promise<void> {
  await loopTables(tx)
    .updateTable('loop_steps')
    .set({ state, sentence, ended_at: Date.now(), ...(evidence && { evidence: JSON.stringify(evidence) }) })
    .where('run_id', '=', runId)
    .where('step', '=', step)
    .execute()
}

/** Refusals that no second try would change. */
export const isLasting = (error: unknown): error is PlatformError =>
  error instanceof PlatformError && !['unavailable', 'rate_limited', 'timeout', 'storage_full', 'internal'].includes(error.code)
