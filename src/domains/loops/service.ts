import type * as z from 'zod'
import { conflict, notFound } from '../../kernel/errors.ts'
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
import { nextRunAfter } from '../monitoring/schedule.ts'
import type { RegistryService } from '../registry/service.ts'
import type { TrainingService } from '../training/service.ts'
import { policyRules } from './policy-rules.ts'
import { projectRules } from './project-rules.ts'
import { runDriver } from './runs/driver.ts'
import { runService } from './runs/run-service.ts'
import { runStore } from './runs/run-store.ts'
import { loopScheduler } from './scheduler.ts'
import type { Loop, LoopInput, LoopPatch } from './schema.ts'
import { LoopPolicy as PolicySchema } from './schema.ts'
import { approveStep } from './steps/approve.ts'
import { gatherStep } from './steps/gather.ts'
import { judgeStep } from './steps/judge.ts'
import { restoreStep } from './steps/restore.ts'
import { rolloutStep } from './steps/rollout.ts'
import { shadowStep } from './steps/shadow.ts'
import { trainStep } from './steps/train.ts'
import { watchStep } from './steps/watch.ts'
import { latestRun, listLoops, loopById, openRunOf, policyOf, toLoop } from './store.ts'
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
  const { goalFor, refuseBadPolicy } = policyRules(needs)
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
  const { begin, ...visits } = runService({ ...needs, ...triggerNeeds, store, find })
  const scheduler = loopScheduler({
    ...needs,
    ...triggerNeeds,
    wake: store.wake,
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
    await refuseBadPolicy(by, policy, { champion, capture: endpoint.capture, project: project.id })
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
    await refuseBadPolicy(by, policy, { champion, capture: endpoint.capture, project: row.project_id })
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
    ...visits,
    ...projectRules(needs),
    driver,
    scheduler,
  }
}

/** Something else was quicker: that run will see what this one would have. */
function ignoreBusy(error: unknown): void {
  if ((error as { code?: string }).code !== 'conflict') throw error
}
