import type { Family, RuntimeName } from '../../ports/engines/runtimes.ts'
import type { Metric, Task } from '../goals/schema.ts'
import type { RecipeStep } from '../recipes/schema.ts'
import type { WarmStart } from '../tuning/service.ts'
import type { PinnedWeights } from '../weights/service.ts'

/** What a training job does, with everything pinned: the same specification and seed make the same model. */
export interface TrainingSpec extends Record<string, unknown> {
  /** The id that the version will have: the opening of the sealed rows is noted under it before the version exists. */
  versionId: string
  runId: string
  searchId: string
  modelName: string
  visibility: 'private' | 'team'
  goalId: string | null
  datasetId: string
  datasetName: string
  datasetVersionId: string
  datasetVersionNumber: number
  splitId: string
  seed: number
  /** Absent in specifications from before there were other families. */
  engine?: { family: Family; runtime: RuntimeName }
  /** The weights that networks begin with, file by file, so that a replay begins with the same. */
  weights?: PinnedWeights
  parameters: EngineParameters
}

/** The engines that a training uses: a family of them, in a runtime. */
export const engineOf = ({ engine }: Pick<TrainingSpec, 'engine'>): { family: Family; runtime: RuntimeName } =>
  engine ?? { family: 'tabular', runtime: 'tabular' }

/** Steps; an ensemble made again brings those of each family of its members (`tree`, `linear`, …). */
export interface GivenRecipe {
  steps: RecipeStep[]
  families?: Record<string, { steps: RecipeStep[] }>
}

/** The parameters of `tabular.train` (docs/job-contract.md). */
export interface EngineParameters {
  task: Task
  target: string | null
  positive: string | null
  metric: Metric
  goal: {
    atLeast: number | null
    atMost: number | null
    costFalsePositive: number | null
    costFalseNegative: number | null
  } | null
  recipe: { auto: true } | GivenRecipe
  algorithms: string[]
  search: {
    strategy: 'tpe' | 'auto' | 'gp' | 'asha' | 'hyperband' | 'random' | 'grid' | 'none'
    trials: number | null
    budgetSeconds: number | null
    space: Record<string, Record<string, unknown>> | null
    /** Absent in specifications from before there were several. */
    objectives?: { metric: string; direction: 'minimize' | 'maximize' }[]
    choose?: { rule?: 'knee' | 'best'; within?: Record<string, number> } | null
    parallel?: number
    warmStart: WarmStart['trials']
    /** identical: scored on the same rows, folds and preparation, so the scores hold; transfer: on others, so they only hint. */
    warmStartKind?: 'identical' | 'transfer'
  }
  validation: {
    kind: 'stratified' | 'kfold' | 'grouped' | 'time' | 'holdout'
    folds: number
    groupColumn: string | null
    timeColumn: string | null
  }
  imbalance: string
  calibration: string
  importance: boolean
  /** What only one family of engines knows; checked by the engine. */
  options?: Record<string, unknown>
  /** How what a teacher said of the rows (the channel `teacher`) is weighed against their labels. */
  lesson?: { alpha: number; temperature: number }
  threads?: number
}
