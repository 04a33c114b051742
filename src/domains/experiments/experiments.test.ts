import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import { openFilesystemBlobs } from '../../ports/blobs/filesystem.ts'
import type { Metadata } from '../../ports/metadata/metadata.ts'
import { onEachDatabase } from '../../ports/metadata/testing.ts'
import { authMigrations } from '../auth/migrations.ts'
import { authWorld } from '../auth/testing.ts'
import { experimentsMigrations } from './migrations.ts'
import { parseRunFilter } from './run-filter.ts'
import { downSample } from './series.ts'
import { experimentsService } from './service.ts'
import { experimentTables } from './tables.ts'

const page = { limit: 50 }
const input = { visibility: 'team' as const, description: '', tags: [] }

async function world(metadata: Metadata) {
  const people = await authWorld(metadata)
  const { access, search } = people.auth
  const folder = await mkdtemp(join(tmpdir(), 'runs-'))
  const blobs = await openFilesystemBlobs({ root: folder })
  const experiments = experimentsService({ metadata, access, search, blobs })
  const by = await people.person('Grace')
  await experiments.createExperiment(by, { ...input, name: 'churn' })
  const run = (name: string, parameters: Record<string, unknown> = {}, tags: string[] = []) =>
    experiments.createRun(by, { ...input, name, experiment: 'churn', parameters, tags })
  return { ...people, experiments, by, run, done: () => rm(folder, { recursive: true }) }
}

const onBoth = (name: string, work: (w: Awaited<ReturnType<typeof world>>, metadata: Metadata) => Promise<void>) =>
  onEachDatabase(name, [...authMigrations, ...experimentsMigrations], async (metadata) => {
    const w = await world(metadata)
    try {
      await work(w, metadata)
    } finally {
      await w.done()
    }
  })

onBoth('keeps every metric point and the latest value of each', async ({ experiments, by, run }) => {
  const { id } = await run('a')
  await experiments.logMetrics(by, id, [
    { name: 'loss', value: 3, step: 0 },
    { name: 'loss', value: 2, step: 1 },
    { name: 'f1', value: 0.5, step: 0 },
  ])
  await experiments.logMetrics(by, id, [
    { name: 'loss', value: 9, step: 0 },
    { name: 'loss', value: 'NaN', step: 2 },
    { name: 'f1', value: 0.6, step: 0 },
  ])
  const found = await experiments.getRun(by, id)
  assert.deepEqual(found.metrics, { f1: 0.6 }, 'a latest value that is no number is not a metric')
  const series = await experiments.metricSeries(by, id, 'loss')
  assert.deepEqual(
    [series.steps, series.values],
    [
      [0, 0, 1, 2],
      [3, 9, 2, null],
    ],
  )
})

onBoth('finds runs by metrics, parameters, state and tags, and a missing key never matches', async ({ experiments, by, run }) => {
  const a = await run('a', { algorithm: 'lightgbm', 'learning rate': 0.1 }, ['first'])
  const b = await run('b', { algorithm: 'svm' })
  await run('c')
  await experiments.logMetrics(by, a.id, [{ name: 'test.f1', value: 0.9, step: 0 }])
  await experiments.logMetrics(by, b.id, [{ name: 'test.f1', value: 0.7, step: 0 }])
  await experiments.patchRun(by, b.id, { state: 'finished' })
  const names = async (filter: string, order?: string) =>
    (await experiments.listRuns(by, { ...page, filter, order })).items.map((one) => one.name)

  assert.deepEqual(await names('metrics.test.f1 > 0.8'), ['a'])
  assert.deepEqual(await names('not metrics.test.f1 > 0.8'), ['b'], 'c has no such metric')
  assert.deepEqual(await names("params.algorithm != 'svm'"), ['a'])
  assert.deepEqual(await names("params.algorithm in ('svm', 'lightgbm') and not state = 'finished'"), ['a'])
  assert.deepEqual(await names('params.`learning rate` <= 0.1'), ['a'])
  assert.deepEqual(await names("(name = 'b' or name = 'c') and experiment = 'churn'", 'name asc'), ['b', 'c'])
  assert.deepEqual(await names("tags = 'first'"), ['a'])
  assert.deepEqual(await names("tags = '%'"), [], 'a pattern is only a pattern after like')
  assert.deepEqual(await names("params.algorithm like 'LIGHT%'"), ['a'])
  assert.deepEqual(await names("name = 'x'' or 1=1 --'"), [])
  assert.deepEqual(await names("started_at > '2020-01-01'", 'metrics.test.f1 desc'), ['a', 'b', 'c'])
})

