import type * as z from 'zod'
import { invalidInput, isPlatformError } from '../../kernel/errors.ts'
import { type Page, type PageQuery, toPage } from '../../kernel/paging.ts'
import type { Principal } from '../../kernel/principal.ts'
import type { Metadata } from '../../ports/metadata/metadata.ts'
import { type Access, nameTakenIsConflict } from '../auth/access.ts'
import { audit } from '../auth/audit.ts'
import type { Search } from '../auth/search.ts'
import type { DatasetVersion } from '../datasets/schema.ts'
import type { DatasetsService } from '../datasets/service.ts'
import { refuseOtherSplit } from './fitting-split.ts'
import { type JudgedTarget, judgeTarget, mostClasses, targetColumn } from './judge-target.ts'
import { metricTitle, refuseCostsWithoutPositive, refuseHopelessBound, refuseMetricOfOtherTask } from './metrics.ts'
import { judgeOutcome } from './outcome.ts'
import {
  askedTasks,
  type Goal,
  type GoalInput,
  type GoalOutcome,
  type GoalPatch,
  type Metric,
  type Task,
  tasksWithoutTarget,
} from './schema.ts'
import { type GoalRow, goalById, goalsById, insertGoal, listGoals, type NamedGoalRow, toGoal, updateGoal } from './store.ts'

export interface GoalsNeeds {
  metadata: Metadata
  access: Access
  search: Search
  datasets: Pick<DatasetsService, 'pin' | 'valuesOf' | 'ensureSplit' | 'split'>
}

export type GoalsService = ReturnType<typeof goalsService>

