import type * as z from 'zod'
import type { DatasetsService } from '../../datasets/service.ts'
import type { RecipeStep } from '../../recipes/schema.ts'
import type { RegistryService } from '../../registry/service.ts'
import { TrainingInput, type TrainingResult } from '../../training/schema.ts'
import type { TrainingService } from '../../training/service.ts'
import type { TrainingSpec } from '../../training/spec.ts'
import type { GatherEvidence } from '../gather/evidence.ts'
import type { RunStore } from '../runs/run-store.ts'
import type { StepContext, StepWork } from '../runs/turn.ts'
import { type JobReader, jobState } from './job-state.ts'

export interface TrainStepNeeds {
  store: Pick<RunStore, 'step'>
  jobs: JobReader
  training: Pick<TrainingService, 'create'>
  datasets: Pick<DatasetsService, 'pin'>
  registry: Pick<RegistryService, 'findVersion'>
}

type Work = { job?: string; run?: string }

/** *train*: a challenger, made as the champion was unless the policy says otherwise. Its job belongs to the run from the transaction on that makes it. */
export function trainStep(needs: TrainStepNeeds): StepWork {
  return async (context) => {
    const { run } = context
    const work = context.work as Work
    if (!work.job) {
      const input = await inputOf(needs, context)
      const made = await needs.training.create(context.by, input, (tx, { jobId, runId }) =>
        context.note(tx, { job: jobId, run: runId }),
      )
      return { kind: 'stay', inMs: 1000, sentence: 'A challenger is trained.', evidence: { job: made.job.id, run: made.run } }
    }
    const job = await jobState(needs.jobs, work.job, 'The training')
    if (job.state === 'running') return { kind: 'stay', inMs: 1000 }
    const evidence = { job: work.job, run: work.run }
    if (job.state !== 'succeeded')
      return { kind: 'end', outcome: job.state, sentence: `${job.sentence} The champion stays.`.replace('.. ', '. '), evidence }
    const result = job.result as unknown as TrainingResult
    const name = `${result.model}:${result.version}`
    return {
      kind: 'go',
      to: 'judge',
      sentence: `${name} was trained (${result.algorithm}); it was made to take the place of ${run.champion_name}.`,
      evidence: { ...evidence, ...result },
      challenger: { version: result.versionId, name },
    }
  }
}

async function inputOf(needs: TrainStepNeeds, { run, policy, by }: StepContext): Promise<z.output<typeof TrainingInput>> {
  const gathered = JSON.parse((await needs.store.step(run.id, 'gather'))!.evidence) as GatherEvidence
  const { version } = await needs.datasets.pin(by, gathered.dataset, gathered.version!)
  const champion = await needs.registry.findVersion(by, run.champion_version)
  const made = howItWasMade(champion.training_spec)
  const { algorithms, recipe, budgetSeconds, trials, seed } = policy.training
  const own = made && algorithms === null
  const search = {
    ...(own && made.search),
    ...(budgetSeconds !== null || trials !== null
      ? { budgetSeconds, trials, ...(own && made.search.strategy === 'none' && { strategy: 'tpe' as const }) }
      : {}),
  }
  return TrainingInput.parse({
    dataset: gathered.dataset,
    version: gathered.version!,
    project: run.project_id,
    goal: run.goal_id,
    split: gathered.split,
    algorithms: algorithms ?? made?.algorithms ?? ['auto'],
    recipe: recipe === 'champion' ? (made?.recipe ?? 'auto') : recipe,
    search,
    ...(own && { imbalance: made.imbalance, calibration: made.calibration, options: made.options }),
    seed,
    model: champion.model_name,
  } satisfies z.input<typeof TrainingInput>)

  function howItWasMade(text: string) {
    const { parameters } = JSON.parse(text) as Partial<TrainingSpec>
    if (!parameters?.algorithms) return null
    const { search, imbalance, calibration, options } = parameters
    const { strategy, trials, budgetSeconds, space } = search
    return {
      algorithms: parameters.algorithms,
      recipe: 'auto' in parameters.recipe ? ('auto' as const) : { steps: stillThere(parameters.recipe.steps) },
      search: { strategy, trials, budgetSeconds, space },
      imbalance: imbalance as z.input<typeof TrainingInput>['imbalance'],
      calibration: calibration as z.input<typeof TrainingInput>['calibration'],
      options: options ?? {},
    }
  }

  /** Columns that the champion's recipe dropped are not in live traffic: what was done with them is done with. */
  function stillThere(steps: readonly RecipeStep[]): RecipeStep[] {
    const names = new Set(version.columns.map(({ name }) => name))
    const made = new Set<string>()
    return steps.flatMap((step) => {
      if (typeof step.name === 'string') made.add(step.name)
      if (!Array.isArray(step.columns)) return [step]
      const columns = step.columns.filter((name) => names.has(name) || made.has(name))
      return columns.length === 0 && step.columns.length > 0 ? [] : [{ ...step, columns }]
    })
  }
}
