import type { Http } from '../http.ts'
import { segment } from '../http.ts'
import type {
  AlgorithmInfo,
  CellRows,
  CompareInput,
  Comparison,
  Estimate,
  Experiment,
  ExperimentInput,
  Goal,
  GoalInput,
  GoalProgress,
  Job,
  ListQuery,
  MetricPoint,
  MetricSeries,
  Model,
  ModelVersion,
  Page,
  Promotion,
  Recipe,
  RecipeInput,
  RecipePreview,
  RecipePreviewInput,
  Run,
  RunInput,
  RunPatch,
  RunQuery,
  Search,
  StepInfo,
  SuggestInput,
  Suggestion,
  TrainingCreated,
  TrainingInput,
  VersionComparison,
  VersionDetails,
} from '../types.ts'

export const goals = (http: Http) => ({
  create: (input: GoalInput) => http.json<Goal>('POST', '/v1/goals', { body: input }),
  list: (query: ListQuery = {}) => http.json<Page<Goal>>('GET', '/v1/goals', { query }),
  get: (goal: string, query: { project?: string } = {}) => http.json<Goal>('GET', `/v1/goals/${segment(goal)}`, { query }),
  update: (goal: string, patch: Partial<GoalInput>) => http.json<Goal>('PATCH', `/v1/goals/${segment(goal)}`, { body: patch }),
  delete: (goal: string) => http.json<void>('DELETE', `/v1/goals/${segment(goal)}`),
  progress: (goal: string) => http.json<GoalProgress>('GET', `/v1/goals/${segment(goal)}/progress`),
})

export const recipes = (http: Http) => ({
  steps: () => http.json<{ items: StepInfo[] }>('GET', '/v1/recipe-steps'),
  create: (input: RecipeInput) => http.json<Recipe>('POST', '/v1/recipes', { body: input }),
  list: (query: ListQuery = {}) => http.json<Page<Recipe>>('GET', '/v1/recipes', { query }),
  get: (recipe: string, query: { project?: string } = {}) =>
    http.json<Recipe>('GET', `/v1/recipes/${segment(recipe)}`, { query }),
  update: (recipe: string, patch: Partial<RecipeInput>) =>
    http.json<Recipe>('PATCH', `/v1/recipes/${segment(recipe)}`, { body: patch }),
  delete: (recipe: string) => http.json<void>('DELETE', `/v1/recipes/${segment(recipe)}`),
  preview: (input: RecipePreviewInput, signal?: AbortSignal) =>
    http.json<RecipePreview>('POST', '/v1/recipes/preview', { body: input, signal }),
  suggest: (input: SuggestInput) => http.json<Suggestion>('POST', '/v1/recipes/suggest', { body: input }),
})

export const experiments = (http: Http) => ({
  create: (input: ExperimentInput) => http.json<Experiment>('POST', '/v1/experiments', { body: input }),
  list: (query: ListQuery = {}) => http.json<Page<Experiment>>('GET', '/v1/experiments', { query }),
  get: (experiment: string, query: { project?: string } = {}) =>
    http.json<Experiment>('GET', `/v1/experiments/${segment(experiment)}`, { query }),
})

export const runs = (http: Http) => ({
  create: (input: RunInput) => http.json<Run>('POST', '/v1/runs', { body: input }),
  list: (query: RunQuery = {}) => http.json<Page<Run>>('GET', '/v1/runs', { query }),
  get: (run: string) => http.json<Run>('GET', `/v1/runs/${segment(run)}`),
  update: (run: string, patch: RunPatch) => http.json<Run>('PATCH', `/v1/runs/${segment(run)}`, { body: patch }),
  delete: (run: string) => http.json<void>('DELETE', `/v1/runs/${segment(run)}`),
  log: (run: string, points: MetricPoint[]) =>
    http.json<{ accepted: number }>('POST', `/v1/runs/${segment(run)}/metrics`, { body: { points } }),
  metric: (run: string, name: string, query: { points?: number } = {}) =>
    http.json<MetricSeries>('GET', `/v1/runs/${segment(run)}/metrics/${segment(name)}`, { query }),
  artifact: (run: string, path: string) =>
    http.raw('GET', `/v1/runs/${segment(run)}/artifacts/${path.split('/').map(segment).join('/')}`),
  compare: (runs: string[]) => http.json<Comparison>('POST', '/v1/runs/compare', { body: { runs } }),
})

export const training = (http: Http) => ({
  algorithms: () => http.json<{ items: AlgorithmInfo[] }>('GET', '/v1/algorithms'),
  create: (input: TrainingInput, idempotencyKey?: string) =>
    http.json<TrainingCreated>('POST', '/v1/training-jobs', { body: input, idempotencyKey }),
  estimate: (input: TrainingInput) => http.json<Estimate>('POST', '/v1/training-jobs/estimate', { body: input }),
  /** By the search's id, or by the id of its job. */
  search: (search: string) => http.json<Search>('GET', `/v1/searches/${segment(search)}`),
})

export const models = (http: Http) => {
  const at = (model: string, version: number | string) => `/v1/models/${segment(model)}/versions/${segment(version)}`
  return {
    list: (query: ListQuery & { q?: string } = {}) => http.json<Page<Model>>('GET', '/v1/models', { query }),
    get: (model: string, query: { project?: string } = {}) => http.json<Model>('GET', `/v1/models/${segment(model)}`, { query }),
    update: (model: string, patch: { name?: string; description?: string; tags?: string[]; visibility?: string }) =>
      http.json<Model>('PATCH', `/v1/models/${segment(model)}`, { body: patch }),
    delete: (model: string) => http.json<void>('DELETE', `/v1/models/${segment(model)}`),
    versions: (model: string, query: ListQuery = {}) =>
      http.json<Page<ModelVersion>>('GET', `/v1/models/${segment(model)}/versions`, { query }),
    version: (model: string, version: number | string) => http.json<ModelVersion>('GET', at(model, version)),
    details: (model: string, version: number | string) => http.json<VersionDetails>('GET', `${at(model, version)}/details`),
    /** The model card, in Markdown. */
    card: async (model: string, version: number | string) => (await http.raw('GET', `${at(model, version)}/card`)).text(),
    file: (model: string, version: number | string, path: string) =>
      http.raw('GET', `${at(model, version)}/files/${segment(path)}`),
    promote: (model: string, version: number | string, promotion: Promotion) =>
      http.json<ModelVersion>('POST', `${at(model, version)}/promote`, { body: promotion }),
    replay: (model: string, version: number | string) => http.json<{ job: Job }>('POST', `${at(model, version)}/replay`),
    /** The sealed rows behind one cell of the confusion matrix. */
    rows: (model: string, version: number | string, query: { actual: string; predicted: string }) =>
      http.json<CellRows>('GET', `${at(model, version)}/rows`, { query }),
    compare: (input: CompareInput) => http.json<VersionComparison>('POST', '/v1/evaluations/compare', { body: input }),
  }
}
