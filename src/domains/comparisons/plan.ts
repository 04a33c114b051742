import { invalidInput, preconditionFailed } from '../../kernel/errors.ts'
import type { Principal } from '../../kernel/principal.ts'
import type { RuntimeName } from '../../ports/engines/runtimes.ts'
import type { Access } from '../auth/access.ts'
import type { DatasetsService } from '../datasets/service.ts'
import { refuseMetricOfOtherTask } from '../goals/metrics.ts'
import type { Metric } from '../goals/schema.ts'
import type { TrainingFacts } from '../registry/card.ts'
import type { ModelVersion } from '../registry/schema.ts'
import type { RegistryService } from '../registry/service.ts'
import type { VersionFiles } from '../registry/version-files.ts'
import type { Algorithm } from '../training/algorithms.ts'
import type { TrainingPlan } from '../training/plan.ts'
import { replayParameters } from '../training/replay-parameters.ts'
import { TrainingInput } from '../training/schema.ts'
import { type EngineParameters, engineOf, type GivenRecipe, type TrainingSpec } from '../training/spec.ts'
import type { ComparisonInput } from './schema.ts'

export interface ComparisonPlanNeeds {
  access: Access
  datasets: Pick<DatasetsService, 'pin'>
  registry: Pick<RegistryService, 'findVersion' | 'resolveVersion'>
  versionFiles: Pick<VersionFiles, 'json'>
  plan(by: Principal, input: TrainingInput): Promise<TrainingPlan>
  algorithms: readonly Algorithm[]
}

export interface Candidate {
  name: string
  versionId: string | null
  algorithm: string
  params: Record<string, unknown>
  recipe: EngineParameters['recipe']
}

/** A comparison as it will run, everything pinned. */
export interface ComparisonSpec extends Record<string, unknown> {
  projectId: string
  visibility: 'private' | 'team'
  datasetId: string
  datasetVersionId: string
  splitId: string
  seed: number
  runtime: RuntimeName
  repeats: number
  folds: number
  delta: number | null
  candidates: Candidate[]
  parameters: Pick<EngineParameters, 'task' | 'target' | 'positive' | 'metric' | 'goal' | 'validation' | 'options'>
}

export interface ComparisonPlan {
  spec: ComparisonSpec
  rows: number
  columns: number
}

