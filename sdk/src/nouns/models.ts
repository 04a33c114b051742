import type { CallOptions, CreateOptions, Http, ProjectOptions } from '../http.ts'
import { segment, withOptions } from '../http.ts'
import type {
  AlgorithmInfo,
  CellRows,
  CompareInput,
  Comparison,
  ComparisonCreated,
  ComparisonInput,
  CompressionCreated,
  CompressionInput,
  Dependence,
  DependenceInput,
  Estimate,
  Experiment,
  ExperimentInput,
  ExplainOptions,
  ExplainOutput,
  Goal,
  GoalInput,
  GoalPatch,
  GoalProgress,
  Gradients,
  GradientsInput,
  HeldOut,
  HeldOutQuery,
  ImagePreview,
  ImagePreviewInput,
  Job,
  Ladder,
  LadderInput,
  LadderQuery,
  ListQuery,
  MetricPoint,
  MetricSeries,
  Model,
  ModelVersion,
  Nearest,
  Page,
  Promotion,
  Recipe,
  RecipeInput,
  RecipePatch,
  RecipePreview,
  RecipePreviewInput,
  RecipeRevision,
  ResourcePatch,
  Run,
  RunInput,
  RunPatch,
  RunQuery,
  RunRules,
  ScriptCreated,
  ScriptInput,
  Search,
  StepInfo,
  SuggestInput,
  Suggestion,
  TrainingCreated,
  TrainingInput,
  VersionComparison,
  VersionDetails,
} from '../types.ts'

export const goals = (http: Http) => {
  const at = (goal: string) => `/v1/goals/${segment(goal)}`
  return {
    create: (input: GoalInput, options: CreateOptions = {}) =>
      http.json<Goal>('POST', '/v1/goals', withOptions(options, { body: input })),
    list: (query: ListQuery & { dataset?: string } = {}) => http.json<Page<Goal>>('GET', '/v1/goals', { query }),
    get: (goal: string, options: ProjectOptions = {}) => http.json<Goal>('GET', at(goal), withOptions(options)),
    update: (goal: string, patch: GoalPatch, options: ProjectOptions = {}) =>
      http.json<Goal>('PATCH', at(goal), withOptions(options, { body: patch })),
    delete: (goal: string, options: ProjectOptions = {}) => http.json<void>('DELETE', at(goal), withOptions(options)),
    progress: (goal: string, options: ProjectOptions = {}) =>
      http.json<GoalProgress>('GET', `${at(goal)}/progress`, withOptions(options)),
  }
}

export const recipes = (http: Http) => {
  const at = (recipe: string) => `/v1/recipes/${segment(recipe)}`
  return {
    steps: () => http.json<{ items: StepInfo[] }>('GET', '/v1/recipe-steps'),
    create: (input: RecipeInput, options: CreateOptions = {}) =>
      http.json<Recipe>('POST', '/v1/recipes', withOptions(options, { body: input })),
    list: (query: ListQuery & { dataset?: string } = {}) => http.json<Page<Recipe>>('GET', '/v1/recipes', { query }),
    get: (recipe: string, options: ProjectOptions = {}) => http.json<Recipe>('GET', at(recipe), withOptions(options)),
    /** Its steps now and before, newest first. */
    revisions: (recipe: string, options: ProjectOptions = {}) =>
      http.json<{ items: RecipeRevision[] }>('GET', `${at(recipe)}/revisions`, withOptions(options)),
    update: (recipe: string, patch: RecipePatch, options: ProjectOptions = {}) =>
      http.json<Recipe>('PATCH', at(recipe), withOptions(options, { body: patch })),
    delete: (recipe: string, options: ProjectOptions = {}) => http.json<void>('DELETE', at(recipe), withOptions(options)),
    preview: (input: RecipePreviewInput, options: ProjectOptions = {}) =>
      http.json<RecipePreview>('POST', '/v1/recipes/preview', withOptions(options, { body: input })),
    suggest: (input: SuggestInput, options: ProjectOptions = {}) =>
      http.json<Suggestion>('POST', '/v1/recipes/suggest', withOptions(options, { body: input })),
  }
}

