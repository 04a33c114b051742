import type * as z from 'zod'
import { conflict, invalidInput, notFound, preconditionFailed } from '../../kernel/errors.ts'
import type { Events } from '../../kernel/events.ts'
import { type Page, type PageQuery, toPage } from '../../kernel/paging.ts'
import type { Principal } from '../../kernel/principal.ts'
import { isUniqueViolation } from '../../ports/metadata/database-errors.ts'
import type { Metadata } from '../../ports/metadata/metadata.ts'
import { type Access, nameTakenIsConflict } from '../auth/access.ts'
import { audit } from '../auth/audit.ts'
import type { Binned } from '../auth/bin.ts'
import type { Search } from '../auth/search.ts'
import type { DatasetsService } from '../datasets/service.ts'
import type { EndpointsService } from '../endpoints/service.ts'
import type { GoalsService } from '../goals/service.ts'
import type { JobsService } from '../jobs/service.ts'
import { nextRunAfter, refuseBadSchedule } from '../monitoring/schedule.ts'
import { isOfCells } from '../monitoring/table-rows.ts'
import type { ModelVersion } from '../registry/schema.ts'
import type { RegistryService } from '../registry/service.ts'
import type { TrainingService } from '../training/service.ts'
import { runDriver } from './runs/driver.ts'
import { runStore, type Trigger } from './runs/run-store.ts'
import { loopScheduler } from './scheduler.ts'
import type { Loop, LoopInput, LoopPatch, LoopPolicy, LoopRun } from './schema.ts'
import { LoopPolicy as PolicySchema } from './schema.ts'
import { approveStep } from './steps/approve.ts'
import { gatherStep } from './steps/gather.ts'
import { judgeStep } from './steps/judge.ts'
import { restoreStep } from './steps/restore.ts'
import { rolloutStep } from './steps/rollout.ts'
import { shadowStep } from './steps/shadow.ts'
import { trainStep } from './steps/train.ts'
import { watchStep } from './steps/watch.ts'
import {
  latestRun,
  listLoops,
  listRuns,
  loopById,
  type NamedRunRow,
  openRunOf,
  policyOf,
  runById,
  runByNumber,
  stepsOf,
  toLoop,
  toRun,
} from './store.ts'
import { type LoopRow, loopTables } from './tables.ts'
import { seenNow } from './triggers.ts'

export interface LoopsNeeds {
  metadata: Metadata
  events: Events
  access: Access
  search: Search
  jobs: Pick<JobsService, 'queue' | 'peek' | 'cancel'>
  principalOf(userId: string): Promise<Principal>
  datasets: DatasetsService
  goals: GoalsService
  registry: RegistryService
  training: Pick<TrainingService, 'create'>
  endpoints: EndpointsService
  onError(error: unknown, doing: string): void
}

export type LoopsService = ReturnType<typeof loopsService>
type LoopOut = z.infer<typeof Loop>

