import type * as z from 'zod'
import { newId } from '../../kernel/ids.ts'
import type { Principal } from '../../kernel/principal.ts'
import type { Db, Metadata } from '../../ports/metadata/metadata.ts'
import { audit } from '../auth/audit.ts'
import type { CostService } from '../cost/service.ts'
import type { ExperimentsService } from '../experiments/service.ts'
import type { Estimate } from '../jobs/schema.ts'
import type { JobsService } from '../jobs/service.ts'
import type { TuningService } from '../tuning/service.ts'
import type { Algorithm } from './algorithms.ts'
import { trainingSize } from './estimate.ts'
import type { TrainingPlan } from './plan.ts'
import type { TrainingCreated, TrainingInput } from './schema.ts'
import type { TrainingSpec } from './spec.ts'

export interface TrainingNeeds {
  metadata: Metadata
  jobs: Pick<JobsService, 'queue' | 'get'>
  cost: CostService
  experiments: ExperimentsService
  tuning: TuningService
  plan(by: Principal, input: z.output<typeof TrainingInput>): Promise<TrainingPlan>
  algorithms: readonly Algorithm[]
  /** What the platform's own version is, for the run's record. */
  version: string
}

export type TrainingService = ReturnType<typeof trainingService>

/** Training jobs: checked and pinned here, run by a worker, recorded as a run of an experiment. */
export function trainingService({
  metadata,
  jobs,
  cost,
  experiments,
  tuning,
  plan,
  algorithms,
  version: platformVersion,
}: TrainingNeeds) {
  async function create(
    by: Principal,
    input: z.output<typeof TrainingInput>,
    /** What belongs to the same transaction: it is there exactly when the job is. */
    also: (tx: Db, made: { jobId: string; runId: string; versionId: string }) => Promise<void> = async () => {},
  ): Promise<z.infer<typeof TrainingCreated>> {
    const planned = await plan(by, input)
    const { dataset, version, goal, projectId } = planned
    const split = await planned.split()
    const parameters = planned.parameters(split)
    const expected = await estimateOf(planned)
    const visibility = dataset.visibility === 'private' ? 'private' : 'team'
    const { jobId, runId } = await metadata.transaction(async (tx) => {
      const experiment = await experiments.ensureExperiment(tx, by, { id: projectId }, planned.experimentName)
      const runId = await experiments.openRun(tx, by, {
        name: `${planned.modelName} ${new Date().toISOString().slice(0, 16).replace('T', ' ').replace(':', '.')}`,
        experiment,
        projectId,
        visibility,
        parameters: parametersOfRun(planned, parameters),
        inputs: [
          { kind: 'dataset-version', id: version.id, name: `${dataset.name}:${version.number}` },
          { kind: 'split', id: split.id, name: split.kind },
          ...(goal ? [{ kind: 'goal', id: goal.id, name: goal.name }] : []),
          ...(planned.weights
            ? [{ kind: planned.weights.kind ?? 'weights', id: planned.weights.id, name: planned.weights.name }]
            : []),
        ],
        code: { platform: platformVersion, engine: `${planned.engine.family}.train`, contract: 1 },
      })
      const spec: TrainingSpec = {
        versionId: newId('mdv'),
        runId,
        searchId: newId('srch'),
        modelName: planned.modelName,
        visibility,
        goalId: goal?.id ?? null,
        datasetId: dataset.id,
        datasetName: dataset.name,
        datasetVersionId: version.id,
        datasetVersionNumber: version.number,
        splitId: split.id,
        seed: planned.seed,
        engine: planned.engine,
        ...(planned.weights && { weights: planned.weights }),
        parameters,
      }
      const jobId = await jobs.queue.enqueue(tx, by, {
        kind: 'training',
        name: `Train ${planned.modelName}`,
        projectId,
        spec,
        visibility,
        estimate: expected.estimate,
        size: expected.size,
      })
      await experiments.attachJob(tx, runId, jobId)
      await tuning.open(tx, {
        id: spec.searchId,
        job: jobId,
        run: runId,
        metric: parameters.metric,
        strategy: planned.strategy,
        objectives: planned.objectives,
        fingerprint: planned.fingerprint(split),
      })
      await also(tx, { jobId, runId, versionId: spec.versionId })
      await audit(tx, by, 'training.create', {
        target: jobId,
        project: projectId,
        facts: { model: planned.modelName, datasetVersion: version.id, split: split.id, goal: goal?.id ?? null },
      })
      return { jobId, runId }
    })
    jobs.queue.wake()
    return { job: await jobs.get(by, jobId), run: runId, estimate: expected.estimate }
  }

  async function estimateOf({ version, limits }: TrainingPlan) {
    const { size, prior } = trainingSize({ rows: version.rows ?? 0, columns: version.columns.length, ...limits })
    return { size, estimate: await cost.estimate({ kind: 'training', size, prior }) }
  }

  /** What a training would take, without making anything. */
  const estimate = async (by: Principal, input: z.output<typeof TrainingInput>): Promise<Estimate> =>
    (await estimateOf(await plan(by, input))).estimate

  return { create, estimate, algorithms: () => algorithms }
}

function parametersOfRun(
  { seed, strategy, version }: TrainingPlan,
  parameters: TrainingSpec['parameters'],
): Record<string, unknown> {
  const { task, target, positive, metric, recipe, imbalance, calibration, search, validation, algorithms, options } = parameters
  return {
    task,
    ...(target !== null && { target }),
    ...(positive !== null && { positive }),
    metric,
    seed,
    algorithms: algorithms.join(','),
    recipe: 'auto' in recipe ? 'auto' : `${recipe.steps.length} steps`,
    imbalance,
    calibration,
    'search.strategy': strategy,
    ...(search.trials !== null && { 'search.trials': search.trials }),
    ...(search.budgetSeconds !== null && { 'search.budgetSeconds': search.budgetSeconds }),
    'validation.kind': validation.kind,
    'validation.folds': validation.folds,
    'data.rows': version.rows,
    ...Object.fromEntries(scalarsOf(options ?? {})),
  }
}

const scalarsOf = (options: Record<string, unknown>): [string, unknown][] =>
  Object.entries(options)
    .filter(([, value]) => typeof value !== 'object')
    .map(([name, value]) => [`options.${name}`, value])
