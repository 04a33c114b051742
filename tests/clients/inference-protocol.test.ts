/** The Open Inference Protocol V2 over HTTP: what clients send, and what attackers do. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { CapturePolicy } from '../../src/domains/endpoints/schema.ts'
import { TrafficInput } from '../../src/domains/endpoints/traffic/schema.ts'
import { sampleImage, type TensorWorld, tensorWorld } from './tensor-world.ts'

let w: TensorWorld
before(async () => {
  w = await tensorWorld()
})
after(() => w.close())

const timeout = 30_000

async function ask(
  method: string,
  path: string,
  { body, token = w.token, headers = {} }: { body?: unknown; token?: string | null; headers?: Record<string, string> } = {},
) {
  const reply = await fetch(w.origin + path, {
    method,
    headers: { ...(token && { authorization: `Bearer ${token}` }), ...headers },
    ...(body !== undefined && { body: body instanceof Uint8Array ? (body as Uint8Array<ArrayBuffer>) : JSON.stringify(body) }),
    signal: AbortSignal.timeout(timeout),
  })
  const bytes = Buffer.from(await reply.arrayBuffer())
  const length = reply.headers.get('inference-header-content-length')
  return {
    status: reply.status,
    headers: reply.headers,
    json: JSON.parse(bytes.toString('utf8', 0, length ? Number(length) : bytes.length)),
    binary: length ? bytes.subarray(Number(length)) : Buffer.alloc(0),
  }
}

const infer = (body: unknown, model = 'churn', options: { headers?: Record<string, string>; token?: string | null } = {}) =>
  ask('POST', `/v2/models/${model}/infer`, { body, ...options })

const column = (name: string, datatype: string, data: unknown[], shape = [data.length]) => ({ name, datatype, shape, data })
const three = [
  column('a', 'FP64', [0.5, -1, 2]),
  column('b', 'FP64', [1, 1, -3], [3, 1]),
  column('state', 'BYTES', ['OH', 'AK', 'OH']),
]
const rows = [
  { a: 0.5, b: 1, state: 'OH' },
  { a: -1, b: 1, state: 'AK' },
  { a: 2, b: -3, state: 'OH' },
]

const native = async (body: object) =>
  (await ask('POST', '/v1/endpoints/churn/predict', { body, headers: { 'content-type': 'application/json' } })).json.predictions

test('anybody may ask whether the server is well; models are for who may see them', { timeout }, async () => {
  assert.deepEqual((await ask('GET', '/v2', { token: null })).json.name, 'atoll')
  assert.ok((await ask('GET', '/v2', { token: null })).json.extensions.includes('binary_tensor_data'))
  assert.deepEqual((await ask('GET', '/v2/health/live', { token: null })).json, { live: true })
  assert.deepEqual((await ask('GET', '/v2/health/ready', { token: null })).json, { ready: true })
  assert.deepEqual((await ask('GET', '/v2/models')).json.models.sort(), ['churn', 'clips', 'photos'])
  for (const path of ['/v2/models', '/v2/models/churn', '/v2/models/churn/stats']) {
    const { status, json } = await ask('GET', path, { token: null })
    assert.deepEqual([status, typeof json.error], [401, 'string'], path)
  }
  const stranger = await w.tokenOf(await w.person('Eve', null))
  assert.equal((await ask('GET', '/v2/models/churn', { token: stranger })).status, 404)
  assert.equal((await infer({ inputs: three }, 'churn', { token: stranger })).status, 404)
  assert.deepEqual((await ask('GET', '/v2/models', { token: stranger })).json.models, [])
})

test('a model says what it takes and answers, by name, by id and by version', { timeout }, async () => {
  const { json } = await ask('GET', '/v2/models/churn')
  assert.deepEqual(json.inputs, [
    { name: 'a', datatype: 'FP64', shape: [-1, 1] },
    { name: 'b', datatype: 'FP64', shape: [-1, 1] },
    { name: 'state', datatype: 'BYTES', shape: [-1, 1] },
  ])
  assert.deepEqual(json.outputs, [
    { name: 'label', datatype: 'BYTES', shape: [-1, 1] },
    { name: 'probabilities', datatype: 'FP32', shape: [-1, 2] },
  ])
  assert.deepEqual((await ask('GET', `/v2/models/${json.parameters.endpoint}/versions/1`)).json.versions, ['1'])
  assert.deepEqual((await ask('GET', '/v2/models/churn/ready')).json, { name: 'churn', ready: true })
  assert.equal((await ask('GET', '/v2/models/churn/versions/2')).status, 404)
  assert.equal((await ask('POST', '/v2/models/churn/versions/2/infer', { body: { inputs: three } })).status, 404)
  assert.equal((await ask('GET', '/v2/models/churn/config')).json.input[2].data_type, 'TYPE_STRING')
  const [first] = (await ask('POST', '/v2/repository/index')).json
  assert.equal(first.state, 'READY')
  assert.equal((await ask('POST', '/v2/repository/models/churn/unload')).status, 412)
})

test('tensors in JSON are answered as the same rows are', { timeout }, async () => {
  const { status, json } = await infer({ id: 'mine', inputs: three })
  assert.equal(status, 200)
  const expected = await native({ rows })
  assert.deepEqual([json.id, json.model_name, json.model_version], ['mine', 'churn', '1'])
  const [label, probabilities] = json.outputs
  assert.deepEqual(label, { name: 'label', datatype: 'BYTES', shape: [3, 1], data: expected.map((one: any) => one.label) })
  assert.deepEqual(
    probabilities.data,
    expected.flatMap((one: any) => [one.probabilities.no, one.probabilities.yes]),
  )
  const matrix = await infer({
    inputs: [
      column(
        'x',
        'FP32',
        [
          [0.5, 1],
          [-1, 1],
          [2, -3],
        ],
        [3, 2],
      ),
      three[2],
    ],
  })
  assert.deepEqual(matrix.json.outputs, json.outputs)
  const one = await infer({
    inputs: three,
    outputs: [{ name: 'id' }, { name: 'probabilities', parameters: { classification: 1 } }],
  })
  assert.deepEqual(
    one.json.outputs[0].data,
    [0, 1, 2].map((r) => `${one.json.parameters.prediction}.${r}`),
  )
  assert.match(one.json.outputs[1].data[0], /^0\.\d+:[01]:(no|yes)$/)
})

test('tensors in bytes, of every datatype of numbers, packed or not', { timeout }, async () => {
  const expected = (await infer({ inputs: three })).json.outputs
  const double = (values: number[]) => Buffer.from(new Float64Array(values).buffer)
  const half = Buffer.from(Uint16Array.of(0x3800, 0xbc00, 0x4000).buffer)
  const brain = Buffer.from(Uint16Array.of(0x3f80, 0x3f80, 0xc040).buffer)
  const words = Buffer.concat(
    ['OH', 'AK', 'OH'].flatMap((word) => [Buffer.from(Uint32Array.of(word.length).buffer), Buffer.from(word)]),
  )
  const tensor = (name: string, datatype: string, bytes: Buffer, shape = [3, 1]) => ({ name, datatype, shape, bytes })
  const sendIn = async (tensors: ReturnType<typeof tensor>[], headers: Record<string, string> = {}) => {
    const inputs = tensors.map(({ bytes, ...one }) => ({ ...one, parameters: { binary_data_size: bytes.length } }))
    const json = Buffer.from(JSON.stringify({ inputs, parameters: { binary_data_output: true } }))
    const body = Buffer.concat([json, ...tensors.map(({ bytes }) => bytes)])
    const sent = headers['content-encoding'] === 'gzip' ? gzipSync(body) : body
    return infer(sent, 'churn', { headers: { 'inference-header-content-length': String(json.length), ...headers } })
  }
  const asked = [
    tensor('a', 'FP64', double([0.5, -1, 2])),
    tensor('b', 'FP64', double([1, 1, -3])),
    tensor('state', 'BYTES', words),
  ]
  const small = [tensor('a', 'FP16', half), tensor('b', 'BF16', brain), tensor('state', 'BYTES', words)]
  for (const reply of [await sendIn(asked), await sendIn(small), await sendIn(asked, { 'content-encoding': 'gzip' })]) {
    assert.equal(reply.status, 200, JSON.stringify(reply.json))
    const [label, probabilities] = reply.json.outputs
    const from = label.parameters.binary_data_size
    assert.equal(reply.binary.length, from + probabilities.parameters.binary_data_size)
    const values = new Float32Array(new Uint8Array(reply.binary.subarray(from)).buffer)
    assert.deepEqual([...values], expected[1].data.map(Math.fround))
    assert.equal(reply.binary.toString('utf8', 4, 4 + reply.binary.readUInt32LE()), expected[0].data[0])
  }
  const many = Array.from({ length: 2000 }, (_, i) => i / 1000)
  const large = await infer({ inputs: [column('a', 'FP64', many), column('b', 'FP64', many)] }, 'churn', {
    headers: { 'accept-encoding': 'gzip' },
  })
  assert.deepEqual([large.status, large.headers.get('content-encoding'), large.json.outputs[0].shape], [200, 'gzip', [2000, 1]])
})

test('pixels and samples, or files, are one and the same image and sound', { timeout }, async () => {
  const pixels = Array.from({ length: 2 * 9 * 7 * 3 }, (_, i) => (i * 37) % 256)
  const raw = await infer({ inputs: [column('photo', 'UINT8', pixels, [2, 9, 7, 3])] }, 'photos')
  assert.equal(raw.status, 200, JSON.stringify(raw.json))
  assert.deepEqual(raw.json.outputs[1].shape, [2, 3])
  const file = await infer({ inputs: [column('photo', 'BYTES', [sampleImage.toString('base64')])] }, 'photos')
  const json = Buffer.from(
    JSON.stringify({
      inputs: [{ name: 'photo', datatype: 'BYTES', shape: [1], parameters: { binary_data_size: 4 + sampleImage.length } }],
    }),
  )
  const inBytes = await infer(
    Buffer.concat([json, Buffer.from(Uint32Array.of(sampleImage.length).buffer), sampleImage]),
    'photos',
    { headers: { 'inference-header-content-length': String(json.length) } },
  )
  assert.deepEqual(inBytes.json.outputs, file.json.outputs)
  const tone = Array.from({ length: 800 }, (_, i) => Math.sin(i / 5))
  const clip = await infer({ inputs: [column('clip', 'FP32', tone, [1, 800])] }, 'clips')
  assert.deepEqual(
    clip.json.outputs.map((one: any) => [one.name, one.datatype]),
    [
      ['score', 'FP32'],
      ['isAnomaly', 'BOOL'],
      ['vector', 'FP32'],
    ],
  )
})

test('a request counts, and is captured, as any other', { timeout }, async () => {
  const before = await w.endpoints.metrics(w.by, 'churn', 60)
  const { json } = await infer({ inputs: three })
  const now = await w.endpoints.metrics(w.by, 'churn', 60)
  assert.deepEqual([now.requests - before.requests, now.rows - before.rows], [1, 3])
  const { items } = await w.endpoints.listCaptures(w.by, 'churn', { limit: 3 })
  assert.equal(items[2]!.id, `${json.parameters.prediction}.0`)
  assert.deepEqual(items[2]!.row, rows[0])
  const [stats] = (await ask('GET', '/v2/models/churn/stats')).json.model_stats
  assert.ok(stats.inference_count >= 3 && stats.inference_stats.success.count >= 1)
})

test('a field that says what a row is about goes beside its columns', { timeout }, async () => {
  await w.endpoints.patch(w.by, 'churn', { capture: CapturePolicy.parse({ key: 'customer' }) })
  const { status, json } = await infer({ inputs: [...three, column('customer', 'BYTES', ['x', 'y', 'z'])] })
  assert.equal(status, 200, JSON.stringify(json))
  const { items } = await w.endpoints.listCaptures(w.by, 'churn', { limit: 1 })
  assert.equal(items[0]!.row.customer, 'z')
  await w.endpoints.patch(w.by, 'churn', { capture: CapturePolicy.parse({}) })
})

test('a version that is asked for is the variant that has it', { timeout }, async () => {
  await w.register('churn')
  const set = TrafficInput.parse({ variants: [{ name: 'second', model: 'churn:2', weight: 0 }], sticky: null })
  await w.endpoints.setTraffic(w.by, 'churn', set)
  assert.deepEqual((await ask('GET', '/v2/models/churn')).json.versions, ['1', '2'])
  for (const version of ['1', '2', '2', '1']) {
    const { json } = await ask('POST', `/v2/models/churn/versions/${version}/infer`, { body: { inputs: three } })
    assert.equal(json.model_version, version)
  }
  await w.endpoints.setTraffic(w.by, 'churn', TrafficInput.parse({ variants: [], sticky: null }))
})

test('what cannot be read is refused in one sentence that names the input', { timeout }, async () => {
  const cases: [unknown, number, RegExp][] = [
    ['nonsense', 400, /inference protocol/],
    [{}, 400, /inputs/],
    [{ inputs: [] }, 400, /inputs/],
    [{ inputs: [{ name: 'a', datatype: 'FP64', shape: [1] }] }, 400, /"a" cannot be read: it has neither/],
    [{ inputs: [column('a', 'FP65', [1])] }, 400, /"FP65" is no datatype/],
    [{ inputs: [column('a', 'FP64', [1, 2], [3])] }, 400, /stands for 3 values, but it has 2/],
    [{ inputs: [column('a', 'FP64', ['x'])] }, 400, /value 0 is "x", which is no FP64/],
    [{ inputs: [column('a', 'INT8', [200])] }, 400, /no INT8/],
    [{ inputs: [column('a', 'FP64', [1]), column('a', 'FP64', [1])] }, 400, /twice/],
    [{ inputs: [column('a', 'FP64', [1]), column('b', 'FP64', [1, 2])] }, 400, /equally many/],
    [{ inputs: [column('a', 'FP64', [1, 2], [1, 2])] }, 400, /has \[rows\] or/],
    [{ inputs: [{ ...column('a', 'FP64', []), shape: [1e9, 1e9] }] }, 400, /at most 50000000/],
    [{ inputs: [{ ...column('a', 'FP64', [1]), parameters: { shared_memory_region: 'x' } }] }, 400, /shared memory/],
    [
      { inputs: [{ name: 'a', datatype: 'FP64', shape: [1], parameters: { binary_data_size: 8 } }] },
      400,
      /only 0 bytes are left/,
    ],
    [{ inputs: [column('a', 'FP64', [1])] }, 422, /Row 0 lacks the column "b"/],
    [{ inputs: [column('c', 'FP64', [1])] }, 422, /no column "c".*one of the shape \[rows, 2\]/],
    [{ inputs: [column('b', 'BYTES', ['x'])] }, 422, /expected a number, got the text "x"/],
    [{ inputs: [column('b', 'FP64', [1])], outputs: [{ name: 'nothing' }] }, 400, /no output "nothing"/],
    [{ inputs: [column('b', 'FP64', [])] }, 400, /empty/],
  ]
  for (const [body, status, message] of cases) {
    const reply = await infer(body)
    assert.deepEqual([reply.status, Object.keys(reply.json)], [status, ['error']], JSON.stringify(reply.json))
    assert.match(reply.json.error, message)
  }
  const wrongLength = await infer({ inputs: three }, 'churn', { headers: { 'inference-header-content-length': '999999' } })
  assert.match(wrongLength.json.error, /Inference-Header-Content-Length is 999999/)
  const bomb = gzipSync(Buffer.alloc(80 * 2 ** 20, 32))
  const burst = await infer(bomb, 'churn', { headers: { 'content-encoding': 'gzip' } })
  assert.deepEqual([burst.status, /Unpacked, the body is larger/.test(burst.json.error)], [413, true])
  const lying = Buffer.from(Uint32Array.of(0xffffffff).buffer)
  const json = Buffer.from(
    JSON.stringify({ inputs: [{ name: 'state', datatype: 'BYTES', shape: [1], parameters: { binary_data_size: 4 } }] }),
  )
  const beyond = await infer(Buffer.concat([json, lying]), 'churn', {
    headers: { 'inference-header-content-length': String(json.length) },
  })
  assert.match(beyond.json.error, /leads beyond its end/)
  assert.equal((await infer({ inputs: three })).status, 200)
})
