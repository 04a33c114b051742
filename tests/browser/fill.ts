import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Atoll, TrainingInput } from '../../sdk/src/index.ts'
import { picture, tone, type ZipEntry, zipOf } from '../../src/ports/media/testing.ts'
import type { Filled } from './places.ts'
import { root } from './product.ts'

export const churnFile = join(root, 'examples', 'churn', 'mlc_churn.csv')

/** The result of a job that must succeed. */
export const done = async (atoll: Atoll, job: string): Promise<Record<string, unknown>> =>
  (await atoll.jobs.wait(job)).result ?? {}

export async function addTable(atoll: Atoll, name: string, csv: string, target?: string): Promise<string> {
  const upload = await atoll.uploads.send(new Blob([csv]), { filename: `${name}.csv` })
  const { dataset, job } = await atoll.datasets.create({ name, source: { upload: upload.id }, target: target ?? null })
  await done(atoll, job)
  return dataset.id
}

/** Trains, and gives what the job made. */
export async function train(atoll: Atoll, input: TrainingInput) {
  const { job, run } = await atoll.training.create(input)
  const result = await done(atoll, job.id)
  return { job: job.id, run, model: String(result.model), version: Number(result.version), versionId: String(result.versionId) }
}

/** A month after a price change, as the demo makes it: longer calls by day, at higher charges. */
export async function shiftedMonth(): Promise<string> {
  const [header, ...lines] = (await readFile(churnFile, 'utf8')).trim().split('\n')
  const names = header!.split(',')
  const moved = ['total_day_minutes', 'total_day_charge'].map((name) => names.indexOf(name))
  return [
    header,
    ...lines.slice(0, 800).map((line) =>
      line
        .split(',')
        .map((cell, at) => (moved.includes(at) ? (Number(cell) * 1.3).toFixed(2) : cell))
        .join(','),
    ),
  ].join('\n')
}

/** A whole life in a project, from data to a monitor's report, with the smallest search that gives one. */
export async function fillQuickly(atoll: Atoll): Promise<Filled> {
  const dataset = await addTable(atoll, 'Customers', await readFile(churnFile, 'utf8'), 'churn')
  await done(atoll, (await atoll.datasets.makeProfile(dataset, { target: 'churn' })).job)
  const goal = await atoll.goals.create({
    name: 'Find churners',
    dataset,
    target: 'churn',
    positive: 'yes',
    metric: 'f1',
    atLeast: 0.7,
    costFalsePositive: 1,
    costFalseNegative: 5,
  })
  const { job } = await atoll.training.create({
    dataset,
    goal: goal.id,
    model: 'Churn',
    algorithms: ['lightgbm'],
    search: { strategy: 'tpe', trials: 5, budgetSeconds: 30 },
  })
  const { modelId, version, versionId } = await done(atoll, job.id)
  await atoll.models.promote(String(modelId), Number(version), { to: 'approved' })
  const endpoint = await atoll.endpoints.create({ name: 'churn', model: String(versionId) })
  await untilReady(atoll, endpoint.id)
  const example = endpoint.signature.inputs
  await atoll.endpoints.predict(
    endpoint.id,
    Array.from({ length: 40 }, () => Object.fromEntries(example.map((input) => [input.name, input.example ?? null]))),
  )
  const monitor = await atoll.monitors.create({ endpoint: endpoint.id, name: 'Churn drift', minimumRows: 20 })
  const month = await addTable(atoll, 'Customers after a price change', await shiftedMonth(), 'churn')
  await done(atoll, (await atoll.monitors.run(monitor.id, { dataset: month })).job)
  return fillAround(atoll, { dataset: 'Customers', goal: goal.name, model: 'Churn', endpoint: 'churn', monitor: monitor.name })
}

