import type * as z from 'zod'
import { invalidInput, isPlatformError, preconditionFailed } from '../../kernel/errors.ts'
import type { Principal } from '../../kernel/principal.ts'
import type { Family, RuntimeName } from '../../ports/engines/runtimes.ts'
import type { Access } from '../auth/access.ts'
import type { Dataset, DatasetVersion, Split } from '../datasets/schema.ts'
import type { DatasetsService } from '../datasets/service.ts'
import type { ExperimentsService } from '../experiments/service.ts'
import { refuseOtherSplit } from '../goals/fitting-split.ts'
import { targetColumn } from '../goals/judge-target.ts'
import { defaultMetric, refuseMetricOfOtherTask } from '../goals/metrics.ts'
import { type Goal, type Metric, type Task, tasksWithoutTarget } from '../goals/schema.ts'
import type { GoalsService } from '../goals/service.ts'
import type { RecipesService } from '../recipes/service.ts'
import type { RegistryService } from '../registry/service.ts'
import type { TuningService } from '../tuning/service.ts'
import type { PinnedWeights, WeightsService } from '../weights/service.ts'
import { type Algorithm, engineFor } from './algorithms.ts'
import { beginWith } from './begin-with.ts'
import { type Objectives, objectivesOf, refuseSearch } from './check-search.ts'
import { checkSpace } from './check-space.ts'
import type { TrainingInput } from './schema.ts'
import { searchFingerprint } from './search-fingerprint.ts'
import type { EngineParameters } from './spec.ts'

export interface PlanNeeds {
  access: Access
  datasets: Pick<DatasetsService, 'pin' | 'split' | 'ensureSplit' | 'splitLike'>
  goals: Pick<GoalsService, 'get' | 'judge' | 'repin'>
  recipes: Pick<RecipesService, 'get' | 'check'>
  weights: Pick<WeightsService, 'pin'>
  tuning: Pick<TuningService, 'warmStart'>
  registry: Pick<RegistryService, 'refuseOtherModel' | 'resolveVersion'>
  experiments: Pick<ExperimentsService, 'refuseOtherExperiment'>
  algorithms: readonly Algorithm[]
}

/** A training job as it will run: everything checked and pinned, nothing made yet but the split. */
export interface TrainingPlan {
  projectId: string
  dataset: Dataset
  version: DatasetVersion
  goal: Goal | null
  modelName: string
  experimentName: string
  seed: number
  engine: { family: Family; runtime: RuntimeName }
  /** What the networks begin with, where the options name it. */
  weights: PinnedWeights | null
  strategy: string
  /** When the search ends: what was asked for, or the usual budget. */
  limits: { trials: number | null; budgetSeconds: number | null }
  /** The split, made (or begun) when the plan is carried out. */
  split(): Promise<Split>
  /** Several, or none. */
  objectives: Objectives
  /** What the trials are scored on. */
  fingerprint(split: Split): string
  /** The engine's parameters, once the split says how folds are made. */
  parameters(split: Split): EngineParameters
}

type Input = z.output<typeof TrainingInput>

