import assert from 'node:assert/strict'
import { after, before, type TestContext, test } from 'node:test'
import type { TrainingResult } from '../../src/domains/training/schema.ts'
import { type ExampleWorld, exampleWorld, rowsOf } from './example-world.ts'

/** What Atoll reaches on real tables, with the sealed rows opened once; every figure recomputed by scikit-learn. */

let w: ExampleWorld
before(async () => {
  w = await exampleWorld()
})
after(() => w?.close())

type Trained = Awaited<ReturnType<ExampleWorld['trained']>>

async function reach(
  t: TestContext,
  table: [name: string, file: string, target: string],
  goal: object,
  search: object,
): Promise<Trained & { csv: string }> {
  const [name, file, target] = table
  const { csv } = await w.addExample(name, file, target)
  const { id } = await w.ask('POST', '/v1/goals', { dataset: name, target, ...goal })
  const trained = await w.trained({ dataset: name, goal: id, search, model: name })
  const { figures, differ } = await w.recomputed(trained)
  assert.deepEqual(differ, [], 'scikit-learn says the same of the same predictions')
  assert.ok(figures > 40, String(figures))
  show(t, trained.result)
  return { ...trained, csv }
}

/** The figures, for whoever reads the log of the tests. */
function show(t: TestContext, { algorithm, validation, test, parity }: TrainingResult): void {
  const one = (name: string) =>
    test[name] &&
    `${name} ${validation[name]?.toFixed(4)}, sealed ${test[name].value.toFixed(4)} [${test[name].low.toFixed(4)}, ${test[name].high.toFixed(4)}]`
  const figures = ['f1', 'roc_auc', 'accuracy', 'mae', 'r2'].map(one).filter(Boolean)
  t.diagnostic(`${algorithm}: ${figures.join('; ')}; ${parity.flips} flips in ${parity.rows} rows`)
}

/** The sealed test must not contradict cross-validation. */
function covers({ test, validation }: TrainingResult, metric: string): void {
  const { low, high } = test[metric]!
  assert.ok(
    low <= validation[metric]! && validation[metric]! <= high,
    `${metric}: ${validation[metric]} is not in ${low} to ${high}`,
  )
}

test('churners of mlc_churn: sealed F1 of at least 0.88, not a label flipped, and it answers over HTTP', async (t) => {
  const { result, csv } = await reach(
    t,
    ['churn', 'mlc_churn.csv', 'churn'],
    { positive: 'yes', metric: 'f1', atLeast: 0.85, costFalsePositive: 1, costFalseNegative: 5 },
    { budgetSeconds: 60 },
  )
  assert.ok(result.test.f1!.value >= 0.88, JSON.stringify(result.test.f1))
  assert.equal(result.goal?.met, true)
  covers(result, 'f1')
  covers(result, 'roc_auc')
  assert.ok(result.parity.rows >= 1000 && result.parity.flips === 0 && result.served === 'onnx', JSON.stringify(result.parity))
  const { parity } = await w.ask('GET', '/v1/models/churn/versions/1')
  assert.ok(parity.heldOutRows >= 1000 && parity.injectedRows >= 400, JSON.stringify(parity))
  const { signature } = await w.deployed('churn', 'churn:1')
  const rows = rowsOf(csv, signature.inputs)
  const { predictions } = await w.ask('POST', '/v1/endpoints/churn/predict', { rows })
  assert.equal(predictions.length, 5000)
  const churners = predictions.filter((one: any) => one.label === 'yes').length
  assert.ok(churners > 500 && churners < 900, String(churners))
})

test('churners of Telco: AUC of at least 0.84 and F1 about 0.6; a goal of 0.85 is said not to be met', async (t) => {
  const { result } = await reach(
    t,
    ['telco', 'telco_churn.csv', 'churn'],
    { positive: 'Yes', metric: 'f1', atLeast: 0.85 },
    { budgetSeconds: 60 },
  )
  assert.ok(result.validation.roc_auc! >= 0.84, String(result.validation.roc_auc))
  assert.ok(result.validation.f1! > 0.58 && result.validation.f1! < 0.67, String(result.validation.f1))
  covers(result, 'f1')
  covers(result, 'roc_auc')
  assert.match(result.goal!.sentence, /the goal of at least 0\.85 is not met, it is off by 0\.2/)
  const { status, json } = await w.call('POST', '/v1/models/telco/versions/1/promote', { body: { to: 'approved' } })
  assert.deepEqual([status, json.error.code], [412, 'precondition_failed'])
})

test('bad loans of German credit: cross-validated ROC AUC of at least 0.77', async (t) => {
  const { result } = await reach(
    t,
    ['german-credit', 'german_credit.csv', 'class'],
    { positive: 'bad', metric: 'roc_auc', atLeast: 0.77 },
    { budgetSeconds: 60 },
  )
  assert.ok(result.validation.roc_auc! >= 0.77, String(result.validation.roc_auc))
  covers(result, 'roc_auc')
})

test('three species of penguins: accuracy of at least 0.97', async (t) => {
  const { result } = await reach(
    t,
    ['penguins', 'penguins.csv', 'Species'],
    { metric: 'accuracy', atLeast: 0.97 },
    { trials: 20 },
  )
  assert.equal(result.task, 'multiclass')
  assert.ok(result.validation.accuracy! >= 0.97, String(result.validation.accuracy))
  assert.ok(result.test.accuracy!.value >= 0.97, JSON.stringify(result.test.accuracy))
  covers(result, 'accuracy')
})

test('riders of the next days: the mean is beaten threefold', async (t) => {
  await w.addExample('ridership', 'chicago_ridership.csv', 'ridership')
  const { id: split } = await w.ask('POST', '/v1/splits', { dataset: 'ridership', target: 'ridership', timeColumn: 'date' })
  const goal = await w.ask('POST', '/v1/goals', { dataset: 'ridership', target: 'ridership', metric: 'mae', atMost: 2, split })
  const trained = await w.trained({ dataset: 'ridership', goal: goal.id, search: { budgetSeconds: 60 }, model: 'riders' })
  const { result } = trained
  assert.deepEqual((await w.recomputed(trained)).differ, [])
  show(t, result)
  assert.ok(result.test.mae!.value < result.baseline.mae! / 3, JSON.stringify([result.test.mae, result.baseline.mae]))
  assert.deepEqual([result.goal?.met, result.parity.flips], [true, 0])
})
