import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { customers } from '../training-world.ts'
import { type ExampleWorld, exampleWorld } from './example-world.ts'
import { served } from './served.ts'

/** Every way to balance, calibrate, search and fill, through the whole product. */

const alone = { search: { strategy: 'none' as const } }

let w: ExampleWorld
before(async () => {
  w = await exampleWorld()
  await w.addTable('customers', customers(400), 'churn')
})
after(() => w?.close())

describe('every answer to unequal classes', () => {
  for (const imbalance of ['none', 'class_weight', 'smote', 'adasyn', 'random_over', 'random_under', 'near_miss'] as const)
    test(imbalance, async () => {
      const model = `balanced by ${imbalance}`
      const { result } = await w.trained({
        dataset: 'customers',
        target: 'churn',
        algorithms: ['logistic_regression'],
        imbalance,
        ...alone,
        model,
      })
      assert.equal(result.parity.flips, 0)
      assert.ok(result.test.roc_auc!.value > 0.8, JSON.stringify(result.test.roc_auc))
      const run = await w.ask('GET', `/v1/runs/${result.run}`)
      assert.equal(run.parameters.imbalance, imbalance)
    })
})

describe('every calibration', () => {
  for (const calibration of ['sigmoid', 'isotonic'] as const)
    test(calibration, async () => {
      const model = `calibrated by ${calibration}`
      const { result } = await w.trained({
        dataset: 'customers',
        target: 'churn',
        algorithms: ['random_forest'],
        calibration,
        ...alone,
        model,
      })
      assert.deepEqual([result.parity.flips, result.served], [0, 'onnx'])
      await served(w, model, 'binary')
    })
})

describe('every way to search', () => {
  const space = { decision_tree: { max_depth: { int: [2, 6] as [number, number] }, min_samples_leaf: { choice: [5, 20] } } }
  const trialsOf = async (job: string): Promise<any[]> => (await w.ask('GET', `/v1/searches/${job}`)).trials

  for (const strategy of ['grid', 'random', 'tpe'] as const)
    test(`${strategy}, within the space that was given`, async () => {
      const { job } = await w.trained({
        dataset: 'customers',
        target: 'churn',
        algorithms: ['decision_tree'],
        search: { strategy, trials: 8, space },
        model: `found by ${strategy}`,
      })
      const trials = await trialsOf(job)
      const tried = trials.filter((one) => one.algorithm === 'decision_tree' && one.state !== 'failed')
      assert.ok(tried.length >= 5, JSON.stringify(trials))
      assert.equal(trials[0].algorithm, 'baseline')
      // The algorithm's own defaults come first, then settings of the space.
      for (const { params } of tried.slice(-3)) {
        assert.ok(params.max_depth >= 2 && params.max_depth <= 6, JSON.stringify(params))
        assert.ok([5, 20].includes(params.min_samples_leaf), JSON.stringify(params))
      }
      const settings = tried.map(({ params }) => JSON.stringify(params))
      assert.equal(new Set(settings).size, settings.length, 'nothing is tried twice')
    })

  test('tpe gives up what is far behind, and a search begins where an earlier one ended', async () => {
    const input = { dataset: 'customers', target: 'churn', algorithms: ['auto' as const] }
    const first = await w.trained({ ...input, search: { trials: 30 }, model: 'pruned' })
    const trials = await trialsOf(first.job)
    assert.ok(
      trials.some(({ state }) => state === 'pruned'),
      JSON.stringify(trials.map(({ state, algorithm }) => [algorithm, state])),
    )
    const { best } = await w.ask('GET', `/v1/searches/${first.job}`)
    const second = await w.trained({
      ...input,
      algorithms: [best.algorithm],
      search: { trials: 4, warmStartFrom: first.job },
      model: 'warm',
    })
    const warm = await trialsOf(second.job)
    assert.ok(
      warm.some(({ params }) => JSON.stringify(params) === JSON.stringify(best.params)),
      JSON.stringify([best, warm.map(({ params }) => params)]),
    )
  })

  test('auto runs the baseline first, then candidates of several kinds, with mean and spread over the folds', async () => {
    const { job, result } = await w.trained({ dataset: 'customers', target: 'churn', search: { trials: 12 }, model: 'auto' })
    const trials = await trialsOf(job)
    assert.deepEqual([trials[0].algorithm, trials[0].state], ['baseline', 'complete'])
    assert.ok(new Set(trials.map(({ algorithm }) => algorithm)).size >= 5)
    for (const { state, score, std, folds } of trials.filter(({ state }) => state === 'complete')) {
      assert.equal(state, 'complete')
      assert.equal(folds.length, 5)
      const mean = folds.reduce((sum: number, one: number) => sum + one, 0) / folds.length
      assert.ok(Math.abs(mean - score) < 1e-9 && std >= 0, JSON.stringify([folds, score, std]))
    }
    assert.ok(result.validation.roc_auc! > result.baseline.roc_auc! + 0.2)
    const { training } = await w.ask('GET', '/v1/models/auto/versions/1/details')
    assert.equal(training.leaderboard[0].algorithm, result.algorithm)
  })
})