/** Checks a comparison and pins what it is about: the versions' own data and settings, or those of a training that names the algorithms. */
export function comparisonPlans({ access, datasets, registry, versionFiles, plan, algorithms }: ComparisonPlanNeeds) {
  return async function planned(by: Principal, input: ComparisonInput): Promise<ComparisonPlan> {
    const twice = input.candidates.find((one, at) => input.candidates.indexOf(one) !== at)
    if (twice) throw invalidInput(`"${twice}" is named twice. A comparison is of different candidates.`, { field: 'candidates' })
    const versions = new Map<string, { version: ModelVersion; spec: TrainingSpec }>()
    for (const ref of input.candidates) if (!isAlgorithm(ref)) versions.set(ref, await versionOf(by, ref, input.project))
    const first = versions.values().next().value
    if (first && (input.dataset !== null || input.goal !== null || input.target !== null))
      throw invalidInput(
        'A version brings its data set and target. Leave dataset, goal and target out, or compare algorithms only.',
        {
          field: 'dataset',
        },
      )
    for (const { version } of versions.values()) refuseUnlike(first!.version, version)
    const base = first ? await ofVersion(by, first) : await ofTraining(by, input)
    const metric = input.metric ?? base.parameters.metric
    refuseMetricOfOtherTask(metric, base.parameters.task, base.parameters.target)
    const candidates: Candidate[] = []
    const runtimes = new Set<RuntimeName>(['tabular'])
    for (const ref of input.candidates) {
      const found = versions.get(ref)
      const one = found ? await candidateOf(found) : algorithmCandidate(ref)
      runtimes.add(refuseUnfit(one, base.parameters.task).runtime)
      candidates.push(one)
    }
    return {
      rows: base.rows,
      columns: base.columns,
      spec: {
        ...base.pinned,
        seed: input.seed,
        runtime: runtimes.has('deep') ? 'deep' : 'tabular',
        repeats: input.repeats,
        folds: input.folds,
        delta: input.delta,
        candidates,
        parameters: {
          ...base.parameters,
          metric,
          validation: { ...base.parameters.validation, folds: input.folds },
        },
      },
    }
  }

  function isAlgorithm(ref: string): boolean {
    return algorithms.some((one) => one.name === ref)
  }

  async function versionOf(by: Principal, ref: string, project?: string) {
    const row = await registry.findVersion(by, ref, project)
    await access.authorize(by, 'training:create', { ...row, id: row.model_id })
    const spec = JSON.parse(row.training_spec) as TrainingSpec
    if (engineOf(spec).family !== 'tabular')
      throw preconditionFailed(
        `${row.model_name}:${row.number} is not a model of tables, which alone are fitted again fold by fold. Compare the versions on the sealed rows.`,
        { version: row.id },
      )
    return { version: await registry.resolveVersion(by, row.id), spec }
  }

  async function ofVersion(by: Principal, { version, spec }: { version: ModelVersion; spec: TrainingSpec }) {
    const { version: data } = await datasets.pin(by, spec.datasetId, spec.datasetVersionId)
    return {
      pinned: {
        projectId: version.project,
        visibility: spec.visibility,
        datasetId: spec.datasetId,
        datasetVersionId: spec.datasetVersionId,
        splitId: spec.splitId,
      },
      rows: data.rows ?? 0,
      columns: data.columns.length,
      parameters: contractOf(spec.parameters),
    }
  }

  async function ofTraining(by: Principal, input: ComparisonInput) {
    if (input.dataset === null)
      throw invalidInput('Say which data set the algorithms are compared on, and its target or a goal; or name versions.', {
        field: 'dataset',
      })
    const { dataset, goal, target, task, positive, version, split, project, metric, candidates, seed } = input
    const training = await plan(
      by,
      TrainingInput.parse({
        dataset,
        goal,
        target,
        task,
        positive,
        version,
        split,
        project,
        metric,
        algorithms: candidates,
        seed,
      }),
    )
    const made = await training.split()
    return {
      pinned: {
        projectId: training.projectId,
        visibility: training.dataset.visibility === 'private' ? ('private' as const) : ('team' as const),
        datasetId: training.dataset.id,
        datasetVersionId: training.version.id,
        splitId: made.id,
      },
      rows: training.version.rows ?? 0,
      columns: training.version.columns.length,
      parameters: contractOf(training.parameters(made)),
    }
  }

  /** A version with the settings of its winning trial and its recipe as it was. */
  async function candidateOf({ version, spec }: { version: ModelVersion; spec: TrainingSpec }): Promise<Candidate> {
    const training = ((await versionFiles.json(version, 'training.json')) ?? {}) as unknown as TrainingFacts
    const recipe = ((await versionFiles.json(version, 'recipe.json')) ?? { steps: [] }) as unknown as GivenRecipe
    const again = replayParameters(spec, training, recipe)
    return {
      name: `${version.modelName}:${version.number}`,
      versionId: version.id,
      algorithm: version.algorithm,
      params: again.search.space?.[version.algorithm] ?? {},
      recipe: again.recipe,
    }
  }

  function refuseUnfit({ name, algorithm }: Candidate, task: string): Algorithm {
    const known = algorithms.find((one) => one.name === algorithm)
    if (!known || known.family !== 'tabular')
      throw invalidInput(`${name} does not learn from tables, which alone are fitted again fold by fold.`, {
        field: 'candidates',
      })
    if (ensembles.has(algorithm))
      throw preconditionFailed(
        `${name} is an ensemble, which is not fitted again fold by fold. Compare versions on the sealed rows.`,
        {
          algorithm,
        },
      )
    if (!(known.tasks as readonly string[]).includes(task))
      throw invalidInput(`${known.title} cannot do a ${task} task.`, { field: 'candidates', algorithm })
    return known
  }
}

const ensembles = new Set(['voting', 'blending', 'stacking'])

const algorithmCandidate = (name: string): Candidate => ({
  name,
  versionId: null,
  algorithm: name,
  params: {},
  recipe: { auto: true },
})

const contractOf = ({ task, target, positive, metric, goal, validation, options }: EngineParameters) => ({
  task,
  target,
  positive,
  metric: metric as Metric,
  goal,
  validation,
  options,
})

function refuseUnlike(a: ModelVersion, b: ModelVersion): void {
  if (a.target === b.target && a.task === b.task && a.split === b.split) return
  const names = [`${a.modelName}:${a.number}`, `${b.modelName}:${b.number}`] as const
  throw preconditionFailed(
    a.target !== b.target || a.task !== b.task
      ? `${names[0]} predicts "${a.target}" and ${names[1]} "${b.target}"; there is nothing to compare.`
      : `${names[0]} and ${names[1]} were trained on different rows (splits ${a.split} and ${b.split}). Train both on one split: a goal gives all its models the same.`,
    { a: a.id, b: b.id },
  )
}
