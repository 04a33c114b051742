import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type TrainingWorld, trainingWorld } from './training-world.ts'

/** A forecast through the whole product: time split, rolling origins, sealed period, proof, endpoint. */

function visits(days: number): string {
  let state = 7
  const random = () => {
    state = (state * 48271) % 2147483647
    return state / 2147483647
  }
  const lines = ['day,visits,event']
  for (let i = 0; i < days; i++) {
    const event = random() < 0.1 ? 1 : 0
    const value = 80 + 25 * Math.sin((2 * Math.PI * i) / 7) + 0.05 * i + 12 * event + 4 * (random() - 0.5)
    lines.push(`${new Date(Date.UTC(2021, 0, 1 + i)).toISOString().slice(0, 10)},${value.toFixed(3)},${event}`)
  }
  return `${lines.join('\n')}\n`
}

describe('forecasts', () => {
  let w: TrainingWorld
  let result: any
  before(async () => {
    w = await trainingWorld()
    await w.addTable('visits', visits(420))
  })
  after(() => w?.close())

  test('are trained on the past, judged over the sealed end and proven', async () => {
    const job = await w.train({
      dataset: 'visits',
      target: 'visits',
      task: 'forecast',
      metric: 'mase',
      algorithms: ['exponential_smoothing', 'forecast_boosting'],
      options: { horizon: 7, knownColumns: ['event'] },
      search: { strategy: 'none', space: { forecast_boosting: { n_estimators: 60, min_data_in_leaf: 10 } } },
      model: 'visits ahead',
    })
    assert.equal(job.state, 'succeeded', JSON.stringify(job.failure))
    result = job.result
    assert.equal(result.served, 'onnx')
    assert.equal(result.parity.flips, 0)
    assert.ok(result.parity.rows >= 1000)
    assert.ok(result.test.mase.value < result.baseline.mase, `${result.test.mase.value} against ${result.baseline.mase}`)
    const version = await w.ask('GET', `/v1/models/${result.modelId}/versions/1`)
    assert.equal(version.task, 'forecast')
    const details = await w.ask('GET', `/v1/models/${result.modelId}/versions/1/details`)
    const { series, byStep } = details.evaluation.forecast
    assert.equal(byStep.length, 7)
    assert.ok(
      series[0].forecast.every((point: any) => point.time > series[0].sealedSince),
      'only sealed values are forecast',
    )
    const split = await w.ask('GET', `/v1/splits/${version.split}`)
    assert.equal(split.kind, 'time')
  })

  test('answer at an endpoint with values and an interval', async () => {
    await w.ask('POST', `/v1/models/${result.modelId}/versions/1/promote`, { to: 'approved' })
    await w.ask('POST', '/v1/endpoints', { name: 'ahead', model: 'visits ahead:1' })
    const version = await w.ask('GET', `/v1/models/${result.modelId}/versions/1`)
    const row = Object.fromEntries(
      version.signature.inputs.map((input: any) => [
        input.name,
        input.type === 'datetime' ? '2022-03-01T00:00:00Z' : input.name.startsWith('lag_') ? 80 : 0,
      ]),
    )
    let answer = await w.call('POST', '/v1/endpoints/ahead/predict', { body: { rows: [row] } })
    for (let tries = 0; answer.status === 503 && tries < 100; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 100))
      answer = await w.call('POST', '/v1/endpoints/ahead/predict', { body: { rows: [row] } })
    }
    const [one] = answer.json.predictions
    assert.equal(one.values.length, 7, answer.text)
    assert.equal(one.outputs.low_80.length, 7)
    for (let k = 0; k < 7; k++) assert.ok(one.outputs.low_80[k] <= one.values[k] && one.values[k] <= one.outputs.high_80[k])
  })

  test('what cannot be forecast is refused before a job exists, or by the job in a sentence', async () => {
    const refused = await w.call('POST', '/v1/training-jobs', {
      body: { dataset: 'visits', target: 'visits', task: 'forecast', metric: 'f1' },
    })
    assert.equal(refused.status, 400)
    assert.match(refused.text, /does not fit a forecast task/)
    const job = await w.train({ dataset: 'visits', target: 'visits', task: 'forecast', options: { horizon: 'soon' } })
    assert.equal(job.state, 'failed')
    assert.match(job.failure!.message, /option horizon is 'soon'/)
  })
})