onBoth('pages in the order of a metric, runs without it last', async ({ experiments, by, run }) => {
  for (const [name, value] of [
    ['a', 2],
    ['b', 1],
    ['c', 2],
    ['d', null],
    ['e', null],
    ['f', 3],
  ] as const) {
    const { id } = await run(name)
    if (value !== null) await experiments.logMetrics(by, id, [{ name: 'm', value, step: 0 }])
  }
  for (const [order, expected] of [
    ['metrics.m asc', 'bcafed'],
    ['metrics.m desc', 'fcabed'],
  ] as const) {
    let seen = ''
    let cursor: string | undefined
    do {
      const part = await experiments.listRuns(by, { limit: 2, cursor, order })
      seen += part.items.map((one) => one.name).join('')
      cursor = part.nextCursor ?? undefined
    } while (cursor)
    assert.equal(seen, expected, order)
  }
})

onBoth('compares runs: what differs, and which value is best', async ({ experiments, by, run }) => {
  const a = await run('a', { depth: 3, seed: 7 })
  const b = await run('b', { depth: 5, seed: 7, extra: true })
  await experiments.logMetrics(by, a.id, [
    { name: 'test.f1', value: 0.9, step: 0 },
    { name: 'test.log_loss', value: 0.3, step: 0 },
  ])
  await experiments.logMetrics(by, b.id, [
    { name: 'test.f1', value: 0.8, step: 0 },
    { name: 'test.log_loss', value: 0.2, step: 0 },
  ])
  const { parameters, metrics } = await experiments.compare(by, ['a', 'b'])
  assert.deepEqual(parameters, [
    { name: 'depth', values: [3, 5], differs: true },
    { name: 'extra', values: [null, true], differs: true },
    { name: 'seed', values: [7, 7], differs: false },
  ])
  assert.deepEqual(metrics, [
    { name: 'test.f1', values: [0.9, 0.8], best: 0.9 },
    { name: 'test.log_loss', values: [0.3, 0.2], best: 0.2 },
  ])
})

onBoth('a run of a job is written by its job alone', async ({ experiments, by, project, admin }, metadata) => {
  const id = await metadata.transaction(async (tx) => {
    const experiment = await experiments.ensureExperiment(tx, by, project, 'churn')
    return experiments.openRun(tx, by, { name: 'job run', experiment, projectId: project.id, job: 'job_1' })
  })
  await assert.rejects(experiments.logMetrics(by, id, [{ name: 'f1', value: 1, step: 0 }]), /come from its job alone/)
  await assert.rejects(experiments.patchRun(admin, id, { state: 'finished' }), /belongs to a job/)
  await assert.rejects(experiments.removeRun(by, id), /still going on/)
  await metadata.transaction((tx) => experiments.closeRun(tx, id, { state: 'failed', message: 'The disk is full.' }))
  await metadata.transaction((tx) => experiments.closeRun(tx, id, { state: 'finished' }))
  const run = await experiments.getRun(by, id)
  assert.deepEqual([run.state, run.message], ['failed', 'The disk is full.'], 'the first end holds')
})

