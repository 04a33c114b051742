import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type ExampleWorld, exampleWorld, rowsOf } from './example-world.ts'

const quick = { search: { strategy: 'none' as const } }

/** The middle rows of a table, and the same with one number scaled: a month that is no longer like the others. */
function shifted(csv: string, column: string, by: (value: number) => number): string {
  const [header, ...lines] = csv.trim().split('\n')
  const at = header!.split(',').indexOf(column)
  return `${[
    header,
    ...lines.map((line) =>
      line
        .split(',')
        .map((cell, i) => (i === at && cell !== '' ? by(Number(cell)) : cell))
        .join(','),
    ),
  ].join('\n')}\n`
}

describe('three classes, from the table to the monitor', () => {
  let w: ExampleWorld
  let csv: string
  let trained: Awaited<ReturnType<ExampleWorld['trained']>>
  let endpoint: any

  before(async () => {
    w = await exampleWorld()
    csv = (await w.addExample('penguins', 'penguins.csv', 'Species')).csv
    const goal = await w.ask('POST', '/v1/goals', { dataset: 'penguins', target: 'Species', metric: 'accuracy', atLeast: 0.9 })
    assert.equal(goal.task, 'multiclass')
    trained = await w.trained({
      dataset: 'penguins',
      goal: goal.id,
      algorithms: ['logistic_regression'],
      ...quick,
      model: 'species',
    })
  })
  after(() => w?.close())

  test('every figure is the one that scikit-learn gives for the same predictions', async () => {
    const { figures, differ } = await w.recomputed(trained)
    assert.deepEqual(differ, [])
    assert.ok(figures > 60, String(figures))
  })

  test('the version is proven, meets its goal and says which class it takes for which', async () => {
    const { result, version } = trained
    assert.deepEqual([result.parity.flips, result.served, result.goal?.met], [0, 'onnx', true])
    assert.deepEqual(version.signature.classes, ['Adelie', 'Chinstrap', 'Gentoo'])
    const { evaluation } = await w.ask('GET', '/v1/models/species/versions/1/details')
    assert.equal(evaluation.confusion.matrix.flat().length, 9)
    assert.equal(evaluation.threshold, null)
  })

  test('it answers raw rows with a label and a probability for each class', async () => {
    endpoint = await w.deployed('species', 'species:1')
    const rows = rowsOf(csv, endpoint.signature.inputs)
    const { predictions } = await w.ask('POST', '/v1/endpoints/species/predict', { rows })
    const species = csv
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => line.split(',')[0])
    const right = predictions.filter((one: any, i: number) => one.label === species[i]).length
    assert.ok(right / species.length > 0.97, `${right} of ${species.length}`)
    for (const { label, probabilities } of predictions) {
      const values = Object.values(probabilities) as number[]
      assert.ok(Math.abs(values.reduce((a, b) => a + b) - 1) < 1e-5)
      assert.equal(probabilities[label], Math.max(...values))
    }
  })

  test('a monitor is quiet on what it learnt from and names the column that moved', async () => {
    const monitor = await w.ask('POST', '/v1/monitors', { endpoint: 'species', minimumRows: 100 })
    const captured = await w.drift(monitor.id)
    assert.equal(captured.state, 'quiet', captured.sentence)
    assert.ok(captured.columns.some((column: any) => column.column === 'predicted class' && column.kind === 'prediction'))
    await w.addTable(
      'heavy',
      shifted(csv, 'Body Mass (g)', (grams) => grams * 1.3),
      'Species',
    )
    const report = await w.drift(monitor.id, 'heavy')
    assert.equal(report.state, 'alert', report.sentence)
    assert.equal(report.columns.find((column: any) => column.column === 'Body Mass (g)').state, 'alert')
  })
})

