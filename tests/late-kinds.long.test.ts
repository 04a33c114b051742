/** Every kind of model asked later, over tables and inside pipelines: what writes, what hears, what runs in Python, what answers elsewhere. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer, text } from 'node:stream/consumers'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { pack } from 'tar-stream'
import type { Signature } from '../src/domains/registry/schema.ts'
import { alphabetModel } from '../src/ports/language/testing.ts'
import { pdfOf } from '../src/ports/media/documents/testing.ts'
import { picture, tone, zipOf } from '../src/ports/media/testing.ts'
import { type ModelWorld, modelWorld } from './model-world.ts'

const turnsFixture = new URL('../src/ports/inference/fixtures/turns/', import.meta.url)
const recordings: { file: string; turns: { usual: unknown[] } }[] = JSON.parse(
  readFileSync(new URL('recordings.json', turnsFixture), 'utf8'),
)
const voices: Signature = JSON.parse(readFileSync(new URL('signature.json', turnsFixture), 'utf8'))
const example = 0
const photos: Signature = {
  ...voices,
  turns: undefined,
  task: 'multilabel',
  classes: ['red', 'green', 'blue'],
  thresholds: [0.2, 0.2, 0.9],
  outputs: undefined,
  inputs: [{ name: 'photo', type: 'image', tensor: 'image', index: 0, nullable: false, size: [8, 8], channels: 3, example }],
}
const rules = `
import os
def predict(rows):
    if (rows["age"] == 13).any():
        raise ValueError("nobody is thirteen")
    return rows["age"] * 2
`

describe('models of every kind', () => {
  let w: ModelWorld
  let far: ReturnType<typeof createServer>
  let asked = 0
  before(async () => {
    far = createServer(async (request, response) => {
      const body = JSON.parse((await text(request)) || '{}')
      asked++
      const predictions = (body.rows ?? []).map(({ price }: { price: number }) => ({ value: price + 1 }))
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ predictions }))
    })
    await new Promise<void>((resolve) => far.listen(0, '127.0.0.1', resolve))
    const host = `127.0.0.1:${(far.address() as AddressInfo).port}`
    // Hosts on this machine are for whoever starts the server to name.
    const traces = { url: `http://${host}/`, headers: {}, timeoutMs: 1000, resource: {}, ratio: 0, followsParent: false }
    w = await modelWorld({ traces })
    await w.platform.startServing()
    await w.ask('PATCH', '/v1/settings', { outboundHosts: [host] })
    await w.ask('POST', '/v1/imports/external', {
      name: 'far',
      url: `http://${host}/predict`,
      protocol: 'http',
      task: 'regression',
      inputs: [{ name: 'price', type: 'number', nullable: false }],
    })
    await w.register('voices', { graph: 'turns/model', signature: voices })
    await bring('letters', alphabetModel(), { licence: 'cc0' })
    await bring('vectors', alphabetModel({ pooling: 1 }), { licence: 'cc0' })
    const tar = pack()
    tar.entry({ name: 'predict.py' }, rules)
    tar.finalize()
    const ages = `age\n${Array.from({ length: 20 }, (_, i) => 30 + i).join('\n')}\n`
    await bring('rules', await buffer(tar), { task: 'regression', sample: { upload: await w.upload('ages.csv', ages) } })
    for (const name of ['far', 'voices', 'letters', 'vectors', 'rules'])
      await w.ask('POST', '/v1/endpoints', { name, model: name })
  })
  after(async () => {
    await w?.close()
    far.close()
  })

  async function bring(name: string, bytes: Buffer, body: object): Promise<void> {
    const { job } = await w.ask('POST', '/v1/imports', { name, source: { upload: await w.upload(name, bytes) }, ...body })
    const { state, failure } = await w.ended(job)
    assert.equal(state, 'succeeded', JSON.stringify(failure))
  }

  async function transform(body: Record<string, unknown>): Promise<{ done: any; rows: any[] }> {
    const made = await w.ask('POST', '/v1/transforms', { output: { format: 'jsonl' }, ...body })
    await w.ended(made.job)
    const done = await w.ask('GET', `/v1/transforms/${made.id}`)
    if (done.state !== 'succeeded') return { done, rows: [] }
    const lines = (await w.call('GET', `/v1/transforms/${made.id}/result`)).text.trim().split('\n')
    return { done, rows: lines.map((line) => JSON.parse(line)) }
  }

  async function later(endpoint: string, body: object | Buffer, contentType = 'application/json'): Promise<any> {
    const reply = await fetch(`${w.server.url}/v1/endpoints/${endpoint}/invocations`, {
      method: 'POST',
      headers: { authorization: `Bearer ${w.token}`, 'content-type': contentType },
      body: Buffer.isBuffer(body) ? (body as Uint8Array<ArrayBuffer>) : JSON.stringify(body),
    })
    assert.equal(reply.status, 202, await reply.clone().text())
    const { id } = (await reply.json()) as { id: string }
    for (;;) {
      const one = await w.ask('GET', `/v1/invocations/${id}`)
      if (one.state !== 'queued' && one.state !== 'running') return one
      await sleep(30)
    }
  }

  const predict = async (endpoint: string, rows: object[]) =>
    (await w.ask('POST', `/v1/endpoints/${endpoint}/predict`, { rows })).predictions
  const bare = ({ id: _, ...rest }: any) => rest

  test('a language model: by a template over the rows, later, and as a step', { timeout: 120_000 }, async () => {
    const csv = 'id,word,more\n1,ab,x\n2,abc,\n3,xyz{{more}},z\n'
    const { done, rows } = await transform({
      model: 'letters',
      input: { upload: await w.upload('words.csv', csv) },
      prompt: 'go {{more}} on {{ word }}',
      generation: { maxTokens: 4 },
      onBad: 'null',
      keep: ['id'],
    })
    assert.equal(done.state, 'succeeded', done.failure)
    const [first] = await predict('letters', [{ prompt: 'go x on ab' }])
    assert.equal(rows[0].predicted_text, first.text.slice(0, rows[0].predicted_text.length))
    assert.equal(rows[0].predicted_tokens, 4)
    assert.match(rows[1].predicted_error, /Column "more" is missing, and the prompt needs it/)
    assert.equal(rows[2].predicted_finish_reason, 'length')
    for (const [prompt, words] of [
      ['nothing', /names no column/],
      ['{{nope}}', /no column "nope"/],
    ] as const) {
      const refused = await transform({ model: 'letters', input: { upload: await w.upload('words.csv', csv) }, prompt })
      assert.match(refused.done.failure, words)
    }
    const spoken = await transform({
      model: 'letters',
      input: { upload: await w.upload('words.csv', csv) },
      prompt: { system: 'Letters.', user: '{{word}}' },
      generation: { maxTokens: 3 },
    })
    // Whether a model converses is its own; where it has no template it says so.
    assert.ok(spoken.done.state === 'succeeded' || /template|conversation|chat/i.test(spoken.done.failure), spoken.done.failure)

    const one = await later('letters', { rows: [{ prompt: 'abc' }], generation: { maxTokens: 5 } })
    assert.equal(one.state, 'succeeded', JSON.stringify(one.failure))
    const now = await w.ask('POST', '/v1/endpoints/letters/predict', { rows: [{ prompt: 'abc' }], generation: { maxTokens: 5 } })
    assert.equal(one.result.predictions[0].text, now.predictions[0].text)

    const pipeline = {
      inputs: [{ name: 'who', type: 'text' }],
      steps: [
        { name: 'asked', compute: { question: 'concat("after ", who)' } },
        { name: 'written', model: 'letters', inputs: { prompt: 'question' } },
        { name: 'meaning', model: 'vectors', inputs: { text: 'written.text' } },
      ],
      output: { from: 'written', columns: {} },
    }
    const made = await w.call('POST', '/v1/pipelines', { body: { name: 'writes', pipeline } })
    assert.equal(made.status, 201, made.text)
    await w.ask('POST', '/v1/endpoints', { name: 'writes', model: 'writes' })
    const [said] = await predict('writes', [{ who: 'abc' }])
    assert.equal(typeof said.text, 'string')
    const inRows = await transform({ model: 'writes', input: { upload: await w.upload('who.csv', 'who\nabc\n') } })
    assert.equal(inRows.rows[0]?.predicted_text, said.text, inRows.done.failure)
    assert.equal((await later('writes', { rows: [{ who: 'abc' }] })).result.predictions[0].text, said.text)
  })

  test('vectors of documents, page by page', { timeout: 60_000 }, async () => {
    const archive = zipOf([
      { name: 'a.pdf', content: pdfOf(['abc', 'bcd']) },
      { name: 'b.md', content: 'abc' },
    ])
    const { done, rows } = await transform({
      endpoint: 'vectors',
      input: { upload: await w.upload('pages.zip', archive), documents: 'page' },
    })
    assert.equal(done.state, 'succeeded', done.failure)
    assert.deepEqual(
      rows.map(({ path, page }) => [path, page]),
      [
        ['a.pdf', 1],
        ['a.pdf', 2],
        ['b.md', null],
      ],
    )
    assert.equal(rows[0].predicted_vector, rows[2].predicted_vector)
    const one = await later('vectors', { rows: [{ text: 'abc' }] })
    assert.deepEqual(one.result.predictions[0].vector, JSON.parse(rows[0].predicted_vector))
  })

  test('who speaks when: a folder of recordings, one recording later', { timeout: 60_000 }, async () => {
    const files = recordings.map(({ file }) => Buffer.from(file, 'base64'))
    const archive = zipOf([
      ...files.map((content, i) => ({ name: `talk-${i}.wav`, content })),
      { name: 'silent.wav', content: tone(0) },
    ])
    const { done, rows } = await transform({
      model: 'voices',
      input: { upload: await w.upload('talks.zip', archive) },
      inputs: { clip: 'audio' },
      onBad: 'null',
    })
    assert.equal(done.state, 'succeeded', done.failure)
    assert.ok(
      done.result.notes.some((note: string) => note.includes('silent.wav')),
      JSON.stringify(done.result.notes),
    )
    for (const [i, { turns }] of recordings.entries()) assert.deepEqual(JSON.parse(rows[i].predicted_turns), turns.usual)
    const one = await later('voices', files[0]!, 'audio/wav')
    assert.equal(one.state, 'succeeded', JSON.stringify(one.failure))
    assert.deepEqual(one.result.predictions[0].turns, recordings[0]!.turns.usual)
    const pipeline = { inputs: [], steps: [{ name: 'talk', model: 'voices' }], output: { from: 'talk', columns: {} } }
    const refused = await w.call('POST', '/v1/pipelines', { body: { name: 'talks', pipeline } })
    assert.match(refused.text, /talk/)
  })

  test('a Python worker and a model that answers elsewhere', { timeout: 120_000 }, async () => {
    const csv = `age,price\n${Array.from({ length: 1200 }, (_, i) => `${i % 90},${i / 10}`).join('\n')}\n`
    const aged = await transform({ model: 'rules', input: { upload: await w.upload('t.csv', csv) }, onBad: 'null' })
    assert.equal(aged.done.state, 'succeeded', aged.done.failure)
    for (const [i, { age, predicted_value, predicted_error }] of aged.rows.entries())
      if (age === 13) assert.match(predicted_error, /nobody is thirteen/, `row ${i}`)
      else assert.equal(predicted_value, age * 2, `row ${i}`)
    const failed = await transform({ model: 'rules', input: { upload: await w.upload('t.csv', csv) } })
    assert.match(failed.done.failure, /^Row 13: .*nobody is thirteen/)
    const one = await later('rules', { rows: [{ age: 21 }] })
    assert.equal(one.result?.predictions[0].value, 42, JSON.stringify(one.failure))
    const wrong = await later('rules', { rows: [{ age: 13 }] })
    assert.deepEqual([wrong.state, wrong.attempt], ['failed', 1])

    const before = asked
    const priced = await transform({ model: 'far', input: { upload: await w.upload('t.csv', csv) } })
    assert.equal(priced.done.state, 'succeeded', priced.done.failure)
    assert.ok(priced.rows.every(({ price, predicted_value }) => Math.abs(predicted_value - price - 1) < 1e-4))
    console.log(`# 1,200 rows were asked elsewhere in ${asked - before} calls`)
    assert.equal((await later('far', { rows: [{ price: 2 }] })).result.predictions[0].value, 3)

    const pipeline = {
      inputs: [],
      steps: [
        { name: 'old', model: 'rules' },
        { name: 'cost', model: 'far' },
        { name: 'both', combine: { how: 'average', of: ['old', 'cost'] } },
      ],
      output: { from: 'both', columns: { cost: 'cost.value' } },
    }
    await w.ask('POST', '/v1/pipelines', { name: 'mixed', pipeline })
    await w.ask('POST', '/v1/endpoints', { name: 'mixed', model: 'mixed' })
    const [said] = await predict('mixed', [{ age: 20, price: 9 }])
    assert.deepEqual([said.value, said.outputs], [25, { cost: 10 }])
    assert.deepEqual(bare((await later('mixed', { rows: [{ age: 20, price: 9 }] })).result.predictions[0]).value, 25)
    const table = await transform({ endpoint: 'mixed', input: { upload: await w.upload('m.csv', 'age,price\n20,9\n') } })
    assert.deepEqual([table.rows[0]?.predicted_value, table.rows[0]?.predicted_cost], [25, 10], table.done.failure)
  })

  test('each kind sleeps, wakes for a request, and shares an endpoint with others', { timeout: 180_000 }, async () => {
    const photo = (await picture(1)).toString('base64')
    const clip = recordings[0]!.file
    const asks: Record<string, object> = {
      photos: { photo },
      voices: { clip },
      vectors: { text: 'abc' },
      letters: { prompt: 'abc' },
      rules: { age: 21 },
      writes: { who: 'abc' },
    }
    await w.register('photos', { graph: 'media/image', signature: photos, beside: ['preprocess.onnx'] })
    await w.ask('POST', '/v1/endpoints', { name: 'photos', model: 'photos' })
    const without = (predictions: any[]) => predictions.map(({ id: _, seconds: __, steps: ___, ...rest }) => rest)
    const answers: Record<string, any> = {}
    for (const [name, row] of Object.entries(asks)) answers[name] = without(await predict(name, [row]))
    for (const name of Object.keys(asks)) await w.ask('PUT', `/v1/endpoints/${name}/scaling`, { minWorkers: 0, idleSeconds: 1 })
    const told: string[] = []
    for (const [name, row] of Object.entries(asks)) {
      const scaling = () => w.ask('GET', `/v1/endpoints/${name}/scaling`)
      while ((await scaling()).state !== 'asleep') await sleep(50)
      assert.equal((await scaling()).memoryBytes, 0)
      assert.deepEqual(without(await predict(name, [row])), answers[name], name)
      const { state, coldStarts, memoryBytes } = await scaling()
      assert.deepEqual([state, coldStarts.count], ['ready', 1], name)
      assert.ok(memoryBytes > 0, name)
      told.push(`${name} ${Math.round(coldStarts.lastMs)} ms (${Math.round(memoryBytes / 1e6)} MB)`)
    }
    console.log(`# woke: ${told.join(', ')}`)

    await w.ask('POST', '/v1/endpoints', { name: 'many', model: 'photos' })
    const kinds = Object.keys(asks)
    await w.ask('PUT', '/v1/endpoints/many/models', {
      maxLoaded: 2,
      models: kinds.map((name) => ({ name, model: name })),
    })
    for (let round = 0; round < 2; round++)
      for (const [name, row] of Object.entries(asks)) {
        const reply = await w.call('POST', '/v1/endpoints/many/predict', {
          body: { rows: [row] },
          headers: { 'x-atoll-model': name },
        })
        assert.equal(reply.status, 200, `${name}: ${reply.text}`)
        assert.deepEqual(without(reply.json.predictions), answers[name], name)
      }
    const { models } = await w.ask('GET', '/v1/endpoints/many/models')
    assert.equal(models.filter(({ loaded }: any) => loaded).length, 2)
    assert.ok(
      models.every(({ requests, errors }: any) => requests === 2 && errors === 0),
      JSON.stringify(models),
    )
    const written = await w.call('POST', '/v1/endpoints/many/generate', {
      body: { prompt: 'abc', maxTokens: 3 },
      headers: { 'x-atoll-model': 'letters' },
    })
    assert.equal(written.status, 200, written.text)
    assert.match(written.text, /"text":"def"/)
    // More than a worker may take is not loaded, whatever kind it is.
    await w.ask('PUT', '/v1/endpoints/letters/scaling', { minWorkers: 0, idleSeconds: 1, memoryMb: 64 })
    console.log(`# letters takes ${Math.round((await w.ask('GET', '/v1/endpoints/letters/scaling')).memoryBytes / 2 ** 20)} MB`)
  })
})