onBoth('shows runs to members only, and lets viewers change nothing', async ({ experiments, person, run }) => {
  const { id } = await run('a')
  const stranger = await person('Mallory', null)
  const viewer = await person('Vic', 'viewer')
  await assert.rejects(experiments.getRun(stranger, id), { code: 'not_found' })
  assert.deepEqual((await experiments.listRuns(stranger, page)).items, [])
  assert.equal((await experiments.getRun(viewer, id)).name, 'a')
  await assert.rejects(experiments.removeRun(viewer, id), { code: 'forbidden' })
  await assert.rejects(experiments.logMetrics(viewer, id, [{ name: 'f1', value: 1, step: 0 }]), { code: 'forbidden' })
})

onBoth('keeps files of a script with its run, all of those that come at once', async (w) => {
  const { experiments, by, run } = w
  const { id } = await run('with files')
  const put = (path: string, text: string) => experiments.addArtifact(by, id, path, Readable.from([text]))
  await Promise.all(Array.from({ length: 8 }, (_, i) => put(`plots/${i}.svg`, `<svg id="${i}"/>`)))
  await put('plots/3.svg', 'anew')
  const { artifacts } = await experiments.getRun(by, id)
  assert.deepEqual(
    artifacts.map(({ path }) => path).sort(),
    Array.from({ length: 8 }, (_, i) => `plots/${i}.svg`),
  )
  const { body, filename } = await experiments.artifact(by, id, 'plots/3.svg')
  assert.deepEqual([await text(body as Readable), filename], ['anew', '3.svg'])
  const used = []
  for await (const hash of experiments.blobsInUse()) used.push(hash)
  assert.equal(used.length, 8)
})

onBoth('refuses artifacts outside the run, of a job, and by people who may only look', async (w, metadata) => {
  const { experiments, by, run, person } = w
  const { id } = await run('guarded')
  for (const path of ['../up', 'a/../../b', '/etc/passwd', 'a//b', './a', 'a/', '', 'a\\b', 'a\nb', 'x'.repeat(501)])
    await assert.rejects(experiments.addArtifact(by, id, path, Readable.from(['x'])), { code: 'invalid_input' }, path)
  const viewer = await person('Vera', 'viewer')
  await assert.rejects(experiments.addArtifact(viewer, id, 'a', Readable.from(['x'])), { code: 'forbidden' })
  await experimentTables(metadata.db).updateTable('runs').set({ job_id: 'job_1' }).where('id', '=', id).execute()
  await assert.rejects(experiments.addArtifact(by, id, 'a', Readable.from(['x'])), { code: 'precondition_failed' })
  assert.deepEqual((await experiments.getRun(by, id)).artifacts, [])
})

describe('a filter that cannot be read', () => {
  for (const [filter, message] of [
    ['metrics.f1 >', /needs a number or a text.*at its end/],
    ['metrics.f1 > 0.8 and', /needs a field, at its end/],
    ['accuracy > 0.8', /does not know "accuracy".*metrics\.NAME.*at character 1/],
    ["metrics.f1 > 'high'", /compares the metric "f1" with text/],
    ['(metrics.f1 > 0.8', /lacks a closing bracket/],
    ['metrics.f1 > 0.8 metrics.f1 < 1', /goes on after it has ended, at character 18/],
    ['name = "a"', /cannot read/],
    ["name = 'a'; drop table runs", /cannot read, ";"/],
    [`${'('.repeat(60)}name = 'a'${')'.repeat(60)}`, /too many brackets/],
  ] as const)
    test(`is refused where it stops making sense: ${filter.slice(0, 40)}`, () => {
      assert.throws(() => parseRunFilter(filter), message)
    })
})

test('a long series keeps its peaks', () => {
  const points = Array.from({ length: 10_000 }, (_, step) => ({
    step,
    value: step === 4321 ? 99 : step === 77 ? null : step % 2,
  }))
  const series = downSample('loss', points, 200)
  assert.equal(series.steps.length, 200)
  assert.equal(series.steps.at(-1), 9999)
  assert.equal(Math.max(...series.high!.map((value) => value ?? 0)), 99)
  assert.equal(series.points, 10_000)
})
