/** A model from elsewhere, through the whole platform: looked at, converted, compared with the original, registered, deployed, asked. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { pack } from 'tar-stream'
import { node, tagged, valueInfo, whole } from '../src/domains/imports/onnx/proto-writer.ts'
import { alphabetModel } from '../src/ports/language/testing.ts'
import { uploadBytes } from './attacks/upload.ts'
import { openWorld, type World } from './platform-world.ts'

const model = (name: string) => readFile(new URL(`models/${name}`, import.meta.url))

interface Imported {
  version: string
  result: { served: string; parity: { rows: number; flips: number; maxDiff: number } | null; versionId: string }
}

async function bring(
  world: World,
  name: string,
  bytes: Buffer,
  body: Record<string, unknown>,
  sample?: Buffer,
): Promise<Imported> {
  const created = await world.call('POST', '/v1/imports', {
    body: {
      name,
      source: { upload: await uploadBytes(world, name, bytes) },
      ...(sample && { sample: { upload: await uploadBytes(world, 'rows.csv', sample) } }),
      ...body,
    },
  })
  assert.equal(created.status, 202, created.text)
  const job = await ended(world, created.json.job)
  assert.equal(job.state, 'succeeded', JSON.stringify(job.failure))
  return { version: `${name}:${job.result.version}`, result: job.result }
}

async function ended(world: World, id: string) {
  for (let i = 0; i < 1000; i++) {
    const { json } = await world.call('GET', `/v1/jobs/${id}`)
    if (['succeeded', 'failed', 'cancelled'].includes(json.state)) return json
    await new Promise((later) => setTimeout(later, 100))
  }
  throw new Error(`${id} did not end`)
}

async function ask(world: World, name: string, version: string, rows: unknown[]) {
  const made = await world.call('POST', '/v1/endpoints', { body: { name, model: version } })
  assert.equal(made.status, 201, made.text)
  const answer = await world.call('POST', `/v1/endpoints/${name}/predict`, { body: { rows } })
  assert.equal(answer.status, 200, answer.text)
  return answer.json.predictions
}

const near = (a: number, b: number, tolerance = 1e-5) => assert.ok(Math.abs(a - b) <= tolerance, `${a} is not ${b}`)

test('models from elsewhere are served as their own library answers', { timeout: 240_000 }, async (t) => {
  const world = await openWorld('sqlite')
  await world.platform.startWorkers()
  t.after(() => world.close())
  const csv = (await model('rows.csv')).toString()
  const [head, first] = csv.split('\n').map((line) => line.split(','))
  const row = Object.fromEntries(
    head!.slice(0, 5).map((name, i) => [name, name === 'city' ? first![i] : Number(first![i])]),
  ) as Record<string, number | string>
  const wanted = Number(first![5])

  await t.test('a graph with an input for each column, whose scores are in dictionaries', async () => {
    const { version, result } = await bring(
      world,
      'columns',
      await model('columns.onnx'),
      { task: 'binary', target: 'churn', expected: 'p', licence: 'mit', origin: 'the old service' },
      Buffer.from(csv),
    )
    assert.equal(result.served, 'onnx')
    assert.ok(result.parity!.rows >= 1000 && result.parity!.flips === 0, JSON.stringify(result.parity))
    const [said] = await ask(world, 'columns', version, [row])
    near(said.probabilities.yes, wanted)
    const { json } = await world.call('GET', `/v1/models/columns/versions/1`)
    assert.equal(json.manifest.trust, 'imported')
    assert.equal(json.parity.passed, true)
    const card = await world.call('GET', `/v1/models/columns/versions/1/card`)
    assert.match(card.text, /Origin: the old service\. Licence: mit\./)
    const record = await world.call('GET', `/v1/models/columns/versions/1/files/import.json`)
    assert.match(record.text, /"broughtBy"/)
    assert.equal((await world.call('POST', '/v1/replays', { body: { model: version } })).status >= 400, true)
  })

  await t.test('graphs over one matrix: probabilities, dictionaries, a number', async () => {
    const numbers = { a: row.a, b: row.b, c: row.c, d: row.d }
    const plain = await bring(world, 'plain', await model('plain.onnx'), {
      task: 'binary',
      columns: ['a', 'b', 'c', 'd'],
      classes: ['no', 'yes'],
    })
    assert.equal(plain.result.parity!.flips, 0)
    const zipped = await bring(world, 'zipmap', await model('zipmap.onnx'), { task: 'binary', columns: ['a', 'b', 'c', 'd'] })
    const [one] = await ask(world, 'plain', plain.version, [numbers])
    const [other] = await ask(world, 'zipmap', zipped.version, [numbers])
    near(one.probabilities.yes, other.probabilities['1'], 1e-7)
    const linear = await bring(world, 'linear', await model('linear.onnx'), { task: 'regression', columns: 'numbered' })
    const [value] = await ask(world, 'linear', linear.version, [{ x0: 1, x1: 1, x2: 1, x3: 1 }])
    near(value.value, 10, 1e-4)
  })

  await t.test('rows of another model are refused, and so is another name for what a model predicts', async () => {
    const wrong = csv
      .split('\n')
      .map((line, i) => (i === 1 ? line.replace(first![5]!, '0.01') : line))
      .join('\n')
    const created = await world.call('POST', '/v1/imports', {
      body: {
        name: 'wrong',
        task: 'binary',
        target: 'churn',
        expected: 'p',
        source: { upload: await uploadBytes(world, 'm', await model('columns.onnx')) },
        sample: { upload: await uploadBytes(world, 'rows.csv', Buffer.from(wrong)) },
      },
    })
    const job = await ended(world, created.json.job)
    assert.equal(job.state, 'failed')
    assert.match(job.failure.message, /Row 0 of the sample says "0.01"/)
    assert.equal((await world.call('GET', '/v1/models/wrong')).status, 404)
    const taken = await world.call('POST', '/v1/imports', {
      body: {
        name: 'linear',
        task: 'binary',
        columns: 'numbered',
        source: { upload: await uploadBytes(world, 'm', await model('plain.onnx')) },
      },
    })
    assert.equal(taken.status, 409, taken.text)
  })

  await t.test('weights of a graph that lie in another file of its folder are put into it', async () => {
    const graph = externalGraph()
    const folder = await tarred({ 'm/model.onnx': graph.model, 'm/weights.bin': graph.weights })
    const { version } = await bring(world, 'outside', folder, { task: 'regression', columns: ['p', 'q'] })
    const [said] = await ask(world, 'outside', version, [{ p: 3, q: 4 }])
    near(said.value, 3 * 2 + 4 * 5)
  })

  await t.test('a graph over tensors is asked with nested lists, and by the Open Inference Protocol', async () => {
    const { version, result } = await bring(world, 'grid', gridGraph(), { task: 'regression' })
    assert.ok(result.parity!.rows >= 1000 && result.parity!.flips === 0)
    const grid = [
      [1, 2, 3],
      [4, 5, 9],
    ]
    const [said, flat] = await ask(world, 'grid', version, [{ grid }, { grid: grid.flat() }])
    assert.equal(said.value, 4)
    assert.equal(flat.value, 4)
    for (const wrong of [
      [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
      [[1, 2, 3]],
      [1, 2],
      'x',
      null,
      [
        [1, 2, 'a'],
        [4, 5, 6],
      ],
    ]) {
      const refused = await world.call('POST', '/v1/endpoints/grid/predict', { body: { row: { grid: wrong } } })
      assert.equal(refused.status, 422, refused.text)
      assert.match(refused.text, /grid/)
    }
    const input = { name: 'grid', shape: [1, 2, 3], datatype: 'FP32', data: grid }
    const { json } = await world.call('POST', '/v2/models/grid/infer', { body: { inputs: [input] } })
    assert.deepEqual(json.outputs[0].data, [4])
    const other = await world.call('POST', '/v2/models/grid/infer', { body: { inputs: [{ ...input, shape: [1, 3, 2] }] } })
    assert.equal(other.status, 400, other.text)
    const about = await world.call('GET', '/v2/models/grid')
    assert.deepEqual(about.json.inputs, [{ name: 'grid', datatype: 'FP64', shape: [-1, 2, 3] }])
  })

  await t.test('what lies as an image is asked about: pictures, or the tensor itself', async () => {
    const source = { upload: await uploadBytes(world, 'm', gridGraph([3, 8, 8])) }
    const look = async (body: object) =>
      (await world.call('POST', '/v1/imports/inspect', { body: { source, task: 'regression', ...body } })).json
    const missing = async (body: object) => (await look(body)).missing.map(({ field }: { field: string }) => field)
    assert.deepEqual(await missing({}), ['takes'])
    assert.deepEqual(await missing({ takes: 'image' }), ['image-scale'])
    const pictures = await look({ image: { scale: 1 } })
    assert.deepEqual([pictures.missing, pictures.convertedBy], [[], 'job'])
    assert.equal((await look({ takes: 'tensor' })).convertedBy, 'server')
  })

  await t.test('a language model is served as it is', async () => {
    const { version, result } = await bring(world, 'letters', alphabetModel(), { licence: 'cc0' })
    assert.equal(result.served, 'gguf')
    const { json } = await world.call('GET', `/v1/models/letters/versions/1`)
    assert.equal(json.task, 'generation')
    assert.match(version, /letters:1/)
    const [said] = await ask(world, 'letters', version, [{ prompt: 'abc' }])
    assert.match(said.text, /^def/)
  })

  await t.test('a pickle is opened in the sandbox alone, and served as a graph that answers the same', async () => {
    const { version, result } = await bring(
      world,
      'pipeline',
      await model('pipeline.zlib.joblib'),
      { target: 'churn', expected: 'p' },
      Buffer.from(csv),
    )
    assert.ok(result.parity!.rows >= 1000 && result.parity!.flips === 0)
    const [said] = await ask(world, 'pipeline', version, [row])
    near(said.probabilities.yes, wanted)
    const { json } = await world.call('GET', '/v1/models/pipeline/versions/1')
    assert.ok(json.manifest.sandboxOnly.length > 0, 'the original is kept, marked')
    const native = json.manifest.sandboxOnly[0].path
    const refused = await world.call('GET', `/v1/models/pipeline/versions/1/files/${encodeURIComponent(native)}`)
    assert.ok(refused.status >= 400, 'and handed out to nobody')
  })

  await t.test(
    'code of its own answers warm from a worker; what it raises goes to its caller, what kills it takes nobody along',
    async () => {
      const code = `
import os
def predict(rows):
    if (rows["age"] == 13).any():
        raise ValueError("nobody is thirteen")
    if (rows["age"] == 66).any():
        os._exit(3)
    return rows["age"] * 2
`
      const rows = Buffer.from(`age\n${Array.from({ length: 20 }, (_, i) => 30 + i).join('\n')}\n`)
      const { version, result } = await bring(world, 'rules', await tarred({ 'predict.py': code }), { task: 'regression' }, rows)
      assert.equal(result.served, 'python')
      assert.ok(result.parity!.rows >= 1000 && result.parity!.flips === 0)
      const [said] = await ask(world, 'rules', version, [{ age: 21 }])
      assert.equal(said.value, 42)
      const asked = (age: number) => world.call('POST', '/v1/endpoints/rules/predict', { body: { rows: [{ age }] } })
      const [bad, good] = await Promise.all([asked(13), asked(40)])
      assert.equal(bad.status, 422, bad.text)
      assert.match(bad.json.error.message, /The model's own code failed: ValueError: nobody is thirteen/)
      assert.equal(good.json.predictions[0].value, 80)
      const died = await asked(66)
      assert.equal(died.status, 503, died.text)
      assert.match(died.json.error.message, /Python worker ended unexpectedly: .*\(exit code 3\)/)
      assert.equal((await asked(50)).json.predictions[0].value, 100)
    },
  )
})

async function tarred(files: Record<string, string | Buffer>): Promise<Buffer> {
  const archive = pack()
  for (const [name, content] of Object.entries(files)) archive.entry({ name }, content)
  archive.finalize()
  const parts: Buffer[] = []
  for await (const part of archive) parts.push(part as Buffer)
  return Buffer.concat(parts)
}

/** The mean of a tensor. */
function gridGraph(shape = [2, 3]) {
  const axes = shape.map((_, i) => i + 1)
  const graph = [
    node('ReduceMean', ['grid'], 'mean', { axes, keepdims: 0 }),
    tagged(11, valueInfo('grid', 1, [null, ...shape])),
    tagged(12, valueInfo('mean', 1, [null])),
  ]
  return Buffer.concat([whole(1, 8), tagged(8, whole(2, 17)), tagged(7, Buffer.concat([tagged(2, 'g'), ...graph]))])
}

/** y = x · w, with w kept beside the graph. */
function externalGraph() {
  const weights = Buffer.alloc(8)
  weights.writeFloatLE(2, 0)
  weights.writeFloatLE(5, 4)
  const w = tagged(
    5,
    Buffer.concat([
      whole(1, 2),
      whole(1, 1),
      whole(2, 1),
      tagged(8, 'w'),
      tagged(13, Buffer.concat([tagged(1, 'location'), tagged(2, 'weights.bin')])),
      whole(14, 1),
    ]),
  )
  const graph = [
    node('MatMul', ['x', 'w'], 'y'),
    w,
    tagged(11, valueInfo('x', 1, [null, 2])),
    tagged(12, valueInfo('y', 1, [null, 1])),
  ]
  return {
    weights,
    model: Buffer.concat([whole(1, 8), tagged(8, whole(2, 17)), tagged(7, Buffer.concat([tagged(2, 'g'), ...graph]))]),
  }
}
