import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { ComparisonResult } from '../src/domains/comparisons/schema.ts'
import { TrainingResult } from '../src/domains/training/schema.ts'
import { collectUnused, unusedForMs } from '../src/ports/blobs/collect-unused.ts'
import { provenExport } from './exported.ts'
import { customers, type TrainingWorld, trainingWorld } from './training-world.ts'

const quick = { algorithms: ['logistic_regression' as const], search: { strategy: 'none' as const } }

describe('training', () => {
  let w: TrainingWorld
  let goal: { id: string; split: string }
  let first: { job: any; result: TrainingResult; version: any }

  before(async () => {
    w = await trainingWorld()
    await w.addTable('customers', customers(800), 'churn')
    goal = await w.ask('POST', '/v1/goals', {
      dataset: 'customers',
      target: 'churn',
      metric: 'f1',
      atLeast: 0.7,
      costFalsePositive: 1,
      costFalseNegative: 5,
    })
  })
  after(() => w?.close())

  const audited = async (action: string) => (await w.ask('GET', `/v1/audit?action=${action}&limit=100`)).items as any[]

  test('goes from a table to a registered, evaluated, proven version', async () => {
    const job = await w.train({
      dataset: 'customers',
      goal: goal.id,
      algorithms: ['lightgbm'],
      search: { trials: 3 },
      model: 'churn',
    })
    assert.equal(job.state, 'succeeded', JSON.stringify(job.failure))
    const result = TrainingResult.parse(job.result)
    const version = await w.ask('GET', '/v1/models/churn/versions/1')
    first = { job, result, version }
    assert.deepEqual([result.model, result.version, result.served, version.state], ['churn', 1, 'onnx', 'registered'])
    assert.deepEqual([version.parity.passed, result.parity.flips], [true, 0])
    assert.ok(result.parity.maxDiff <= version.parity.tolerance)
    assert.equal(version.parity.heldOutRows, 160, 'all sealed rows, where there are fewer than 1,000')
    assert.ok(version.parity.injectedRows > 0)
    assert.ok(result.test.f1!.value > result.baseline.f1! + 0.1, JSON.stringify([result.test.f1, result.baseline.f1]))
    assert.ok(result.test.f1!.low <= result.test.f1!.value && result.test.f1!.value <= result.test.f1!.high)
    assert.equal(version.split, goal.split, 'every model of a goal is judged on the same rows')
    assert.deepEqual(version.goalOutcome.value, result.test.f1!.value)
  })

  test('opened the sealed rows once, for that version, and noted it', async () => {
    const openings = (await audited('datasets.open-sealed')).filter((entry) => entry.facts.version === first.version.id)
    assert.equal(openings.length, 1)
    assert.deepEqual([openings[0].target, openings[0].facts.job], [goal.split, first.job.id])
    assert.ok(first.version.sealedOpenedAt >= openings[0].at)
    const fit = await w.ask('GET', `/v1/splits/${goal.split}`)
    assert.deepEqual(fit.parts.find((part: any) => part.sealed)?.rows, 160)
  })

  test('leaves a run with parameters, figures and trials', async () => {
    const run = await w.ask('GET', `/v1/runs/${first.job.run}`)
    assert.deepEqual(
      [run.state, run.job, run.parameters.algorithm, run.parameters.seed],
      ['finished', first.job.id, 'lightgbm', 7],
    )
    assert.equal(run.metrics['test.f1'], first.result.test.f1!.value)
    assert.ok(run.environment.packages.lightgbm)
    const search = await w.ask('GET', `/v1/searches/${first.job.id}`)
    assert.ok(search.trials.length >= 3 && search.best.algorithm === 'lightgbm', JSON.stringify(search.trials))
    const series = await w.ask('GET', `/v1/runs/${run.id}/metrics/search.f1`)
    assert.equal(series.points, search.trials.filter((trial: any) => trial.state === 'complete').length)
    const found = await w.ask(
      'GET',
      `/v1/runs?filter=${encodeURIComponent("metrics.test.f1 > 0 and params.algorithm = 'lightgbm'")}`,
    )
    assert.deepEqual(
      found.items.map((one: any) => one.id),
      [run.id],
    )
    const card = await w.call('GET', `/v1/runs/${run.id}/artifacts/card.md`)
    assert.match(card.text, /^# churn/)
  })

  test('says why it answers as it does, for a row and on the whole', async () => {
    const held = await w.ask('GET', '/v1/models/churn/versions/1/held-out?limit=3&order=wrong')
    assert.equal(held.rows.length, 3)
    const { explanations, backgroundRows } = await w.ask('POST', '/v1/models/churn/versions/1/explain', {
      rows: held.rows.map((one: any) => one.row),
    })
    assert.equal(backgroundRows, 100)
    explanations.forEach((one: any, at: number) => {
      const total = one.contributions.reduce((sum: number, part: any) => sum + part.contribution, one.base + one.rest)
      assert.ok(Math.abs(total - one.answer) < 1e-6)
      assert.equal(one.label, held.rows[at].predicted)
    })
    const byTrees = await w.ask('POST', '/v1/models/churn/versions/1/explain', { row: held.rows[0].row, method: 'tree' })
    const [one] = byTrees.explanations
    assert.deepEqual([one.scale, one.output], ['log_odds', 'yes'])
    const sum = one.contributions.reduce((total: number, part: any) => total + part.contribution, one.base)
    assert.ok(Math.abs(1 / (1 + Math.exp(-sum)) - one.probabilities.yes) < 1e-5, 'by column, through the prepared features')
    assert.ok(one.features.length > 0)
    const lime = await w.ask('POST', '/v1/models/churn/versions/1/explain', { row: held.rows[0].row, method: 'lime' })
    assert.ok(lime.explanations[0].fit > 0.1 && lime.explanations[0].contributions.length === one.contributions.length)
    const moved = await w.ask('POST', '/v1/models/churn/versions/1/dependence', { column: 'calls' })
    assert.equal(moved.rows.length, 50)
    assert.ok(moved.mean.at(-1) > moved.mean[0] + 0.1, 'more calls, more risk')
    const plane = await w.ask('POST', '/v1/models/churn/versions/1/dependence', { column: 'calls', with: 'plan', points: 3 })
    assert.equal(plane.pair.mean[0].length, 3)
    const near = await w.ask('POST', '/v1/models/churn/versions/1/nearest', { row: held.rows[0].row, limit: 4 })
    assert.equal(near.rows.length, 4)
    assert.ok(near.rows[0].distance <= near.rows[3].distance && near.rows[3].distance < 0.5)
    const { shap } = await w.ask('GET', '/v1/models/churn/versions/1/details')
    assert.ok(shap.rows >= 20 && shap.columns.every((one: any) => one.meanAbsolute.length === 2))
    const ranked = shap.columns.map((one: any) => one.column)
    assert.deepEqual(ranked.slice(0, 2).sort(), ['calls', 'minutes'], 'the columns that the answer was made of')
    assert.equal(shap.columns[0].contributions.length, shap.rows)
  })

  test('knows how sure it is: sets that hold the truth as often as they promise', async () => {
    const { uncertainty } = await w.ask('GET', '/v1/models/churn/versions/1/details')
    assert.equal(uncertainty.rows, 640, 'all rows that were held out of a fold')
    const judged = uncertainty.test.sets.find((one: any) => one.kind === 'lac' && one.coverage === 0.9)
    assert.equal(uncertainty.test.rows, 160)
    assert.ok(judged.covered > 0.8 && judged.low <= judged.covered && judged.covered <= judged.high, JSON.stringify(judged))
    assert.ok(judged.meanSize >= 1 && judged.meanSize < 2)
    const { share, risk } = uncertainty.test.answering
    assert.ok(risk[share.findIndex((one: number) => one >= 0.5)] <= risk.at(-1), 'the surest half is not worse than all')

    const endpoint = await w.ask('POST', '/v1/endpoints', {
      name: 'churn-sure',
      model: 'churn:1',
      overrideReason: 'A test of answers, not of the goal.',
    })
    const [held] = (await w.ask('GET', '/v1/models/churn/versions/1/held-out?limit=1')).rows
    const ask = (body: object, query = '') => w.ask('POST', `/v1/endpoints/${endpoint.id}/predict${query}`, body)
    const plain = (await ask({ row: held.row })).predictions[0]
    assert.equal(plain.set, undefined)
    for (const sure of [
      await ask({ row: held.row, uncertainty: { coverage: 0.9, answer: 0.8 } }),
      await ask({ row: held.row }, '?coverage=0.9&answer=0.8'),
    ]) {
      const [one] = sure.predictions
      assert.ok(one.set.includes(plain.label) && one.coverage === 0.9 && typeof one.abstain === 'boolean')
      assert.deepEqual(one.probabilities, plain.probabilities)
    }
    const refused = await w.call('POST', `/v1/endpoints/${endpoint.id}/predict`, {
      body: { row: held.row, uncertainty: { coverage: 2 } },
    })
    assert.equal(refused.status, 400)
    assert.match(refused.text, /uncertainty/)
    await w.ask('DELETE', `/v1/endpoints/${endpoint.id}`)
  })

  test('answers with its reasons and the nearest rows, and as a folder of its own as its proof says', async () => {
    const endpoint = await w.ask('POST', '/v1/endpoints', {
      name: 'churn-away',
      model: 'churn:1',
      overrideReason: 'A test of the export, not of the goal.',
    })
    const [held] = (await w.ask('GET', '/v1/models/churn/versions/1/held-out?limit=1')).rows
    const body = { row: held.row, explain: { top: 3 }, nearest: 2, uncertainty: { coverage: 0.9 } }
    const [one] = (await w.ask('POST', `/v1/endpoints/${endpoint.id}/predict`, body)).predictions
    assert.deepEqual([one.explanation.contributions.length, one.nearest.length, one.coverage], [3, 2, 0.9])
    assert.ok(one.nearest[0].distance <= one.nearest[1].distance && 'minutes' in one.nearest[0].row)
    const { passed, rows, compared, flips } = await provenExport(w, endpoint.id)
    assert.deepEqual({ passed, compared, flips }, { passed: true, compared: rows, flips: 0 })
    assert.ok(rows >= 1000, String(rows))
    await w.ask('DELETE', `/v1/endpoints/${endpoint.id}`)
  })

  test('leaves a package with evidence and a card written from it', async () => {
    const paths = first.version.manifest.files.map((file: any) => file.path)
    for (const path of [
      'model.onnx',
      'signature.json',
      'background.json',
      'shap.json',
      'uncertainty.json',
      'recipe.json',
      'training.json',
      'evaluation.json',
      'parity.json',
      'card.md',
    ])
      assert.ok(paths.includes(path), path)
    assert.deepEqual(
      first.version.manifest.sandboxOnly.map((file: any) => file.path),
      ['native/pipeline.joblib'],
    )
    const details = await w.ask('GET', '/v1/models/churn/versions/1/details')
    assert.equal(details.evaluation.rows, 160)
    assert.ok(Array.isArray(details.recipe.steps) && details.explain.permutation.length > 0)
    const { text } = await w.call('GET', '/v1/models/churn/versions/1/card')
    for (const said of [
      /\*\*(Met|Not met)\.\*\*/,
      /160 for the sealed test/,
      /0 labels differ/,
      /A missed|a missed "yes" 5/,
      /licence of the data is not known/,
    ])
      assert.match(text, said)
    assert.equal((await w.call('GET', '/v1/models/churn/versions/1/files/native%2Fpipeline.joblib')).status, 404)
  })

  test('makes the same model from the same seed, and says that two equal versions do not differ', async () => {
    const again = await w.train({
      dataset: 'customers',
      goal: goal.id,
      algorithms: ['lightgbm'],
      search: { trials: 3 },
      model: 'churn',
    })
    const version = await w.ask('GET', '/v1/models/churn/versions/2')
    const graph = (of: any) => of.manifest.files.find((file: any) => file.path === 'model.onnx').sha256
    assert.equal(graph(version), graph(first.version))
    assert.deepEqual((again.result as TrainingResult).test, first.result.test)
    const compared = await w.ask('POST', '/v1/evaluations/compare', { a: 'churn:1', b: 'churn:2' })
    assert.deepEqual([compared.rows, compared.difference.value, compared.significant], [160, 0, false])
    assert.match(compared.sentence, /No significant difference: F1 is/)
  })

  test('makes a version again and says that it is the same, to the byte', async () => {
    const { job } = await w.ask('POST', '/v1/models/churn/versions/1/replay')
    const { state, failure, result } = await w.ended(job.id)
    assert.equal(state, 'succeeded', JSON.stringify(failure))
    assert.deepEqual(
      [result!.same, result!.graphIdentical, result!.flips, result!.rows],
      [true, true, 0, 160],
      JSON.stringify(result),
    )
    assert.match(result!.sentence as string, /^churn:1 was made again and is the same, to the byte/)
    const openings = (await audited('datasets.open-sealed')).filter((entry) => entry.facts.version === first.version.id)
    assert.deepEqual(openings.map((entry) => entry.facts.reason).sort(), ['evaluation', `replay by ${job.id}`])
  })

  test('shows the rows behind a cell of the confusion matrix', async () => {
    const { evaluation } = await w.ask('GET', '/v1/models/churn/versions/1/details')
    const cell = await w.ask('GET', '/v1/models/churn/versions/1/rows?actual=yes&predicted=yes')
    const yes = evaluation.confusion.classes.indexOf('yes')
    assert.equal(cell.total, evaluation.confusion.matrix[yes][yes])
    assert.equal(cell.rows.length, Math.min(100, cell.total))
    const target = cell.columns.indexOf('churn')
    assert.ok(cell.rows.every((row: unknown[]) => row[target] === 'yes'))
    const wrong = await w.call('GET', '/v1/models/churn/versions/1/rows?actual=maybe&predicted=yes')
    assert.match(wrong.json.error.message, /"maybe" is no class of "churn"; these are no, yes/)
  })

  test('draws the way from data to model', async () => {
    const { nodes, edges } = await w.ask('GET', `/v1/lineage/${first.version.id}`)
    const nouns = new Set(nodes.map((node: any) => node.noun))
    for (const noun of ['dataset', 'dataset version', 'split', 'goal', 'run', 'model version', 'model'])
      assert.ok(nouns.has(noun), noun)
    assert.ok(edges.some((edge: any) => edge.from === goal.split && edge.to === first.version.id))
  })

  test('compares two versions on the same sealed rows, by the metric asked for', async () => {
    const other = await w.train({ dataset: 'customers', goal: goal.id, ...quick, algorithms: ['baseline'], model: 'guess' })
    assert.equal(other.state, 'succeeded', JSON.stringify(other.failure))
    const compared = await w.ask('POST', '/v1/evaluations/compare', { a: 'guess:1', b: 'churn:1', metric: 'roc_auc' })
    assert.ok(Math.abs(compared.b.value - first.result.test.roc_auc!.value) < 1e-9, 'the platform and scikit-learn agree')
    assert.deepEqual([compared.a.value, compared.test.name, compared.significant], [0.5, 'DeLong', true])
    assert.match(compared.sentence, /^churn:1 is significantly better: ROC AUC is 0\.5 for guess:1/)
    const otherRows = await w.train({
      dataset: 'customers',
      target: 'churn',
      split: (await w.ask('POST', '/v1/splits', { dataset: 'customers', target: 'churn', seed: 8 })).id,
      ...quick,
      model: 'elsewhere',
    })
    assert.equal(otherRows.state, 'succeeded', JSON.stringify(otherRows.failure))
    const refused = await w.call('POST', '/v1/evaluations/compare', { body: { a: 'churn:1', b: 'elsewhere:1' } })
    assert.equal(refused.json.error.code, 'precondition_failed')
    assert.match(refused.json.error.message, /judged on different rows/)
  })

  test('says which of two is better over repeated folds, versions with algorithms beside them', async () => {
    const asked = { candidates: ['guess:1', 'churn:1', 'logistic_regression'], repeats: 2, folds: 3 }
    const { job } = await w.ask('POST', '/v1/comparisons', asked)
    const { state, failure, result } = await w.ended(job.id)
    assert.equal(state, 'succeeded', JSON.stringify(failure))
    const found = ComparisonResult.parse(result)
    assert.deepEqual([found.rows, found.repeats, found.folds, found.metric, found.pairs.length], [640, 2, 3, 'f1', 3])
    const [pair] = found.pairs
    assert.deepEqual([pair!.a, pair!.b, pair!.verdict, pair!.differences.length], ['guess:1', 'churn:1', 'better', 6])
    assert.match(pair!.sentence, /^churn:1 is better than guess:1: its F1 is 0\.\d+ higher on average over 2 x 3 folds/)
    assert.equal(found.sealed.length, 1, 'the two versions also on the sealed rows')
    for (const [body, said] of [
      [{ candidates: ['churn:1', 'churn:1'] }, /named twice/],
      [{ candidates: ['knn', 'svm'] }, /which data set/],
      [{ candidates: ['churn:1', 'voting'] }, /ensemble/],
      [{ candidates: ['churn:1', 'elsewhere:1'] }, /different rows/],
      [{ candidates: ['churn:1', 'image_cnn'] }, /does not learn from tables/],
    ] as const)
      assert.match((await w.call('POST', '/v1/comparisons', { body })).json.error.message, said)
  })

  test('says plainly that a goal is not met, and refuses promotion with the figures', async () => {
    const hopeless = await w.ask('POST', '/v1/goals', {
      name: 'hopeless',
      dataset: 'customers',
      target: 'churn',
      metric: 'f1',
      atLeast: 0.999,
    })
    const job = await w.train({ dataset: 'customers', goal: hopeless.id, ...quick, model: 'modest' })
    const result = job.result as TrainingResult
    assert.equal(result.goal?.met, false)
    const refused = await w.call('POST', '/v1/models/modest/versions/1/promote', { body: { to: 'approved' } })
    assert.equal(refused.json.error.code, 'precondition_failed')
    assert.match(refused.json.error.message, /goal of at least 0.999 is not met, it is off by/)
    assert.equal(refused.json.error.facts.goal.value, result.test.f1!.value)
    const { text } = await w.call('GET', '/v1/models/modest/versions/1/card')
    assert.match(text, /\*\*Not met\.\*\*/)
    const progress = await w.ask('GET', `/v1/goals/${hopeless.id}/progress`)
    assert.deepEqual([progress.versions.length, progress.best.goalOutcome.met], [1, false])
  })

  test('trains with numbers to predict and with several classes', async () => {
    const number = await w.train({ dataset: 'customers', target: 'age', metric: 'mae', ...quick, algorithms: ['ridge'] })
    assert.equal(number.state, 'succeeded', JSON.stringify(number.failure))
    assert.deepEqual([(number.result as TrainingResult).task, (number.result as TrainingResult).parity.flips], ['regression', 0])
    const classes = await w.train({ dataset: 'customers', target: 'plan', ...quick })
    assert.equal(classes.state, 'succeeded', JSON.stringify(classes.failure))
    assert.equal((classes.result as TrainingResult).task, 'multiclass')
    const model = await w.ask('GET', `/v1/models/${encodeURIComponent('customers plan')}`)
    assert.deepEqual(model.latest.signature.classes.length, 3)
  })

  test('previews steps and suggests some', async () => {
    const steps = [
      { step: 'impute', columns: ['minutes'], strategy: 'median' },
      { step: 'one_hot', columns: ['plan'] },
    ]
    const preview = await w.ask('POST', '/v1/recipes/preview', { dataset: 'customers', target: 'churn', steps, rows: 30 })
    assert.deepEqual([preview.before.rows.length, preview.perStep.length], [30, 2])
    const minutes = (part: any) => part.rows.map((row: unknown[]) => row[part.columns.indexOf('minutes')])
    assert.ok(minutes(preview.before).includes(null) && !minutes(preview.after).includes(null))
    assert.ok(preview.after.columns.some((name: string) => name.startsWith('plan=')))
    const suggestion = await w.ask('POST', '/v1/recipes/suggest', { dataset: 'customers', target: 'churn' })
    assert.ok(suggestion.steps.length > 0 && suggestion.reasons.length === suggestion.steps.length, JSON.stringify(suggestion))
    const refused = await w.call('POST', '/v1/recipes/preview', {
      body: { dataset: 'customers', steps: [{ step: 'derive', name: 'x', expression: 'minutes +' }] },
    })
    assert.deepEqual([refused.status, refused.json.error.code], [400, 'invalid_input'], refused.text)
  })

  describe('refuses what cannot be trained, before a job exists', () => {
    const base = { dataset: 'customers', target: 'churn' }
    for (const [name, change, said] of [
      ['a target that is not there', { target: 'chrun' }, /no column "chrun".*Did you mean "churn"\?/],
      ['a target of dates or keys', { target: 'town', metric: 'rmse' }, /RMSE does not fit the target "town"/],
      ['a positive class that does not occur', { positive: 'maybe' }, /never "maybe"/],
      ['an algorithm of another task', { algorithms: ['ridge'] }, /Ridge regression cannot do a binary task/],
      [
        'a recipe on a column that is not there',
        { recipe: { steps: [{ step: 'impute', columns: ['minuts'] }] } },
        /Step 1 \(impute\): there is no column "minuts".*"minutes"/,
      ],
      ['a recipe on the target', { recipe: { steps: [{ step: 'one_hot', columns: ['churn'] }] } }, /"churn" is the target/],
      ['a step that is not there', { recipe: { steps: [{ step: 'imput' }] } }, /Did you mean "impute"/],
      ['a recipe that is not there', { recipe: 'none such' }, /no recipe "none such"/],
      ['a goal that is not there', { goal: 'none such' }, /no goal "none such"/],
      ['a search space of no algorithm', { search: { space: { lightgmb: {} } } }, /Did you mean "lightgbm"/],
      [
        'a search space that goes downwards',
        { search: { space: { lightgbm: { num_leaves: { int: [9, 3] } } } } },
        /must go upwards/,
      ],
      ['a warm start from nothing', { search: { warmStartFrom: 'srch_none' } }, /no search "srch_none"/],
      ['resampling of numbers', { target: 'age', imbalance: 'smote' }, /a regression task has none/],
      ['a data set that is not there', { dataset: 'none such' }, /no data set "none such"/],
    ] as const)
      test(name, async () => {
        const before = (await w.ask('GET', '/v1/jobs?kind=training&limit=100')).items.length
        const runs = (await w.ask('GET', '/v1/runs?limit=100')).items.length
        const reply = await w.call('POST', '/v1/training-jobs', { body: { ...base, ...change } })
        assert.ok(reply.status >= 400 && reply.status < 500, String(reply.status))
        assert.match(reply.json.error.message, said)
        assert.equal((await w.ask('GET', '/v1/jobs?kind=training&limit=100')).items.length, before)
        assert.equal((await w.ask('GET', '/v1/runs?limit=100')).items.length, runs)
      })

    test('a model of that name that predicts something else', async () => {
      const reply = await w.call('POST', '/v1/training-jobs', { body: { dataset: 'customers', target: 'plan', model: 'churn' } })
      assert.match(reply.json.error.message, /model "churn" predicts "churn" \(binary\), not "plan"/)
    })

    test('a model or an experiment of that name which the caller may not see', async () => {
      const { token } = await w.person('Bob', 'editor')
      for (const [noun, field] of [
        ['models', 'model'],
        ['experiments', 'experiment'],
      ] as const) {
        await w.ask('PATCH', `/v1/${noun}/churn`, { visibility: 'private' })
        const body = { ...base, ...quick, model: 'bobs', [field]: 'churn' }
        const reply = await w.call('POST', '/v1/training-jobs', { token, body })
        await w.ask('PATCH', `/v1/${noun}/churn`, { visibility: 'team' })
        assert.equal(reply.json.error?.code, 'conflict', reply.text)
        assert.match(reply.json.error.message, /to which you may not add/)
      }
    })

    test('a request that contradicts its goal', async () => {
      const reply = await w.call('POST', '/v1/training-jobs', {
        body: { dataset: 'customers', goal: goal.id, metric: 'roc_auc' },
      })
      assert.match(reply.json.error.message, /says metric "f1", the request "roc_auc"/)
    })
  })

  test('estimates before it starts, and makes nothing for that', async () => {
    const jobs = (await w.ask('GET', '/v1/jobs?limit=200')).items.length
    const estimate = await w.ask('POST', '/v1/training-jobs/estimate', { dataset: 'customers', goal: goal.id })
    assert.ok(estimate.seconds.low > 0 && estimate.seconds.high >= estimate.seconds.low && estimate.basis.length > 10)
    assert.equal((await w.ask('GET', '/v1/jobs?limit=200')).items.length, jobs)
  })

  test('a cancelled job leaves a cancelled run and no version', async () => {
    const { job, run } = await w.ask('POST', '/v1/training-jobs', {
      dataset: 'customers',
      goal: goal.id,
      search: { budgetSeconds: 300 },
      model: 'never',
    })
    while ((await w.ask('GET', `/v1/searches/${job.id}`)).trials.length === 0)
      await new Promise((resolve) => setTimeout(resolve, 100))
    await w.ask('POST', `/v1/jobs/${job.id}/cancel`)
    assert.equal((await w.ended(job.id)).state, 'cancelled')
    const left = await w.ask('GET', `/v1/runs/${run}`)
    assert.deepEqual([left.state, left.message], ['cancelled', 'The job was cancelled.'])
    assert.equal((await w.call('GET', '/v1/models/never')).status, 404)
    const sealed = (await audited('datasets.open-sealed')).filter((entry) => entry.facts.job === job.id)
    assert.equal(sealed.length, 0, 'the sealed rows stayed sealed')
  })

  test('a job that fails says why in its run', async () => {
    // Every category is dropped: what is left cannot feed this step, which only the engine can see.
    const steps = [
      { step: 'keep_columns', columns: ['town'] },
      { step: 'drop_columns', columns: ['town'] },
    ]
    const job = await w.train({ dataset: 'customers', goal: goal.id, ...quick, recipe: { steps }, model: 'never' })
    assert.equal(job.state, 'failed')
    const run = await w.ask('GET', `/v1/runs/${job.run}`)
    assert.deepEqual([run.state, run.message], ['failed', job.failure!.message])
    assert.ok(run.message.length > 10)
    assert.equal((await w.call('GET', '/v1/models/never')).status, 404)
  })

  test('names every byte that it stored: nothing is left over, and nothing that is needed would be collected', async () => {
    const { blobs, blobsInUse } = w.platform
    let before = 0
    for await (const _ of blobs.list()) before++
    assert.ok(before > 10, `${before} blobs`)
    const freed = await collectUnused({ blobs, inUse: blobsInUse }, { now: Date.now() + 2 * unusedForMs })
    assert.equal(freed.blobs, 0)
    for (const file of first.version.manifest.files) assert.ok(await blobs.stat(file.sha256), file.path)
  })
})