describe('a number, divided by time, from the table to the monitor', () => {
  let w: ExampleWorld
  let csv: string
  let later: string
  let trained: Awaited<ReturnType<ExampleWorld['trained']>>

  before(async () => {
    w = await exampleWorld()
    csv = (await w.addExample('ridership', 'chicago_ridership.csv', 'ridership')).csv
    later = `${csv.trim().split('\n').slice(0, -200).join('\n')}\n`
    const split = await w.ask('POST', '/v1/splits', {
      dataset: 'ridership',
      target: 'ridership',
      kind: 'time',
      timeColumn: 'date',
    })
    const goal = await w.ask('POST', '/v1/goals', {
      dataset: 'ridership',
      target: 'ridership',
      metric: 'mae',
      atMost: 2,
      split: split.id,
    })
    assert.deepEqual([goal.task, goal.positive, goal.split], ['regression', null, split.id])
    trained = await w.trained({ dataset: 'ridership', goal: goal.id, algorithms: ['lightgbm'], ...quick, model: 'riders' })
  })
  after(() => w?.close())

  test('every figure is the one that scikit-learn gives for the same predictions', async () => {
    const { figures, differ } = await w.recomputed(trained)
    assert.deepEqual(differ, [])
    assert.ok(figures > 20, String(figures))
  })

  test('it beats the mean by far on later days, and meets its goal', () => {
    const { result } = trained
    assert.deepEqual([result.task, result.parity.flips, result.served], ['regression', 0, 'onnx'])
    assert.ok(result.test.r2!.value > 0.75, JSON.stringify(result.test))
    assert.ok(result.test.mae!.value < result.baseline.mae! / 2, JSON.stringify([result.test.mae, result.baseline.mae]))
    assert.match(result.goal!.sentence, /^MAE is .* the goal of at most 2 is met/)
  })

  test('the sealed rows are the latest days', async () => {
    const split = await w.ask('GET', `/v1/splits/${trained.version.split}`)
    assert.deepEqual([split.kind, split.timeColumn], ['time', 'date'])
    const { rows, columns } = await w.ask('GET', '/v1/datasets/ridership/rows?limit=1&sort=-date')
    assert.equal(rows.length, 1)
    assert.match(String(rows[0][columns.indexOf('date')]), /^2016-08-28/)
    const { text } = await w.call('GET', '/v1/models/riders/versions/1/card')
    assert.match(text, /ridership/)
    assert.doesNotMatch(text, /threshold of/i)
  })

  test('a later version of the data is divided by time too', async () => {
    const upload = await w.ask('POST', '/v1/uploads', { filename: 'later.csv', sizeBytes: Buffer.byteLength(later) })
    await w.call('PUT', `/v1/uploads/${upload.id}?offset=0`, {
      body: later,
      headers: { 'content-type': 'application/octet-stream' },
    })
    const { version, job } = await w.ask('POST', '/v1/datasets/ridership/versions', { source: { upload: upload.id } })
    assert.equal((await w.ended(job)).state, 'succeeded')
    const again = await w.trained({
      dataset: 'ridership',
      version: version.id,
      goal: trained.version.goal,
      algorithms: ['ridge'],
      ...quick,
      model: 'riders',
    })
    const split = await w.ask('GET', `/v1/splits/${again.version.split}`)
    assert.deepEqual([split.kind, split.timeColumn, split.version], ['time', 'date', version.id])
  })

  test('it answers raw rows with a value', async () => {
    const endpoint = await w.deployed('riders', 'riders:1')
    const rows = rowsOf(csv, endpoint.signature.inputs)
    const { predictions } = await w.ask('POST', '/v1/endpoints/riders/predict', { rows })
    const truth = csv
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => Number(line.split(',')[1]))
    const error =
      predictions.reduce((sum: number, one: any, i: number) => sum + Math.abs(one.value - truth[i]!), 0) / truth.length
    assert.ok(error < 1.5, String(error))
    assert.equal(predictions[0].label, undefined)
  })

  test('a monitor watches the predicted value too', async () => {
    const monitor = await w.ask('POST', '/v1/monitors', { endpoint: 'riders', minimumRows: 100 })
    await w.addTable(
      'hot',
      shifted(csv, 'temp', (degrees) => degrees + 40),
      'ridership',
    )
    const report = await w.drift(monitor.id, 'hot')
    assert.equal(report.state, 'alert', report.sentence)
    assert.equal(report.columns.find((column: any) => column.column === 'temp')?.state, 'alert')
    const captured = await w.drift(monitor.id)
    assert.ok(
      captured.columns.some((column: any) => column.column === 'predicted value'),
      captured.sentence,
    )
  })
})