describe('every way to fill what is missing', () => {
  for (const strategy of ['mean', 'median', 'mode', 'constant', 'knn', 'iterative'] as const)
    for (const indicator of [false, true])
      test(`${strategy}${indicator ? ', with a column that marks it' : ''}`, async () => {
        const model = `filled by ${strategy}${indicator ? ' and marked' : ''}`
        const steps = [
          { step: 'impute', columns: '*numbers', strategy, indicator, ...(strategy === 'constant' && { value: -1 }) },
          { step: 'impute', columns: '*categories', strategy: 'missing_category' },
          { step: 'one_hot', columns: '*categories' },
        ]
        const { result } = await w.trained({
          dataset: 'customers',
          target: 'churn',
          recipe: { steps },
          algorithms: ['logistic_regression'],
          ...alone,
          model,
        })
        assert.deepEqual([result.served, result.parity.flips], ['onnx', 0])
        await served(w, model, 'binary')
      })
})

test('a recipe of many steps is one graph that answers raw rows', async () => {
  const steps = [
    { step: 'drop_duplicates' },
    { step: 'remove_outliers', columns: ['minutes'], method: 'iqr' },
    { step: 'derive', name: 'per_call', expression: 'minutes / calls' },
    { step: 'impute', columns: '*numbers', strategy: 'median', indicator: true },
    { step: 'cap', columns: ['minutes'], method: 'percentile' },
    { step: 'bin', columns: ['age'], bins: 5, strategy: 'quantile' },
    { step: 'target_encode', columns: ['town'] },
    { step: 'one_hot', columns: ['plan'] },
    { step: 'yeo_johnson', columns: ['calls'] },
    { step: 'standard_scale', columns: '*numbers' },
    { step: 'polynomial', columns: ['minutes', 'calls'], degree: 2 },
    { step: 'select_mutual_information', columns: '*numbers', keep: 8 },
    { step: 'pca', columns: '*numbers', components: 5 },
  ]
  const made = await w.ask('POST', '/v1/recipes', { name: 'long', dataset: 'customers', target: 'churn', steps })
  assert.equal(made.revision, 1)
  const { result } = await w.trained({
    dataset: 'customers',
    target: 'churn',
    recipe: 'long',
    algorithms: ['lightgbm'],
    ...alone,
    model: 'long',
  })
  assert.deepEqual([result.served, result.parity.flips], ['onnx', 0])
  await served(w, 'long', 'binary')
})

test('what has no faithful graph is marked and served by Python, with a certificate of that', async () => {
  const { result, version } = await w.trained({
    dataset: 'customers',
    target: 'churn',
    algorithms: ['lightgbm'],
    search: { trials: 3, space: { lightgbm: { linear_tree: true } } },
    model: 'linear trees',
  })
  assert.deepEqual([result.served, result.parity.flips, version.manifest.kind], ['python', 0, 'python'])
  assert.match(version.parity!.reason!, /linear_tree has no faithful ONNX form/)
  const { text } = await w.call('GET', '/v1/models/linear%20trees/versions/1/card')
  assert.match(text, /the Python worker that serves it/)
  await served(w, 'linear trees', 'binary')
})