export const experiments = (http: Http) => {
  const at = (experiment: string) => `/v1/experiments/${segment(experiment)}`
  return {
    create: (input: ExperimentInput, options: CreateOptions = {}) =>
      http.json<Experiment>('POST', '/v1/experiments', withOptions(options, { body: input })),
    list: (query: ListQuery = {}) => http.json<Page<Experiment>>('GET', '/v1/experiments', { query }),
    get: (experiment: string, options: ProjectOptions = {}) => http.json<Experiment>('GET', at(experiment), withOptions(options)),
    update: (experiment: string, patch: ResourcePatch, options: ProjectOptions = {}) =>
      http.json<Experiment>('PATCH', at(experiment), withOptions(options, { body: patch })),
    /** Into the bin, with its runs. */
    delete: (experiment: string, options: ProjectOptions = {}) => http.json<void>('DELETE', at(experiment), withOptions(options)),
  }
}

export const runs = (http: Http) => {
  const at = (run: string) => `/v1/runs/${segment(run)}`
  return {
    create: (input: RunInput, options: CreateOptions = {}) =>
      http.json<Run>('POST', '/v1/runs', withOptions(options, { body: input })),
    list: (query: RunQuery = {}) => http.json<Page<Run>>('GET', '/v1/runs', { query }),
    get: (run: string, options: ProjectOptions = {}) => http.json<Run>('GET', at(run), withOptions(options)),
    update: (run: string, patch: RunPatch, options: ProjectOptions = {}) =>
      http.json<Run>('PATCH', at(run), withOptions(options, { body: patch })),
    delete: (run: string, options: ProjectOptions = {}) => http.json<void>('DELETE', at(run), withOptions(options)),
    log: (run: string, points: MetricPoint[], options: ProjectOptions = {}) =>
      http.json<void>('POST', `${at(run)}/metrics`, withOptions(options, { body: { points } })),
    metric: (run: string, name: string, query: { points?: number; project?: string } = {}) =>
      http.json<MetricSeries>('GET', `${at(run)}/metrics/${segment(name)}`, { query }),
    /** The rules that watched its networks learn: how each stands, and its evidence. */
    rules: (run: string, options: ProjectOptions = {}) => http.json<RunRules>('GET', `${at(run)}/rules`, withOptions(options)),
    artifact: (run: string, path: string, options: ProjectOptions = {}) =>
      http.raw('GET', `${at(run)}/artifacts/${path.split('/').map(segment).join('/')}`, withOptions(options)),
    /** Keeps a file with a run of your own, for example `plots/roc.png`. */
    addArtifact: (run: string, path: string, content: Blob | Uint8Array<ArrayBuffer> | string, options: ProjectOptions = {}) =>
      http.json<Run>(
        'PUT',
        `${at(run)}/artifacts/${path.split('/').map(segment).join('/')}`,
        withOptions(options, { bytes: content }),
      ),
    compare: (runs: string[], options: ProjectOptions = {}) =>
      http.json<Comparison>('POST', '/v1/runs/compare', withOptions(options, { body: { runs } })),
  }
}

export const training = (http: Http) => ({
  algorithms: () => http.json<{ items: AlgorithmInfo[] }>('GET', '/v1/algorithms'),
  create: (input: TrainingInput, options: CreateOptions = {}) =>
    http.json<TrainingCreated>('POST', '/v1/training-jobs', withOptions(options, { body: input })),
  /** A few images of a data set as they are and as training would change them. */
  previewImages: (input: ImagePreviewInput, options: ProjectOptions = {}) =>
    http.json<ImagePreview>('POST', '/v1/training-jobs/preview-images', withOptions(options, { body: input })),
  estimate: (input: TrainingInput, options: CallOptions = {}) =>
    http.json<Estimate>('POST', '/v1/training-jobs/estimate', { ...options, body: input }),
  /** By the search's id, or by the id of its job. */
  search: (search: string) => http.json<Search>('GET', `/v1/searches/${segment(search)}`),
})

export const comparisons = (http: Http) => ({
  /** Which algorithm or version is better, over repeated folds. The result of the job is a ComparisonResult. */
  create: (input: ComparisonInput, options: CreateOptions = {}) =>
    http.json<ComparisonCreated>('POST', '/v1/comparisons', withOptions(options, { body: input })),
})

export const scripts = (http: Http) => ({
  /** Runs a training script or notebook of your own as a job. */
  create: (input: ScriptInput, options: CreateOptions = {}) =>
    http.json<ScriptCreated>('POST', '/v1/script-jobs', withOptions(options, { body: input })),
})

