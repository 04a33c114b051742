import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { sendPath } from '../sdk/src/cli/send-path.ts'
import { AtollError, createAtoll } from '../sdk/src/index.ts'
import { layWeights } from '../src/domains/weights/service.ts'
import type { BlobStore } from '../src/ports/blobs/blob-store.ts'
import { localFiles } from '../src/ports/files/local.ts'
import { alphabetModel } from '../src/ports/language/testing.ts'
import { onEachPlatform, openWorld, type World } from './platform-world.ts'

const folder = await mkdtemp(join(tmpdir(), 'atoll-weights-'))
process.env.XDG_STATE_HOME = join(folder, 'state')
after(() => rm(folder, { recursive: true, force: true }))

/** A safetensors file of zeros: 8 bytes of length, a JSON header, numbers. */
function safetensors(shapes: Record<string, number[]>, cut = 0): Buffer {
  let at = 0
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } }
  for (const [name, shape] of Object.entries(shapes)) {
    const bytes = 4 * shape.reduce((product, size) => product * size, 1)
    header[name] = { dtype: 'F32', shape, data_offsets: [at, at + bytes] }
    at += bytes
  }
  const json = Buffer.from(JSON.stringify(header))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(json.length))
  return Buffer.concat([length, json, Buffer.alloc(at - cut)])
}

async function weightsFolder(name: string, files: Record<string, string | Buffer>): Promise<string> {
  const root = join(folder, name)
  for (const [path, content] of Object.entries(files)) {
    await mkdir(join(root, path, '..'), { recursive: true })
    await writeFile(join(root, path), content)
  }
  return root
}

const card = '---\nlanguage: en\nlicense: apache-2.0\n---\n# Tiny\n'
const tiny = {
  'tiny/config.json': '{"model_type":"bert"}',
  'tiny/tokenizer.json': '{}',
  'tiny/model.safetensors': safetensors({ a: [3, 4], b: [5] }),
  'tiny/pytorch_model.bin': 'a pickle, perhaps',
  'tiny/modeling.py': 'print("never run")',
  'tiny/README.md': card,
}

const atollOf = (world: World) => createAtoll({ url: world.server.url, token: world.token })
async function add(world: World, name: string, files: Record<string, string | Buffer>, more: object = {}) {
  const atoll = atollOf(world)
  const upload = await sendPath(atoll, await weightsFolder(`${name}-${world.port}`, files), true, () => {})
  const created = await atoll.weights.create({ name, source: { upload: upload.id }, ...more })
  return { atoll, job: await atoll.jobs.wait(created.job).catch((error: unknown) => error) }
}

onEachPlatform('weights are unpacked, counted and kept with where they are from and their licence', async (world) => {
  await world.platform.startWorkers()
  const { atoll } = await add(world, 'tiny', tiny, { origin: 'https://example.org/tiny' })
  const made = await atoll.weights.get('tiny')
  assert.equal(made.state, 'ready')
  assert.deepEqual(
    [made.architecture, made.parameters, made.licence, made.origin],
    ['bert', 17, 'apache-2.0', 'https://example.org/tiny'],
  )
  assert.deepEqual(
    made.files.map(({ path, sandboxOnly }) => [path, sandboxOnly]),
    [
      ['README.md', false],
      ['config.json', false],
      ['model.safetensors', false],
      ['pytorch_model.bin', true],
      ['tokenizer.json', false],
    ],
  )
  assert.match(made.notes.join('\n'), /"modeling.py" was left out: it is neither weights nor settings/)
  assert.match(made.notes.join('\n'), /"pytorch_model.bin" can run code when read; the safetensors beside it are used instead/)
  assert.deepEqual(
    (await atoll.weights.list({})).items.map(({ name }) => name),
    ['tiny'],
  )

  await assert.rejects(
    atoll.weights.create({ name: 'tiny', source: { upload: 'upl_0' } }),
    (error) => error instanceof AtollError,
  )
  const viewer = createAtoll({ url: world.server.url, token: (await world.person('Vera', 'viewer')).token })
  assert.equal((await viewer.weights.get('tiny')).name, 'tiny')
  await assert.rejects(viewer.weights.delete('tiny'), /takes the role editor/)

  await atoll.weights.delete('tiny')
  await assert.rejects(atoll.weights.get('tiny'), /There is no set of weights "tiny"/)
})