/** Goals: what a project wants of a model, judged on one split that every model of the goal shares. */
export function goalsService({ metadata, access, search, datasets }: GoalsNeeds) {
  const { db } = metadata
  search.registerTable('goals', { noun: 'goal', permission: 'goals:read' })
  const find = (by: Principal, ref: string, project?: string) => access.resolve<GoalRow>('goals', by, ref, project)

  async function get(by: Principal, ref: string, project?: string): Promise<Goal> {
    const row = await find(by, ref, project)
    return toGoal((await goalById(db, row.id))!)
  }

  /** The task, positive class and classes that a column of a version sets; also used by training without a goal. */
  async function judge(
    version: DatasetVersion,
    target: string,
    wish: { task?: Task | null; metric?: Metric | null; positive?: string | null },
  ): Promise<JudgedTarget> {
    if (wish.task && isWithoutTarget(wish.task))
      throw invalidInput(`A ${wish.task} task has no target; it learns from the rows alone. Leave the target out.`, {
        field: 'target',
        task: wish.task,
      })
    const { name, type } = targetColumn(version.columns, target)
    if (wish.task && isAsked(wish.task)) {
      if (wish.metric) refuseMetricOfOtherTask(wish.metric, wish.task, target)
      return { task: wish.task, positive: null, classes: null }
    }
    const judged = judgeTarget({ name, type, ...(await datasets.valuesOf(version.id, name, mostClasses + 1)) }, wish)
    if (wish.task && wish.task !== judged.task)
      throw invalidInput(
        `The target "${target}" sets a ${judged.task} task, not ${wish.task}. Leave the task out, or choose another target.`,
        { field: 'task', column: target, task: judged.task },
      )
    if (wish.metric) refuseMetricOfOtherTask(wish.metric, judged.task, target)
    return judged
  }

  async function create(by: Principal, input: z.output<typeof GoalInput>): Promise<Goal> {
    const newest = await datasets.pin(by, input.dataset, undefined, input.project)
    const { dataset } = newest
    const project = await access.projectFor(by, input.project ?? dataset.project, 'goals:write')
    const given = input.split === null ? null : await datasets.split(by, input.split)
    if (given) refuseOtherSplit(given, dataset, input.target)
    const { version } = given ? await datasets.pin(by, dataset.id, given.version) : newest
    if (input.target !== null) targetColumn(version.columns, input.target)
    refuseHopelessBound(input.metric, input)
    const judged = input.target === null ? judgeRowsAlone(input) : await judge(version, input.target, input)
    refuseCostsWithoutPositive(judged.task, input)
    const wish = { dataset: dataset.id, version: version.id, target: input.target, task: judged.task }
    const split = given ?? (await datasets.ensureSplit(by, wish))
    const [name, ...otherNames] =
      input.name === undefined ? usualNames({ ...input, task: judged.task }, dataset.name) : [input.name]
    const row: GoalRow = {
      ...(await access.newResource('goal', by, project, { ...input, name: name! })),
      dataset_id: dataset.id,
      target: input.target ?? '',
      task: judged.task,
      positive: judged.positive,
      metric: input.metric,
      at_least: input.atLeast,
      at_most: input.atMost,
      cost_false_positive: input.costFalsePositive,
      cost_false_negative: input.costFalseNegative,
      split_id: split.id,
    }
    await insert(by, row, otherNames)
    return get(by, row.id)
  }

  /** Under its name, or the next one where that is taken: somebody who named nothing is not refused for a name. */
  async function insert(by: Principal, row: GoalRow, otherNames: readonly string[]): Promise<void> {
    const create = metadata.transaction(async (tx) => {
      await insertGoal(tx, row)
      await audit(tx, by, 'goals.create', { target: row.id, project: row.project_id, facts: contractOf(row) })
    })
    try {
      await nameTakenIsConflict('goal', row.name, create)
    } catch (error) {
      const [name, ...rest] = otherNames
      if (name === undefined || !isPlatformError(error) || error.code !== 'conflict') throw error
      await insert(by, { ...row, name }, rest)
    }
  }

  async function list(by: Principal, query: PageQuery & { project?: string; dataset?: string }): Promise<Page<Goal>> {
    const project = query.project === undefined ? undefined : (await access.projectFor(by, query.project)).id
    const dataset =
      query.dataset === undefined ? undefined : (await datasets.pin(by, query.dataset, undefined, query.project)).dataset.id
    const rows = await listGoals(db, access.visibleTo(by, 'goals'), { ...query, project, dataset })
    const page = toPage(rows, query.limit, (row) => [row.created_at, row.id])
    return { ...page, items: page.items.map(toGoal) }
  }

  /** What may change of a goal: its name and how much is wanted. Another target or data set is another goal. */
  async function patch(by: Principal, ref: string, changes: z.output<typeof GoalPatch>, project?: string): Promise<Goal> {
    const row = await find(by, ref, project)
    await access.authorize(by, 'goals:write', row)
    const metric = changes.metric ?? row.metric
    const atLeast = changes.atLeast === undefined ? row.at_least : changes.atLeast
    const atMost = changes.atMost === undefined ? row.at_most : changes.atMost
    refuseMetricOfOtherTask(metric, row.task, row.target || null)
    refuseHopelessBound(metric, { atLeast, atMost })
    refuseCostsWithoutPositive(row.task, changes)
    const next: Partial<GoalRow> = {
      ...(await access.patchResource(changes)),
      metric,
      at_least: atLeast,
      at_most: atMost,
      ...(changes.costFalsePositive !== undefined && { cost_false_positive: changes.costFalsePositive }),
      ...(changes.costFalseNegative !== undefined && { cost_false_negative: changes.costFalseNegative }),
    }
    const update = metadata.transaction(async (tx) => {
      await updateGoal(tx, row.id, next)
      const facts = { before: contractOf(row), after: contractOf({ ...row, ...next }) }
      await audit(tx, by, 'goals.change', { target: row.id, project: row.project_id, facts })
    })
    await nameTakenIsConflict('goal', changes.name ?? row.name, update)
    return get(by, row.id)
  }

  async function remove(by: Principal, ref: string, project?: string): Promise<void> {
    const row = await find(by, ref, project)
    await access.authorize(by, 'goals:write', row)
    await metadata.transaction(async (tx) => {
      await updateGoal(tx, row.id, { deleted_at: Date.now() })
      await audit(tx, by, 'goals.delete', { target: row.id, project: row.project_id, facts: { name: row.name } })
    })
  }

  /** Gives a goal whose split could not be made another one. */
  const repin = (goalId: string, splitId: string): Promise<unknown> =>
    metadata.transaction((tx) => updateGoal(tx, goalId, { split_id: splitId }))

  /** What goals say of measured values, for callers that already decided who may see them. */
  async function outcomes(
    judged: readonly { goal: string; metrics: Record<string, { value: number; low?: number; high?: number }> }[],
  ): Promise<(GoalOutcome | null)[]> {
    const rows = await goalsById(db, [...new Set(judged.map((one) => one.goal))])
    const byId = new Map(rows.map((row: NamedGoalRow) => [row.id, toGoal(row)]))
    return judged.map(({ goal: id, metrics }) => {
      const goal = byId.get(id)
      const measured = goal && metrics[goal.metric]
      return goal && measured ? judgeOutcome(goal, measured) : null
    })
  }

  return { create, get, list, patch, remove, judge, repin, outcomes }
}

/** Tasks that learn from the rows alone have no target to judge. */
function judgeRowsAlone({ task, metric, positive }: Pick<GoalInput, 'task' | 'metric' | 'positive'>): JudgedTarget {
  if (!task || !isWithoutTarget(task))
    throw invalidInput(
      'Say what to predict: a target column; or name a task that needs none (clustering, anomaly, projection, topics).',
      { field: 'target' },
    )
  if (positive) throw invalidInput(`A ${task} task has no positive class. Leave "positive" out.`, { field: 'positive' })
  refuseMetricOfOtherTask(metric, task, null)
  return { task, positive: null, classes: null }
}

const isWithoutTarget = (task: Task): boolean => (tasksWithoutTarget as readonly Task[]).includes(task)
const isAsked = (task: Task): boolean => (askedTasks as readonly Task[]).includes(task)

const contractOf = (row: GoalRow) => ({
  metric: row.metric,
  atLeast: row.at_least,
  atMost: row.at_most,
  costFalsePositive: row.cost_false_positive,
  costFalseNegative: row.cost_false_negative,
})

/** "churn F1", then "churn F1 of telco", then with a number. */
function usualNames({ target, task, metric }: { target: string | null; task: Task; metric: Metric }, dataset: string): string[] {
  const plain = `${target ?? task} ${metricTitle[metric]}`
  const ofData = `${plain} of ${dataset}`.slice(0, 115)
  return [plain, ofData, ...Array.from({ length: 98 }, (_, i) => `${ofData} ${i + 2}`)]
}
