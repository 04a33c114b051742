import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type TrainingWorld, trainingWorld } from './training-world.ts'

/** Language models through the whole product: from nothing, an adapter on it, the file proven in Node, an endpoint that writes. */

const foods = { cow: 'grass', cat: 'fish', hen: 'corn', bear: 'honey' }
const places = ['barn', 'field', 'garden', 'wood', 'house']

function documents(rows: number): string {
  let state = 11
  const pick = <T>(values: readonly T[]): T => {
    state = (state * 48271) % 2147483647
    return values[state % values.length]!
  }
  const sentence = () => {
    const [animal, food] = pick(Object.entries(foods))
    return `The ${animal} is in the ${pick(places)} and eats ${food}.`
  }
  return `text,kind\n${Array.from({ length: rows }, () => `${sentence()} ${sentence()} ${sentence()},x`).join('\n')}\n`
}

function questions(rows: number): string {
  const lines = ['prompt,completion']
  for (let i = 0; i < rows; i++) {
    const [animal, food] = Object.entries(foods)[i % 4]!
    lines.push(`What does the ${animal} in the ${places[(i * 7) % 5]} number ${i} eat?," ${food}"`)
  }
  return `${lines.join('\n')}\n`
}

const small = { vocabulary: 400, width: 64, layers: 2, heads: 4, maxLength: 96, textColumn: 'text' }

describe('language models', () => {
  let w: TrainingWorld
  let base: any
  let tuned: any
  before(async () => {
    w = await trainingWorld()
    await w.addTable('farm', documents(160))
    await w.addTable('questions', questions(120))
  })
  after(() => w?.close())

  test('begin from nothing, beat the shares of tokens, and write in Node as in training', { timeout: 900_000 }, async () => {
    const job = await w.train({
      dataset: 'farm',
      task: 'generation',
      algorithms: ['llm_pretrain'],
      options: { ...small, epochs: 10, learningRate: 0.005 },
      model: 'farm talk',
    })
    assert.equal(job.state, 'succeeded', JSON.stringify(job.failure))
    base = job.result
    assert.equal(base.served, 'gguf')
    assert.equal(base.parity.flips, 0)
    assert.ok(base.parity.rows > 0)
    assert.ok(base.test.perplexity.high < 0.5 * base.baseline.perplexity)
  })

  test('go on from an earlier version with an adapter, and are judged beside it', { timeout: 900_000 }, async () => {
    const job = await w.train({
      dataset: 'questions',
      task: 'generation',
      algorithms: ['llm_lora'],
      options: { base: 'farm talk', epochs: 8, learningRate: 0.005, gguf: 'f16' },
      model: 'farm answers',
    })
    assert.equal(job.state, 'succeeded', JSON.stringify(job.failure))
    tuned = job.result
    assert.equal(tuned.served, 'gguf')
    const details = await w.ask('GET', `/v1/models/${tuned.modelId}/versions/1/details`)
    assert.ok(details.evaluation.paired.high < 0, details.evaluation.paired.sentence)
    const run = await w.ask('GET', `/v1/runs/${job.run}`)
    assert.deepEqual(
      run.inputs.filter((one: any) => one.kind === 'model-version').map((one: any) => one.name),
      ['farm talk:1'],
    )
    const version = await w.ask('GET', `/v1/models/${tuned.modelId}/versions/1`)
    const files = version.manifest.files.map((one: any) => one.path)
    for (const file of ['model.gguf', 'model.safetensors', 'lora.safetensors', 'tokenizer.json', 'config.json'])
      assert.ok(files.includes(file), file)
  })

  test('answer at an endpoint without Python', { timeout: 300_000 }, async () => {
    await w.ask('POST', `/v1/models/${tuned.modelId}/versions/1/promote`, { to: 'approved' })
    await w.ask('POST', '/v1/endpoints', { name: 'farmer', model: 'farm answers:1' })
    const body = { rows: [{ prompt: 'What does the cow in the barn number 3 eat?' }] }
    let answer = await w.call('POST', '/v1/endpoints/farmer/predict', { body })
    for (let tries = 0; answer.status === 503 && tries < 300; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 100))
      answer = await w.call('POST', '/v1/endpoints/farmer/predict', { body })
    }
    assert.equal(answer.status, 200, answer.text)
    assert.equal(typeof answer.json.predictions[0].text, 'string')
  })

  test('refuse to begin with what is no language model, or is not there', async () => {
    const ask = (options: object) =>
      w.call('POST', '/v1/training-jobs', {
        body: { dataset: 'questions', task: 'generation', algorithms: ['llm_lora'], options },
      })
    assert.match((await ask({ base: 'nobody' })).text, /There is no set of weights, or trained language model, .*nobody/)
    assert.match((await ask({ base: 'farm talk', weights: 'x' })).text, /begins with once/)
  })
})