/** Loops: from what an endpoint sees to a better model behind it, with evidence at each step. */
export function loopsService(needs: LoopsNeeds) {
  const { metadata, access, search, jobs, datasets, goals, registry, endpoints } = needs
  const { db } = metadata
  search.registerTable('loops', { noun: 'loop', permission: 'loops:read' })
  const store = runStore(metadata)
  const find = (by: Principal, ref: string, project?: string) => access.resolve<LoopRow>('loops', by, ref, project)
  const stepNeeds = { ...needs, store, queue: jobs.queue }
  const driver = runDriver({
    ...needs,
    steps: {
      gather: gatherStep(stepNeeds),
      train: trainStep(stepNeeds),
      judge: judgeStep(stepNeeds),
      approve: approveStep(needs),
      shadow: shadowStep(needs),
      rollout: rolloutStep(stepNeeds),
      watch: watchStep(stepNeeds),
      restore: restoreStep(needs),
    },
  })

  /** Of the loop's goal, as its owner sees them; none where they no longer do. */
  async function versionsOf(loop: LoopRow) {
    const by = await needs.principalOf(loop.owner_id)
    return datasets.versions(by, (await goals.get(by, loop.goal_id)).dataset)
  }
  const triggerNeeds = { metadata, versionsOf }
  const scheduler = loopScheduler({
    ...needs,
    ...triggerNeeds,
    drive: (signal) => driver.tick(signal),
    start: async (loop, trigger) => begin(await needs.principalOf(loop.owner_id), loop, trigger).catch(ignoreBusy),
  })

  async function wire(id: string): Promise<LoopOut> {
    const row = await loopById(db, id)
    if (!row) throw notFound('loop', id)
    return toLoop(row, await latestRun(db, id))
  }

  async function create(by: Principal, input: z.output<typeof LoopInput>): Promise<LoopOut> {
    const endpoint = await endpoints.get(by, input.endpoint, input.project)
    const project = await access.projectFor(by, endpoint.project, 'loops:write')
    // What a run does on the endpoint is done in the name of the loop's owner.
    await access.authorize(by, 'endpoints:write', await access.resolve('endpoints', by, endpoint.id))
    const champion = await registry.resolveVersion(by, endpoint.version)
    const policy = PolicySchema.parse(input)
    const goal = await goalFor(by, champion, input.goal, input.project)
    await refuseBadPolicy(by, policy, champion, project.id)
    const name = input.name ?? `${endpoint.name} loop`
    const row: LoopRow = {
      ...(await access.newResource('loop', by, project, { ...input, name })),
      endpoint_id: endpoint.id,
      goal_id: goal,
      enabled: input.enabled ? 1 : 0,
      policy: JSON.stringify(policy),
      next_run_at: policy.triggers.schedule ? nextRunAfter(policy.triggers.schedule, Date.now()) : null,
      next_look_at: Date.now(),
      seen: '{}',
      runs: 0,
    }
    row.seen = JSON.stringify(await seenNow(triggerNeeds, row, Date.now()))
    await refuseSecond(endpoint.id, endpoint.name)
    const insert = metadata.transaction(async (tx) => {
      await loopTables(tx).insertInto('loops').values(row).execute()
      await audit(tx, by, 'loops.create', {
        target: row.id,
        project: row.project_id,
        facts: { name, endpoint: endpoint.id, goal, policy },
      })
    })
    await nameTakenIsConflict('loop', name, insert)
    return wire(row.id)
  }

  async function refuseSecond(endpointId: string, name: string): Promise<void> {
    const other = await loopTables(db)
      .selectFrom('loops')
      .select(['id', 'name'])
      .where('endpoint_id', '=', endpointId)
      .where('deleted_at', 'is', null)
      .executeTakeFirst()
    if (other)
      throw conflict(`The endpoint "${name}" has a loop already ("${other.name}"). Change that one, or delete it first.`, {
        endpoint: endpointId,
        loop: other.id,
      })
  }

  /** The goal by which the run trains and judges: it must be of the same question as the model that is served. */
  async function goalFor(by: Principal, champion: ModelVersion, ref: string | null, project?: string): Promise<string> {
    const asked = ref ?? champion.goal
    if (asked === null)
      throw invalidInput(
        `${champion.modelName}:${champion.number} was made without a goal. Name the goal by which challengers are made and judged.`,
        { field: 'goal' },
      )
    const goal = await goals.get(by, asked, project)
    if (goal.task !== champion.task || goal.target !== champion.target)
      throw invalidInput(
        `The goal "${goal.name}" is of "${goal.target}" (${goal.task}), and ${champion.modelName}:${champion.number} predicts "${champion.target}" (${champion.task}).`,
        { field: 'goal' },
      )
    return goal.id
  }

  async function refuseBadPolicy(by: Principal, policy: LoopPolicy, champion: ModelVersion, projectId: string): Promise<void> {
    if (!['binary', 'multiclass', 'regression'].includes(champion.task) || !isOfCells(champion.signature))
      throw preconditionFailed(
        `A loop learns from captured rows, and of ${champion.task} models of images, sounds or texts to write those are not all kept. It works for models of tables and texts that answer with a class or a number.`,
        { task: champion.task },
      )
    if (policy.triggers.schedule) refuseBadSchedule(policy.triggers.schedule)
    if (policy.judge.belowGoal) {
      const role = await access.roleIn(by, projectId)
      if (role !== 'admin' && !by.isPlatformAdmin)
        throw preconditionFailed('Only an administrator of the project may let challengers through that miss the goal.', {
          field: 'judge.belowGoal',
        })
    }
    const { fairness } = policy.judge
    if (fairness && champion.task === 'regression')
      throw invalidInput('Groups are compared by rates of classes; a number has none.', { field: 'judge.fairness' })
    if (fairness && !champion.signature.inputs.some(({ name }) => name === fairness.column))
      throw invalidInput(`The model has no input "${fairness.column}", so live rows do not say which group they are of.`, {
        field: 'judge.fairness.column',
        column: fairness.column,
      })
    const weights = policy.rollout.steps.map(({ weight }) => weight)
    if (weights.some((weight, i) => i > 0 && weight <= weights[i - 1]!))
      throw invalidInput('Each step of the rollout gives the challenger more than the one before.', { field: 'rollout.steps' })
  }

  async function list(by: Principal, query: PageQuery & { project?: string; endpoint?: string }): Promise<Page<LoopOut>> {
    const project = query.project === undefined ? undefined : (await access.projectFor(by, query.project)).id
    const endpoint = query.endpoint === undefined ? undefined : (await endpoints.get(by, query.endpoint, query.project)).id
    const page = toPage(
      await listLoops(db, access.visibleTo(by, 'loops'), { ...query, project, endpoint }),
      query.limit,
      (row) => [row.created_at, row.id],
    )
    return { ...page, items: await Promise.all(page.items.map(async (row) => toLoop(row, await latestRun(db, row.id)))) }
  }

  async function patch(by: Principal, ref: string, changes: z.output<typeof LoopPatch>, project?: string): Promise<LoopOut> {
    const row = await find(by, ref, project)
    await access.authorize(by, 'loops:write', row)
    const { goal, enabled, name, visibility, description, tags, ...parts } = changes
    const policy = PolicySchema.parse({ ...policyOf(row), ...parts })
    const endpoint = await endpoints.get(by, row.endpoint_id)
    const champion = await registry.resolveVersion(by, endpoint.version)
    await refuseBadPolicy(by, policy, champion, row.project_id)
    const goalId = goal === undefined ? row.goal_id : await goalFor(by, champion, goal, project)
    const { schedule } = policy.triggers
    const update = metadata.transaction(async (tx) => {
      await loopTables(tx)
        .updateTable('loops')
        .set({
          ...(await access.patchResource({ name, visibility, description, tags })),
          policy: JSON.stringify(policy),
          goal_id: goalId,
          ...(enabled !== undefined && { enabled: enabled ? 1 : 0 }),
          ...(parts.triggers && { next_run_at: schedule ? nextRunAfter(schedule, Date.now()) : null }),
          next_look_at: Date.now(),
        })
        .where('id', '=', row.id)
        .execute()
      await audit(tx, by, 'loops.change', { target: row.id, project: row.project_id, facts: { ...changes } })
    })
    await nameTakenIsConflict('loop', name ?? row.name, update)
    return wire(row.id)
  }

  async function remove(by: Principal, ref: string, project?: string): Promise<void> {
    const row = await find(by, ref, project)
    await access.authorize(by, 'loops:write', row)
    const open = await openRunOf(db, row.endpoint_id)
    if (open?.loop_id === row.id)
      throw conflict('A run of this loop is under way. Cancel it first.', { loop: row.id, run: open.id })
    await metadata.transaction(async (tx) => {
      await loopTables(tx).updateTable('loops').set({ deleted_at: Date.now() }).where('id', '=', row.id).execute()
      await audit(tx, by, 'loops.delete', { target: row.id, project: row.project_id, facts: { name: row.name } })
    })
  }

  /** A run begins, whoever or whatever wants it. */
  async function begin(by: Principal, loop: LoopRow, trigger: Trigger): Promise<string> {
    const endpoint = await endpoints.get(by, loop.endpoint_id)
    const champion = { version: endpoint.version, name: `${endpoint.modelName}:${endpoint.versionNumber}` }
    const seen = JSON.stringify(await seenNow(triggerNeeds, loop, Date.now()))
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
    await stopJob(by, found.id, found.step)
    return runWire((await runById(db, found.id))!)
  }

  /** What the run has under way need not go on. */
  async function stopJob(by: Principal, runId: string, step: string): Promise<void> {
    const row = (await stepsOf(db, runId)).find((one) => one.step === step)
    const { job } = JSON.parse(row?.work ?? '{}') as { job?: string | null }
    if (job) await jobs.cancel(by, job).catch(() => {})
  }

  async function rules(by: Principal, project?: string) {
    const { id } = await access.projectFor(by, project)
    const row = await loopTables(db).selectFrom('loop_rules').select('approval').where('project_id', '=', id).executeTakeFirst()
    return { approval: row?.approval === 1 }
  }

  /** Whether every loop of a project waits for a person. */
  async function setRules(by: Principal, { approval }: { approval: boolean }, project?: string) {
    const { id } = await access.projectFor(by, project, 'loops:approve')
    await metadata.transaction(async (tx) => {
      await loopTables(tx)
        .insertInto('loop_rules')
        .values({ project_id: id, approval: approval ? 1 : 0 })
        .onConflict((c) => c.column('project_id').doUpdateSet({ approval: approval ? 1 : 0 }))
        .execute()
      await audit(tx, by, 'loops.rules', { target: id, project: id, facts: { approval } })
    })
    return { approval }
  }

  const binned: Binned = {
    noun: 'loop',
    permission: 'loops:write',
    async restored(tx, row) {
      const loop = row as unknown as LoopRow
      const { schedule } = policyOf(loop).triggers
      await loopTables(tx)
        .updateTable('loops')
        .set({ next_run_at: schedule ? nextRunAfter(schedule, Date.now()) : null, next_look_at: Date.now() })
        .where('id', '=', loop.id)
        .execute()
        .catch((error) => {
          if (!isUniqueViolation(error)) throw error
          throw conflict('The endpoint has another loop by now.', { endpoint: loop.endpoint_id })
        })
    },
  }

  return {
    binned,
    create,
    get: async (by: Principal, ref: string, project?: string) => wire((await find(by, ref, project)).id),
    list,
    patch,
    remove,
    run,
    runs,
    readRun: async (by: Principal, loop: string, ref: string, project?: string) =>
      runWire((await findRun(by, loop, ref, project)).found),
    decide,
    cancel,
    rules,
    setRules,
    driver,
    scheduler,
  }
}

/** Something else was quicker: that run will see what this one would have. */
function ignoreBusy(error: unknown): void {
  if ((error as { code?: string }).code !== 'conflict') throw error
}