/** What a project has beside the one life: a recipe, a second version to compare, a failed import, people. */
export async function fillAround(
  atoll: Atoll,
  life: Pick<Filled, 'dataset' | 'goal' | 'model' | 'endpoint' | 'monitor'>,
): Promise<Filled> {
  const dataset = await atoll.datasets.get(life.dataset)
  const { steps, reasons } = await atoll.recipes.suggest({ dataset: dataset.id, target: 'churn' })
  const recipe = await atoll.recipes.create({ name: 'Churn preparation', dataset: dataset.id, target: 'churn', steps, reasons })
  const second = await train(atoll, {
    dataset: dataset.id,
    goal: life.goal,
    model: life.model,
    algorithms: ['decision_tree', 'logistic_regression'],
    search: { strategy: 'none' },
  })
  const compared = await atoll.comparisons.create({
    candidates: ['decision_tree', 'logistic_regression', 'naive_bayes'],
    dataset: dataset.id,
    goal: life.goal,
    repeats: 1,
    folds: 3,
    delta: 0.01,
  })
  await done(atoll, compared.job.id)
  const failedJob = await failingTraining(atoll)
  // Nobody has told what became of the predictions: its run ends at the first step and says so.
  const loop = await atoll.loops.create({ endpoint: life.endpoint, name: 'Churn loop', triggers: { schedule: '0 6 * * 1' } })
  await atoll.loops.run(loop.id, 'to see what it would do')
  const transform = await atoll.transforms.create({ endpoint: life.endpoint, input: { dataset: dataset.id } })
  await done(atoll, transform.job)
  const images = await addImages(atoll)
  const recordings = await addRecordings(atoll)
  const user = await atoll.users.create({ name: 'Ada Lovelace', email: 'ada@example.org' })
  const team = await atoll.teams.create({ name: 'Retention' })
  await atoll.teams.addMember(team.id, user.id)
  await atoll.tokens.create({ name: 'nightly export', expiresInDays: 30, scopes: null })
  const { items } = await atoll.runs.list({})
  const first = items.find((run) => run.state === 'finished' && run.id !== second.run)!
  return {
    ...life,
    project: (await atoll.session.get()).defaultProject ?? 'default',
    recipe: recipe.name,
    trainingJob: first.job!,
    failedJob,
    loop: loop.name,
    transform: transform.id,
    comparison: compared.job.id,
    images,
    recordings,
    runs: [first.id, second.run],
    versions: [`${life.model}:1`, `${life.model}:${second.version}`],
  }
}

/** Pictures of two classes with marked objects, one of them cut off. */
async function addImages(atoll: Atoll): Promise<string> {
  const files = await Promise.all(
    Array.from({ length: 24 }, async (_, at) => ({
      name: `images/${at}.png`,
      content: await picture(at + 1, { width: 160, height: 120 }),
    })),
  )
  const lines = files.map(({ name }, at) => {
    const boxes = [{ label: at % 2 ? 'sail' : 'hull', box: [10 + at, 20, 60, 50] }]
    return JSON.stringify({ file: name, label: at % 2 ? 'boat' : 'ship', boxes })
  })
  return addFiles(atoll, 'Ships', [
    ...files,
    { name: 'images/cut.png', content: files[0]!.content.subarray(0, 80) },
    { name: 'ships.jsonl', content: lines.join('\n') },
  ])
}

async function addRecordings(atoll: Atoll): Promise<string> {
  const names = Array.from({ length: 12 }, (_, at) => `${at % 2 ? 'high' : 'low'}/${at}.wav`)
  return addFiles(
    atoll,
    'Tones',
    names.map((name, at) => ({ name, content: tone(0.3 + at / 20, { hertz: at % 2 ? 880 + at : 220 + at }) })),
  )
}

async function addFiles(atoll: Atoll, name: string, entries: readonly ZipEntry[]): Promise<string> {
  const upload = await atoll.uploads.send(new Blob([new Uint8Array(zipOf(entries))]), { filename: `${name}.zip` })
  const { job } = await atoll.datasets.create({ name, source: { upload: upload.id }, target: 'label' })
  await done(atoll, job)
  return name
}

/** A training whose recipe leaves nothing to learn from. */
async function failingTraining(atoll: Atoll): Promise<string> {
  const rows = Array.from({ length: 60 }, (_, at) => `Town ${at},${(at * 137) % 1000}`)
  const { job } = await atoll.training.create({
    dataset: await addTable(atoll, 'Towns', ['town,people', ...rows].join('\n')),
    target: 'people',
    algorithms: ['ridge'],
    recipe: { steps: [{ step: 'drop_columns', columns: ['town'] }] },
  })
  await atoll.jobs.wait(job.id).catch(() => {})
  return job.id
}

export async function untilReady(atoll: Atoll, endpoint: string): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    const { state, message } = await atoll.endpoints.get(endpoint)
    if (state === 'ready') return
    if (state === 'failed') throw new Error(message ?? 'The endpoint failed.')
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error('The endpoint did not become ready.')
}
