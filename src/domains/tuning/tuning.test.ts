import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openFilesystemBlobs } from '../../ports/blobs/filesystem.ts'
import { onEachDatabase } from '../../ports/metadata/testing.ts'
import { authMigrations } from '../auth/migrations.ts'
import { authWorld } from '../auth/testing.ts'
import { experimentsMigrations } from '../experiments/migrations.ts'
import { experimentsService } from '../experiments/service.ts'
import { frontOf } from './front.ts'
import { tuningMigrations } from './migrations.ts'
import { readTrial } from './read-trial.ts'
import type { Trial } from './schema.ts'
import { tuningService } from './service.ts'

const trial = (number: number, score: number | null, state: Trial['state'] = 'complete'): Trial => ({
  trial: number,
  algorithm: 'lightgbm',
  params: { depth: number },
  state,
  score,
  std: 0.01,
  folds: score === null ? [] : [score],
  seconds: 1,
  reason: null,
  objectives: null,
})

onEachDatabase(
  'keeps trials as they last were, ranks them, and hands the best on',
  [...authMigrations, ...experimentsMigrations, ...tuningMigrations],
  async (metadata) => {
    const { auth, person, project } = await authWorld(metadata)
    const folder = await mkdtemp(join(tmpdir(), 'tuning-'))
    const { access, search } = auth
    const experiments = experimentsService({ metadata, access, search, blobs: await openFilesystemBlobs({ root: folder }) })
    const tuning = tuningService({ metadata, access })
    const by = await person('Grace')
    const id = await metadata.transaction(async (tx) => {
      const experiment = await experiments.ensureExperiment(tx, by, project, 'churn')
      const run = await experiments.openRun(tx, by, { name: 'r', experiment, projectId: project.id, job: 'job_1' })
      return tuning.open(tx, { job: 'job_1', run, metric: 'log_loss', strategy: 'tpe', fingerprint: 'f' })
    })
    await tuning.record(id, [trial(0, null, 'running'), trial(1, 0.4)])
    await tuning.record(id, [trial(0, 0.3), trial(2, 0.1, 'pruned'), trial(3, null, 'failed')])
    const found = await tuning.get(by, 'job_1')
    assert.deepEqual(
      found.trials.map((one) => one.state),
      ['complete', 'complete', 'pruned', 'failed'],
    )
    assert.deepEqual([found.best?.trial, found.greaterIsBetter], [0, false])
    const trials = [
      { algorithm: 'lightgbm', params: { depth: 0 }, score: 0.3 },
      { algorithm: 'lightgbm', params: { depth: 1 }, score: 0.4 },
    ]
    assert.deepEqual(await tuning.warmStart(by, id, 'log_loss'), { fingerprint: 'f', trials })
    await assert.rejects(tuning.warmStart(by, id, 'f1'), /looked for the best log_loss/)
    await assert.rejects(tuning.get(await person('Mallory', null), id), { code: 'not_found', message: new RegExp(id) })
    await rm(folder, { recursive: true })
  },
)

test('a trial event with a score that is not finite has no score; what is no trial is left out', () => {
  const read = readTrial({
    trial: 4,
    algorithm: 'svm',
    params: {},
    state: 'failed',
    score: 'NaN',
    folds: [0.5, 'Infinity'],
    seconds: 2,
    reason: 'x',
  })
  assert.deepEqual([read?.score, read?.folds, read?.std], [null, [0.5], null])
  assert.equal(readTrial({ trial: 'x' }), null)
})

test('the front is of trials that no other beats, without the baseline', () => {
  const measured = (number: number, f1: number, latency_ms: number, algorithm = 'lightgbm'): Trial => ({
    ...trial(number, f1),
    algorithm,
    objectives: { f1, latency_ms },
  })
  const objectives = [
    { metric: 'f1', direction: 'maximize' as const },
    { metric: 'latency_ms', direction: 'minimize' as const },
  ]
  const trials = [
    measured(0, 0.1, 0.01, 'baseline'),
    measured(1, 0.8, 2),
    measured(2, 0.7, 1),
    measured(3, 0.75, 2),
    trial(4, 0.9),
  ]
  assert.deepEqual(frontOf(trials, objectives), [1, 2])
  assert.deepEqual(frontOf(trials, []), [])
})
