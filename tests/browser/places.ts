/** What a filled project holds, by name or id, as the addresses of its pages need it. */
export interface Filled {
  project: string
  dataset: string
  images: string
  recordings: string
  goal: string
  recipe: string
  model: string
  endpoint: string
  monitor: string
  loop: string
  transform: string
  trainingJob: string
  failedJob: string
  /** The job of a comparison over folds. */
  comparison: string
  runs: string[]
  /** Two versions, as `model:number`. */
  versions: [string, string]
}

export interface Place {
  /** Also the name of its picture. */
  name: string
  path: string
}

/** Every page of the product, each tab and each panel that has an address. */
export function placesOf(at: Filled): Place[] {
  const id = encodeURIComponent
  const base = `/p/${id(at.project)}`
  const places: [string, string][] = [
    ['home', '/'],
    ['goals', '/goals'],
    ['goal-new', `/goals/new?dataset=${id(at.dataset)}`],
    ['goal', `/goals/${id(at.goal)}`],
    ['data', '/datasets'],
    ['data-new', '/datasets/new'],
    ...['rows', 'profile', 'relations', 'bias', 'splits', 'dictionary', 'versions', 'lineage'].map((tab): [string, string] => [
      `data-${tab}`,
      `/datasets/${id(at.dataset)}?tab=${tab}`,
    ]),
    ['data-images', `/datasets/${id(at.images)}`],
    ['data-recordings', `/datasets/${id(at.recordings)}`],
    ['data-column', `/datasets/${id(at.dataset)}?tab=profile&column=total_day_minutes`],
    ['weights', '/weights'],
    ['recipes', '/recipes'],
    ['recipe-new', `/recipes/new?dataset=${id(at.dataset)}`],
    ['recipe', `/recipes/${id(at.recipe)}`],
    ['training', '/training'],
    ['training-new', `/training/new?goal=${id(at.goal)}`],
    ['runs-compared', `/training/compare?runs=${at.runs.map(id).join(',')}`],
    ...['overview', 'curves', 'training', 'rules', 'environment', 'lineage'].map((tab): [string, string] => [
      `run-${tab}`,
      `/training/runs/${id(at.runs[0]!)}?tab=${tab}`,
    ]),
    ['models', '/models'],
    ['model-import', '/models/import'],
    ['comparison', `/jobs/${id(at.comparison)}`],
    ['models-compared', `/models/compare?a=${id(at.versions[0])}&b=${id(at.versions[1])}`],
    ...[
      'performance',
      'explain',
      'uncertainty',
      'fairness',
      'card',
      'proof',
      'search',
      'package',
      'ladder',
      'versions',
      'lineage',
    ].map((tab): [string, string] => [`model-${tab}`, `/models/${id(at.model)}?tab=${tab}`]),
    ['model-cell', `/models/${id(at.model)}?cell=${id('yes|yes')}`],
    ['endpoints', '/endpoints'],
    ['endpoint-new', `/endpoints/new?model=${id(at.model)}`],
    ...['try', 'clients', 'live', 'traffic', 'scaling', 'ab', 'captures', 'history', 'lineage'].map((tab): [string, string] => [
      `endpoint-${tab}`,
      `/endpoints/${id(at.endpoint)}?tab=${tab}`,
    ]),
    ['endpoint-later', `/endpoints/${id(at.endpoint)}?tab=later`],
    ['transforms', '/transforms'],
    ['transform-new', `/transforms/new?endpoint=${id(at.endpoint)}`],
    ['transform', `/transforms/${id(at.transform)}`],
    ['pipeline-new', '/models/new-pipeline'],
    ['monitors', '/monitors'],
    ['monitor-new', `/monitors/new?endpoint=${id(at.endpoint)}`],
    ['monitor', `/monitors/${id(at.monitor)}`],
    ['loops', '/loops'],
    ['loop-new', `/loops/new?endpoint=${id(at.endpoint)}`],
    ['loop', `/loops/${id(at.loop)}`],
    ['loop-run', `/loops/${id(at.loop)}/runs/1`],
    ['jobs', '/jobs'],
    ['job-training', `/jobs/${id(at.trainingJob)}`],
    ['job-failed', `/jobs/${id(at.failedJob)}`],
    ...['account', 'tokens', 'project', 'people', 'teams', 'platform', 'fairness', 'audit'].map((tab): [string, string] => [
      `settings-${tab}`,
      `/settings?tab=${tab}`,
    ]),
    ['not-there', '/no/such/page'],
  ]
  return places.map(([name, path]) => ({ name, path: base + path }))
}