/** Checks a training request against the data, the goal, the catalogue and the registry: whatever is wrong is said before a job exists. */
export function trainingPlans({
  access,
  datasets,
  goals,
  recipes,
  weights,
  experiments,
  tuning,
  registry,
  algorithms,
}: PlanNeeds) {
  return async function plan(by: Principal, input: Input): Promise<TrainingPlan> {
    await access.authorize(by, 'training:create')
    const goal = input.goal === null ? null : await goals.get(by, input.goal, input.project)
    const goalSplit = goal?.split ? await usableSplit(by, goal.split) : null
    const asked = await datasets.pin(by, input.dataset, input.version ?? goalSplit?.version, input.project)
    const { dataset, version } = asked
    const project = await access.projectFor(by, input.project ?? dataset.project, 'training:create')
    if (version.state !== 'ready')
      throw preconditionFailed(
        version.state === 'importing'
          ? `The data set "${dataset.name}" is still being imported. Wait for its job ${version.job} to end.`
          : `Version ${version.number} of the data set "${dataset.name}" could not be imported, so there is nothing to train on.`,
        { dataset: dataset.id, version: version.id, state: version.state },
      )
    const { target, task, positive, metric } = await contractOf(dataset, version, goal, input)
    const engine = engineFor(algorithms, input.algorithms, { task, columns: version.columns, options: input.options })
    refuseClassSettings(task, input)
    const begin = await beginWith({ weights, registry }, by, { ...engine, options: input.options, project: project.id })
    checkSpace(input.search.space, algorithms)
    const recipe = await recipeOf(by, input, version, target)
    const modelName = input.model ?? nameOf(`${dataset.name} ${target ?? task}`)
    await registry.refuseOtherModel(by, project.id, modelName, { task, target })
    await experiments.refuseOtherExperiment(by, project.id, input.experiment ?? modelName)
    const earlier = input.search.warmStartFrom ? await tuning.warmStart(by, input.search.warmStartFrom, metric) : null
    const givenSplit = input.split === null ? null : await fittingSplit(by, input.split, { ...asked, target })
    const { strategy, trials, space, choose, parallel } = input.search
    refuseSearch(input.search, { family: engine.family, task, metric, target })
    const objectives = objectivesOf(input.search.objectives, metric)
    const isUnlimited = trials === null && strategy !== 'none'
    const limits = { trials, budgetSeconds: input.search.budgetSeconds ?? (isUnlimited ? usualBudgetSeconds(version) : null) }

    return {
      projectId: project.id,
      dataset,
      version,
      goal,
      modelName,
      experimentName: input.experiment ?? modelName,
      seed: input.seed,
      engine,
      weights: begin,
      strategy,
      limits,
      async split() {
        if (givenSplit) return givenSplit
        if (goalSplit?.version === version.id) return goalSplit
        if (goalSplit) return datasets.splitLike(by, goalSplit.id, version.id, task)
        const made = await datasets.ensureSplit(by, {
          dataset: dataset.id,
          version: version.id,
          target,
          task,
          ...usualSplit(task, version, input.options),
        })
        if (goal) await goals.repin(goal.id, made.id)
        return made
      },
      objectives,
      fingerprint: (split) => searchFingerprint(pinned(split), parameters(split)),
      parameters(split) {
        const rest = parameters(split)
        const isSame = earlier?.fingerprint != null && earlier.fingerprint === searchFingerprint(pinned(split), rest)
        return {
          ...rest,
          search: {
            strategy,
            ...limits,
            space,
            ...(objectives.length > 0 && { objectives, choose }),
            ...(parallel > 1 && { parallel }),
            warmStart: earlier?.trials ?? [],
            ...(earlier && { warmStartKind: isSame ? ('identical' as const) : ('transfer' as const) }),
          },
        }
      },
    }

    function pinned(split: Split) {
      return { version: version.id, split: split.id, seed: input.seed }
    }

    function parameters(split: Split): Omit<EngineParameters, 'search'> {
      return {
        task,
        target,
        positive,
        metric,
        goal: goal && {
          atLeast: goal.atLeast,
          atMost: goal.atMost,
          costFalsePositive: goal.costFalsePositive,
          costFalseNegative: goal.costFalseNegative,
        },
        recipe,
        algorithms: input.algorithms,
        validation: validationOf(split, task),
        imbalance: input.imbalance,
        calibration: input.calibration,
        importance: true,
        options: input.options,
      }
    }
  }

  async function contractOf(dataset: Dataset, version: DatasetVersion, goal: Goal | null, input: Input) {
    if (goal) {
      if (goal.dataset !== dataset.id)
        throw invalidInput(`The goal "${goal.name}" is about the data set "${goal.datasetName}", not "${dataset.name}".`, {
          field: 'goal',
        })
      refuseContradiction('target', input.target, goal.target, goal)
      refuseContradiction('positive', input.positive, goal.positive, goal)
      refuseContradiction('metric', input.metric, goal.metric, goal)
      if (goal.target !== null) targetColumn(version.columns, goal.target)
      else if (input.target !== null) throw otherTarget(goal, input.target)
      return goal
    }
    if (input.task && isWithoutTarget(input.task)) {
      if (input.target !== null)
        throw invalidInput(`A ${input.task} task has no target; it learns from the rows alone. Leave the target out.`, {
          field: 'target',
          task: input.task,
        })
      const metric = input.metric ?? defaultMetric(input.task)
      refuseMetricOfOtherTask(metric, input.task, null)
      return { target: null, task: input.task, positive: null, metric }
    }
    const target = input.target ?? dataset.target
    if (target === null)
      throw invalidInput(
        'Say what to predict: a target column, or a goal; or name a task that needs none (clustering, anomaly, projection, topics, embedding).',
        { field: 'target' },
      )
    targetColumn(version.columns, target)
    const judged = await goals.judge(version, target, { task: input.task, metric: input.metric, positive: input.positive })
    const metric: Metric = input.metric ?? defaultMetric(judged.task)
    refuseMetricOfOtherTask(metric, judged.task, target)
    return { target, task: judged.task, positive: judged.positive, metric }
  }

  async function recipeOf(
    by: Principal,
    input: Input,
    version: DatasetVersion,
    target: string | null,
  ): Promise<EngineParameters['recipe']> {
    if (input.recipe === 'auto') return { auto: true }
    const steps =
      typeof input.recipe === 'string' ? (await recipes.get(by, input.recipe, input.project)).steps : input.recipe.steps
    recipes.check(steps, { columns: version.columns, target })
    return { steps }
  }

  /** A goal's split, unless making it failed. */
  async function usableSplit(by: Principal, id: string): Promise<Split | null> {
    const split = await datasets.split(by, id).catch((error: unknown) => {
      if (isPlatformError(error) && error.code === 'not_found') return null
      throw error
    })
    return split?.state === 'failed' ? null : split
  }

  async function fittingSplit(
    by: Principal,
    id: string,
    { dataset, version, target }: { dataset: Dataset; version: DatasetVersion; target: string | null },
  ): Promise<Split> {
    const split = await datasets.split(by, id)
    if (split.dataset === dataset.id && split.version !== version.id)
      throw invalidInput('This split is of another version of the data set. Leave it out, or say which version to train on.', {
        field: 'split',
        split: split.id,
        version: version.id,
      })
    refuseOtherSplit(split, dataset, target)
    return split
  }
}