test('weights that are not what they say are refused in a sentence', async () => {
  const world = await openWorld('sqlite')
  await world.platform.startWorkers()
  try {
    const cases: [string, Record<string, string | Buffer>, RegExp][] = [
      ['none', { 'config.json': '{}', 'notes.txt': 'hello' }, /There are no weights in it/],
      [
        'cut',
        { 'config.json': '{}', 'model.safetensors': safetensors({ a: [3, 4] }, 8) },
        /"model.safetensors" is no safetensors file: the tensor "a" does not lie within it/,
      ],
      [
        'page',
        { 'config.json': '{}', 'model.safetensors': '<html>not found</html>' },
        /no safetensors file: the length of its header cannot be/,
      ],
      [
        'json',
        { 'config.json': '{oops', 'model.safetensors': safetensors({ a: [1] }) },
        /"config.json" of the weights is not valid JSON/,
      ],
    ]
    for (const [name, files, message] of cases) {
      const { atoll, job } = await add(world, name, files)
      assert.match(String(job instanceof Error ? job.message : JSON.stringify(job)), message, name)
      assert.equal((await atoll.weights.get(name)).state, 'failed')
    }
    const table = Buffer.from('a,y\n'.concat('1,x\n2,z\n'.repeat(20)))
    await writeFile(join(folder, 't.csv'), table)
    const atoll = atollOf(world)
    const upload = await sendPath(atoll, join(folder, 't.csv'), false, () => {})
    const dataset = await atoll.datasets.create({ name: 't', source: { upload: upload.id } })
    await atoll.jobs.wait(dataset.job)
    const training = (weights: string) => atoll.training.create({ dataset: 't', target: 'y', options: { weights } })
    await assert.rejects(training('cut'), /The weights "cut" could not be imported/)
    await assert.rejects(training('nobody'), /There is no set of weights "nobody"/)
  } finally {
    await world.close()
  }
})

test('weights are laid file by file as the channel of a job', async () => {
  const laid: string[] = []
  const blobs = { materialise: async (sha256: string, path: string) => void laid.push(`${sha256} ${path}`) } as Pick<
    BlobStore,
    'materialise'
  >
  const files = [
    { path: 'config.json', sha256: 'a' },
    { path: 'onnx/model.onnx', sha256: 'b' },
  ]
  await layWeights({ files: localFiles(), blobs: blobs as BlobStore }, { id: 'w', name: 'w', licence: '', files }, folder)
  assert.deepEqual(laid, [`a ${folder}/weights/config.json`, `b ${folder}/weights/onnx/model.onnx`])
})

onEachPlatform(
  'a GGUF file is weights by itself: checked, registered as a model that was brought, and deployed',
  async (world) => {
    await world.platform.startWorkers()
    const atoll = atollOf(world)
    const send = async (name: string, bytes: Buffer) => {
      const root = await weightsFolder(`${name}-${world.port}`, { [`${name}.gguf`]: bytes })
      const upload = await sendPath(atoll, join(root, `${name}.gguf`), false, () => {})
      const created = await atoll.weights.create({ name, source: { upload: upload.id }, origin: 'a friend' })
      return atoll.jobs.wait(created.job)
    }
    await assert.rejects(send('cut', alphabetModel().subarray(0, 50_000)), (error: AtollError) => {
      assert.match(error.message, /"model.gguf" is no GGUF file that can be read: the tensor .* does not lie within it/)
      return true
    })
    await send('letters', alphabetModel())
    const made = await atoll.weights.get('letters')
    assert.deepEqual(
      [made.architecture, made.licence, made.files.map(({ path }) => path), made.parameters! > 70_000],
      ['llama', 'apache-2.0', ['model.gguf'], true],
    )
    await add(world, 'plain', tiny)
    await assert.rejects(atoll.weights.register('plain'), (error: AtollError) => /no GGUF file/.test(error.message))
    const viewer = await world.person('Vera', 'viewer')
    const path = '/v1/weights/letters/register'
    assert.equal((await world.call('POST', path, { token: viewer.token, body: {} })).status, 403)
    const version = await atoll.weights.register('letters', { model: 'alphabet' })
    assert.deepEqual(
      [version.modelName, version.number, version.algorithm, version.manifest.trust, version.signature.generation?.chat],
      ['alphabet', 1, 'imported', 'imported', true],
    )
    assert.match(
      (await world.call('GET', '/v1/models/alphabet/versions/1/card')).text,
      /brought, not made here[\s\S]*Origin: a friend/,
    )
    await assert.rejects(atoll.models.replay('alphabet', 1), (error: AtollError) => /was brought/.test(error.message))
    if (world.kind === 'postgres') return
    await atoll.endpoints.create({ name: 'abc', model: 'alphabet' })
    let text = ''
    const pieces = await atoll.endpoints.generate('abc', { messages: [{ role: 'user', content: 'go' }], maxTokens: 4 })
    for await (const piece of pieces) text += piece
    assert.equal(text, 'abcd')
    const refused = await world.call('POST', '/v1/endpoints/abc/generate', { body: { prompt: 'a', messages: [] } })
    assert.equal(refused.status, 400)
    const long = await world.call('POST', '/v1/endpoints/abc/generate', { body: { prompt: 'a'.repeat(500) } })
    assert.deepEqual([long.status, long.json.error.facts.tokens], [400, 500])
  },
)
