import { notFound, preconditionFailed } from '../../../kernel/errors.ts'
import { type Page, type PageQuery, toPage } from '../../../kernel/paging.ts'
import type { Principal } from '../../../kernel/principal.ts'
import type { Metadata } from '../../../ports/metadata/metadata.ts'
import type { Access } from '../../auth/access.ts'
import { audit } from '../../auth/audit.ts'
import type { EndpointsService } from '../../endpoints/service.ts'
import type { JobsService } from '../../jobs/service.ts'
import type { LoopRun } from '../schema.ts'
import { listRuns, type NamedRunRow, runById, runByNumber, stepsOf, toRun } from '../store.ts'
import { type LoopRow, loopTables } from '../tables.ts'
import { seenNow, type TriggerNeeds } from '../triggers.ts'
import type { RunStore, Trigger } from './run-store.ts'
import { stopJob } from './stop-job.ts'

export interface RunServiceNeeds extends TriggerNeeds {
  metadata: Metadata
  access: Access
  jobs: Pick<JobsService, 'cancel'>
  endpoints: Pick<EndpointsService, 'get'>
  store: Pick<RunStore, 'begin'>
  find(by: Principal, ref: string, project?: string): Promise<LoopRow>
}

/** Runs of loops as people begin, read, decide and end them. */
export function runService(needs: RunServiceNeeds) {
  const { metadata, access, jobs, endpoints, store, find } = needs
  const { db } = metadata

  /** A run begins, whoever or whatever wants it. */
  async function begin(by: Principal, loop: LoopRow, trigger: Trigger): Promise<string> {
    const endpoint = await endpoints.get(by, loop.endpoint_id)
    const champion = { version: endpoint.version, name: `${endpoint.modelName}:${endpoint.versionNumber}` }
    const seen = JSON.stringify(await seenNow(needs, loop, Date.now()))
    return store.begin(by, loop, { trigger, champion, seen })
  }

  async function run(by: Principal, ref: string, { reason }: { reason: string }, project?: string): Promise<LoopRun> {
    const row = await find(by, ref, project)
    await access.authorize(by, 'loops:write', row)
    const id = await begin(by, row, {
      kind: 'hand',
      sentence: `${by.name} started it${reason ? `: ${reason}` : '.'}`,
      facts: { by: by.name, reason },
    })
    return runWire((await runById(db, id))!)
  }

  const runWire = async (row: NamedRunRow): Promise<LoopRun> => toRun(row, await stepsOf(db, row.id))

  async function runs(by: Principal, ref: string, query: PageQuery, project?: string): Promise<Page<LoopRun>> {
    const loop = await find(by, ref, project)
    const page = toPage(await listRuns(db, loop.id, query), query.limit, (row) => [row.number])
    const items = await Promise.all(page.items.map(runWire))
    return { ...page, items: items.map((run) => ({ ...run, steps: run.steps.map((step) => ({ ...step, evidence: {} })) })) }
  }

  /** A run by id or number. */
  async function findRun(by: Principal, loopRef: string, ref: string, project?: string) {
    const loop = await find(by, loopRef, project)
    const found = /^\d{1,9}$/.test(ref) ? await runByNumber(db, loop.id, Number(ref)) : await runById(db, ref)
    if (!found || found.loop_id !== loop.id) throw notFound(`run of the loop "${loop.name}"`, ref)
    return { loop, found }
  }

  async function decide(
    by: Principal,
    loopRef: string,
    ref: string,
    said: { approved: boolean; note: string },
    project?: string,
  ): Promise<LoopRun> {
    const asked = await find(by, loopRef, project)
    await access.authorize(by, 'loops:approve', asked)
    const { loop, found } = await findRun(by, asked.id, ref)
    await metadata.transaction(async (tx) => {
      const decision = JSON.stringify({ ...said, by: by.name, at: new Date().toISOString() })
      const changed = await loopTables(tx)
        .updateTable('loop_runs')
        .set({ decision, wake_at: 0 })
        .where('id', '=', found.id)
        .where('step', '=', 'approve')
        .where('decision', 'is', null)
        .where('ended_at', 'is', null)
        .executeTakeFirst()
      if (Number(changed.numUpdatedRows) === 0)
        throw preconditionFailed(
          `Run ${found.number} does not wait for approval: it ${found.ended_at === null ? `is at the step ${found.step}` : 'has ended'}.`,
          { run: found.id, step: found.step },
        )
      await audit(tx, by, said.approved ? 'loops.approve' : 'loops.reject', {
        target: loop.id,
        project: loop.project_id,
        facts: { run: found.id, challenger: found.challenger_name, note: said.note },
      })
    })
    return runWire((await runById(db, found.id))!)
  }

  /** The run ends as soon as its step has had its turn; the champion stays, or comes back. */
  async function cancel(
    by: Principal,
    loopRef: string,
    ref: string,
    { reason }: { reason: string },
    project?: string,
  ): Promise<LoopRun> {
    const asked = await find(by, loopRef, project)
    await access.authorize(by, 'loops:write', asked)
    const { loop, found } = await findRun(by, asked.id, ref)
    if (found.ended_at !== null) throw preconditionFailed(`Run ${found.number} has ended already.`, { run: found.id })
    await metadata.transaction(async (tx) => {
      await loopTables(tx)
        .updateTable('loop_runs')
        .set({ cancel: JSON.stringify({ by: by.name, reason }), wake_at: 0 })
        .where('id', '=', found.id)
        .where('ended_at', 'is', null)
        .execute()
      await audit(tx, by, 'loops.cancel', {
        target: loop.id,
        project: loop.project_id,
        facts: { run: found.id, step: found.step, reason },
      })
    })
    await stopJob({ db, jobs }, by, found)
    return runWire((await runById(db, found.id))!)
  }

  return {
    begin,
    run,
    runs,
    readRun: async (by: Principal, loop: string, ref: string, project?: string) =>
      runWire((await findRun(by, loop, ref, project)).found),
    decide,
    cancel,
  }
}