const otherTarget = (goal: Goal, target: string) =>
  invalidInput(`The goal "${goal.name}" is of a ${goal.task} task, which has no target; the request says "${target}".`, {
    field: 'target',
  })

function refuseContradiction(
  field: 'target' | 'positive' | 'metric',
  asked: string | null,
  said: string | null,
  goal: Goal,
): void {
  if (asked === null || asked === said) return
  throw invalidInput(`The goal "${goal.name}" says ${field} "${said}", the request "${asked}". Leave one of them out.`, { field })
}

function refuseClassSettings(task: Task, { imbalance, calibration }: Input): void {
  if (isOfClasses(task)) return
  if (imbalance !== 'auto' && imbalance !== 'none')
    throw invalidInput(`"${imbalance}" answers unequal classes; a ${task} task has none.`, { field: 'imbalance' })
  if (calibration !== 'none')
    throw invalidInput(`Calibration is of the probabilities of classes; a ${task} task has none.`, { field: 'calibration' })
}

/** Folds as the split was made: what may not be apart in the test may not be apart in validation either. */
function validationOf(split: Split, task: Task): EngineParameters['validation'] {
  const hasValidation = split.parts.some((part) => part.part === 'validation' && part.rows > 0)
  const kind = hasValidation
    ? 'holdout'
    : split.kind === 'grouped'
      ? 'grouped'
      : split.kind === 'time'
        ? 'time'
        : isOfClasses(task)
          ? 'stratified'
          : 'kfold'
  return { kind, folds: split.folds, groupColumn: split.groupColumn, timeColumn: split.timeColumn }
}

const isOfClasses = (task: Task): boolean => task === 'binary' || task === 'multiclass'
const isWithoutTarget = (task: Task): boolean => (tasksWithoutTarget as readonly Task[]).includes(task)

/** How the rows are divided when nobody says: what comes later is the test of a forecast; the rest is for the data set to say. */
function usualSplit(task: Task, version: DatasetVersion, options: Record<string, unknown>) {
  if (task !== 'forecast') return {}
  const dates = version.columns.filter(({ type }) => type === 'datetime').map(({ name }) => name)
  const timeColumn = typeof options.timeColumn === 'string' ? options.timeColumn : dates.length === 1 ? dates[0]! : null
  if (timeColumn === null)
    throw invalidInput(
      dates.length === 0
        ? 'A forecast needs a column of dates, and this data set has none.'
        : `Say which column is the time of a row (options.timeColumn): ${dates.join(', ')}.`,
      { field: 'options.timeColumn' },
    )
  return { kind: 'time' as const, timeColumn }
}

/** A minute for tables of everyday size, up to ten for large ones. */
function usualBudgetSeconds({ rows, columns }: DatasetVersion): number {
  const cells = (rows ?? 0) * columns.length
  return Math.round(Math.min(600, Math.max(60, cells / 25_000)))
}

/** A name as people may type it, from words of a data set and a column. */
const nameOf = (text: string): string => {
  const plain = text
    .replace(/[^\p{L}\p{N} ._()+-]+/gu, ' ')
    .trim()
    .replace(/^[^\p{L}\p{N}]+/u, '')
    .slice(0, 110)
    .trim()
  return plain === '' ? 'model' : plain
}