export const models = (http: Http) => {
  const one = (model: string) => `/v1/models/${segment(model)}`
  const at = (model: string, version: number | string) => `${one(model)}/versions/${segment(version)}`
  return {
    list: (query: ListQuery & { q?: string; target?: string } = {}) => http.json<Page<Model>>('GET', '/v1/models', { query }),
    get: (model: string, options: ProjectOptions = {}) => http.json<Model>('GET', one(model), withOptions(options)),
    update: (model: string, patch: ResourcePatch, options: ProjectOptions = {}) =>
      http.json<Model>('PATCH', one(model), withOptions(options, { body: patch })),
    delete: (model: string, options: ProjectOptions = {}) => http.json<void>('DELETE', one(model), withOptions(options)),
    versions: (model: string, query: ListQuery = {}) => http.json<Page<ModelVersion>>('GET', `${one(model)}/versions`, { query }),
    version: (model: string, version: number | string, options: ProjectOptions = {}) =>
      http.json<ModelVersion>('GET', at(model, version), withOptions(options)),
    details: (model: string, version: number | string, options: ProjectOptions = {}) =>
      http.json<VersionDetails>('GET', `${at(model, version)}/details`, withOptions(options)),
    /** Why the version answers as it does: contributions of the columns to each row's answer. */
    explain: (
      model: string,
      version: number | string,
      rows: Record<string, unknown>[],
      how: ExplainOptions = {},
      options: ProjectOptions = {},
    ) => http.json<ExplainOutput>('POST', `${at(model, version)}/explain`, withOptions(options, { body: { ...how, rows } })),
    /** What a network answers for, by its gradients: columns, words or pixels. */
    gradients: (model: string, version: number | string, input: GradientsInput, options: ProjectOptions = {}) =>
      http.json<Gradients>('POST', `${at(model, version)}/gradients`, withOptions(options, { body: input })),
    /** How the answer moves with a column: a line for each of some rows, their mean, and with a second column a plane. */
    dependence: (model: string, version: number | string, input: DependenceInput, options: ProjectOptions = {}) =>
      http.json<Dependence>('POST', `${at(model, version)}/dependence`, withOptions(options, { body: input })),
    /** Training rows nearest to a row, for those who may read the data set. */
    nearest: (
      model: string,
      version: number | string,
      input: { row: Record<string, unknown>; limit?: number },
      options: ProjectOptions = {},
    ) => http.json<Nearest>('POST', `${at(model, version)}/nearest`, withOptions(options, { body: input })),
    /** Sealed rows and what the version said of them, for those who may read the data set. */
    heldOut: (model: string, version: number | string, query: HeldOutQuery & { project?: string } = {}) =>
      http.json<HeldOut>('GET', `${at(model, version)}/held-out`, { query }),
    /** The model card, in Markdown. */
    card: async (model: string, version: number | string, options: ProjectOptions = {}) =>
      (await http.raw('GET', `${at(model, version)}/card`, withOptions(options))).text(),
    file: (model: string, version: number | string, path: string, options: ProjectOptions = {}) =>
      http.raw('GET', `${at(model, version)}/files/${segment(path)}`, withOptions(options)),
    /** All files of the package as one tar archive. */
    package: (model: string, version: number | string, options: ProjectOptions = {}) =>
      http.raw('GET', `${at(model, version)}/package`, withOptions(options)),
    promote: (model: string, version: number | string, promotion: Promotion, options: ProjectOptions = {}) =>
      http.json<ModelVersion>('POST', `${at(model, version)}/promote`, withOptions(options, { body: promotion })),
    replay: (model: string, version: number | string, options: ProjectOptions = {}) =>
      http.json<{ job: Job }>('POST', `${at(model, version)}/replay`, withOptions(options)),
    /** Makes a smaller or faster version from a version, as a job. */
    compress: (model: string, version: number | string, input: CompressionInput, options: CreateOptions & ProjectOptions = {}) =>
      http.json<CompressionCreated>('POST', `${at(model, version)}/compressions`, withOptions(options, { body: input })),
    /** A version and what was made from it: quality, speed, size, and the one that a rule picks. */
    ladder: (model: string, version: number | string, query: LadderQuery = {}) =>
      http.json<Ladder>('GET', `${at(model, version)}/ladder`, { query }),
    /** Measures a version and what was made from it anew, on the server's machine, as a job. */
    measureLadder: (model: string, version: number | string, input: LadderInput = {}, options: ProjectOptions = {}) =>
      http.json<{ job: Job }>('POST', `${at(model, version)}/ladder`, withOptions(options, { body: input })),
    /** The sealed rows behind one cell of the confusion matrix. */
    rows: (model: string, version: number | string, query: { actual: string; predicted: string; project?: string }) =>
      http.json<CellRows>('GET', `${at(model, version)}/rows`, { query }),
    compare: (input: CompareInput, options: ProjectOptions = {}) =>
      http.json<VersionComparison>('POST', '/v1/evaluations/compare', withOptions(options, { body: input })),
  }
}
