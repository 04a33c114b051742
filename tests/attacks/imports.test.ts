/** B and C for models that people bring: a good and a malicious file of each format. The server looks, and runs none of them. */
import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { constants, deflateSync, gzipSync } from 'node:zlib'
import { type Headers, pack } from 'tar-stream'
import { node, tagged, valueInfo, whole, wholeNumbers } from '../../src/domains/imports/onnx/proto-writer.ts'
import { onEachPlatform, type World } from '../platform-world.ts'
import { behindArray, byRegistry, calling, computedName, hidden, instance, named, oldCalling } from './pickles.ts'
import { uploadBytes } from './upload.ts'
import { zip } from './zip.ts'

const models = new URL('../models/', import.meta.url)
const model = (name: string) => readFile(new URL(name, models))

/** What the server says of a file; both routes must say the same. */
async function look(world: World, name: string, bytes: Buffer, body: Record<string, unknown> = {}) {
  const source = { upload: await uploadBytes(world, name, bytes) }
  const found = await world.call('POST', '/v1/imports/inspect', { body: { source, ...body } })
  if (found.status === 200) return found
  const again = await world.call('POST', '/v1/imports', { body: { source, name: 'brought', ...body } })
  assert.equal(again.status, found.status, `${name}: ${again.text}`)
  return found
}

async function tar(entries: readonly (Partial<Headers> & { name: string; data?: Buffer })[]): Promise<Buffer> {
  const archive = pack()
  for (const { data, ...header } of entries) archive.entry(header as Headers, data ?? Buffer.alloc(0))
  archive.finalize()
  const parts: Buffer[] = []
  for await (const part of archive) parts.push(part as Buffer)
  return Buffer.concat(parts)
}

async function refuses(world: World, attacks: Record<string, [Buffer, RegExp, string?]>): Promise<void> {
  for (const [what, [bytes, reason, filename = 'model.bin']] of Object.entries(attacks)) {
    const started = performance.now()
    const { status, text } = await look(world, filename, bytes)
    assert.ok(status >= 400 && status < 500, `${what}: ${status} ${text.slice(0, 300)}`)
    assert.match(text, reason, what)
    assert.ok(performance.now() - started < 10_000, `${what} took long`)
  }
  assert.deepEqual((await world.call('GET', '/v1/jobs')).json.items, [], 'nothing was started')
  assert.equal((await world.call('GET', '/v1/health')).status, 200)
}

onEachPlatform('one good model of each format is told by its bytes, whatever it is called', async (world) => {
  const mlflow = await tar([
    {
      name: 'm/MLmodel',
      data: Buffer.from(
        'flavors:\n  sklearn:\n    pickled_model: model.pkl\nsignature:\n  inputs: \'[{"type":"double","name":"a"}]\'\n',
      ),
    },
    { name: 'm/model.pkl', data: await model('pipeline.joblib') },
  ])
  const bert = await tar([
    { name: 'bert/config.json', data: await model('bert/config.json') },
    { name: 'bert/model.safetensors', data: await model('bert/model.safetensors') },
    { name: 'bert/README.md', data: Buffer.from('---\nlicense: apache-2.0\n---\n') },
  ])
  const good: [string, Buffer, Record<string, unknown>][] = [
    ['a.txt', await model('plain.onnx'), { format: 'onnx', classes: ['0', '1'] }],
    ['b.pkl', await model('columns.onnx'), { format: 'onnx', classes: ['no', 'yes'] }],
    ['c.onnx', await model('pipeline.joblib'), { format: 'sklearn', marked: 'pickle', task: 'binary', classes: ['no', 'yes'] }],
    ['d', await model('pipeline.zlib.joblib'), { format: 'sklearn', marked: 'pickle' }],
    ['e', await model('pipeline.gzip.joblib'), { format: 'sklearn', marked: 'pickle' }],
    ['f', await model('pipeline.pickle'), { format: 'sklearn', marked: 'pickle' }],
    ['g', await model('protocol0.pickle'), { format: 'sklearn', marked: 'pickle' }],
    ['h', await model('booster.xgboost'), { format: 'xgboost', task: 'binary', classes: ['0', '1'] }],
    ['i', await model('booster.ubjson'), { format: 'xgboost', task: 'binary', classes: ['0', '1'] }],
    ['j', await model('trees.lightgbm'), { format: 'lightgbm', task: 'binary' }],
    ['k', await model('trees.catboost'), { format: 'catboost', task: null }],
    ['l', await model('program.torchscript'), { format: 'torchscript', marked: 'code' }],
    ['m', mlflow, { format: 'sklearn', container: 'mlflow' }],
    [
      'n',
      gzipSync(await tar([{ name: 'model.joblib', data: await model('pipeline.joblib') }])),
      { format: 'sklearn', container: 'sagemaker' },
    ],
    ['o', bert, { format: 'transformers', task: 'binary', classes: ['neg', 'pos'], licence: 'apache-2.0' }],
  ]
  const hearing = await tar([
    {
      name: 'wav/config.json',
      data: Buffer.from('{"model_type":"wav2vec2","architectures":["Wav2Vec2ForSequenceClassification"]}'),
    },
    { name: 'wav/model.safetensors', data: await model('bert/model.safetensors') },
  ])
  const heard = await look(world, 'wav.tar', hearing)
  assert.equal(heard.status, 400, heard.text)
  assert.match(heard.text, /a network that hears \(wav2vec2\)/)
  for (const [name, bytes, expected] of good) {
    const { status, json, text } = await look(world, name, bytes)
    assert.equal(status, 200, `${name}: ${text}`)
    for (const [field, value] of Object.entries(expected)) assert.deepEqual(json[field], value, `${name}: ${field}`)
  }
  assert.equal(
    (await look(world, 'p', await model('plain.onnx'), { format: 'gguf' })).status,
    400,
    'what was asked for must be there',
  )
})

onEachPlatform('C1 C2 C3 C12: a pickle that would call something is refused by its name, and is never loaded', async (world) => {
  const folder = await mkdtemp(join(tmpdir(), 'atoll-import-'))
  try {
    const touch = `touch ${join(folder, 'touched')}`
    const gadget = calling('os', 'system', touch)
    const zeros = deflateSync(Buffer.alloc(8 * 2 ** 20), { finishFlush: constants.Z_FULL_FLUSH })
    await refuses(world, {
      'os.system': [gadget, /os\.system/],
      'under the name of a graph': [gadget, /os\.system/, 'model.onnx'],
      'posix, protocol 0': [oldCalling('posix', 'system', touch), /posix\.system/],
      INST: [instance('subprocess', 'getoutput', touch), /subprocess\.getoutput/],
      'builtins.eval': [calling('builtins', 'eval', '1'), /builtins\.eval/],
      'builtins.getattr': [calling('builtins', 'getattr', '1'), /builtins\.getattr/],
      'a gadget of numpy': [calling('numpy.testing._private.utils', 'runstring', '1'), /runstring/],
      'a gadget of the standard library': [calling('timeit', 'timeit', '1'), /timeit\.timeit/],
      'a gadget of another library': [calling('torch.utils._config_module', 'load_config', '1'), /load_config/],
      'a function of scikit-learn': [calling('sklearn.utils._testing', 'raises', '1'), /sklearn\.utils\._testing\.raises/],
      'through a class': [calling('sklearn.base', 'BaseEstimator.__init__.__globals__', '1'), /__globals__/],
      'in the state of a model': [hidden(gadget), /os\.system/],
      'behind an array of joblib': [behindArray(gadget), /os\.system/],
      'packed (zlib)': [deflateSync(gadget), /os\.system/],
      'packed (gzip)': [gzipSync(gadget), /os\.system/],
      'a name that is computed': [computedName, /computes the name|no model|builtins/],
      'a number for a name': [byRegistry, /registry/],
      'cut off': [gadget.subarray(0, 12), /cut off|no pickle/],
      'a bomb': [Buffer.concat([zeros, ...Array(20).fill(zeros.subarray(2))]), /unpack|no model/],
      'in a zip of torch': [
        zip([
          { name: 'archive/data.pkl', data: gadget },
          { name: 'archive/version', data: Buffer.from('3') },
        ]),
        /os\.system/,
        'model.pt',
      ],
      'in a program of torch': [
        zip([
          { name: 'archive/constants.pkl', data: gadget },
          {
            name: 'archive/data.pkl',
            data: Buffer.concat([Buffer.from([0x80, 2]), named('__torch__', 'M'), Buffer.from([0x29, 0x81, 0x2e])]),
          },
          { name: 'archive/code/__torch__.py', data: Buffer.from('class M: pass') },
        ]),
        /os\.system/,
      ],
      'in a model.tar.gz': [gzipSync(await tar([{ name: 'model.joblib', data: gadget }])), /os\.system/],
      'numbers without a network': [await model('numbers.torch'), /without the network/],
      'no model at all': [Buffer.from([0x80, 4, 0x4b, 1, 0x2e]), /not a fitted model/],
      Keras: [
        zip([
          { name: 'config.json', data: Buffer.from('{"module":"os"}') },
          { name: 'metadata.json', data: Buffer.from('{}') },
          { name: 'model.weights.h5', data: Buffer.from('x') },
        ]),
        /Keras/,
      ],
      HDF5: [Buffer.concat([Buffer.from('\x89HDF\r\n\x1a\n', 'latin1'), Buffer.alloc(200)]), /HDF5/],
    })
    assert.deepEqual(await readdir(folder), [], 'nothing was loaded')
  } finally {
    await rm(folder, { recursive: true })
  }
})

/** A graph of one node that passes its input on, with something added. */
const graph = (...parts: Buffer[]) =>
  Buffer.concat([
    whole(1, 8),
    tagged(8, whole(2, 17)),
    tagged(
      7,
      Buffer.concat([
        node('Identity', ['x'], 'y'),
        tagged(11, valueInfo('x', 1, [null, 2])),
        tagged(12, valueInfo('y', 1, [null, 2])),
        ...parts,
      ]),
    ),
  ])
const external = (location: string, name = 'w') =>
  tagged(
    5,
    Buffer.concat([
      whole(1, 4),
      whole(2, 1),
      tagged(8, name),
      tagged(13, Buffer.concat([tagged(1, 'location'), tagged(2, location)])),
      whole(14, 1),
    ]),
  )
const nested = (depth: number): Buffer => {
  let inner = node('Identity', ['x'], 'z')
  for (let i = 0; i < depth; i++)
    inner = tagged(
      1,
      Buffer.concat([
        tagged(4, 'If'),
        tagged(2, 'z'),
        tagged(5, Buffer.concat([tagged(1, 'then_branch'), tagged(6, inner), whole(20, 5)])),
      ]),
    )
  return inner
}

onEachPlatform('C7 C8 C9: a graph cannot reach other files, foreign programs or sizes that wrap around', async (world) => {
  await refuses(world, {
    'weights above the bundle': [graph(external('../../secret')), /outside of what was brought/],
    'weights through a folder': [graph(external('junk/../../secret')), /outside of what was brought/],
    'weights at an absolute path': [graph(external('/etc/passwd')), /outside of what was brought/],
    'weights at a drive': [graph(external('C:\\secret')), /outside of what was brought/],
    'weights that were not brought': [graph(external('weights.bin')), /not in what was brought/],
    'weights that are shorter': [
      await tar([
        { name: 'model.onnx', data: graph(external('weights.bin')) },
        { name: 'weights.bin', data: Buffer.alloc(8) },
      ]),
      /shorter than it says/,
    ],
    'a foreign program': [
      graph(tagged(1, Buffer.concat([tagged(1, 'x'), tagged(2, 'z'), tagged(4, 'Run'), tagged(7, 'com.evil')]))),
      /com\.evil/,
    ],
    'a shape that wraps around': [
      graph(
        tagged(
          5,
          Buffer.concat([
            whole(1, 2 ** 32),
            whole(1, 2 ** 32),
            whole(1, 4),
            whole(2, 1),
            tagged(8, 'w'),
            tagged(9, Buffer.alloc(16)),
          ]),
        ),
      ),
      /cannot be|asks for/,
    ],
    'a size below zero': [graph(tagged(5, Buffer.concat([whole(1, -1), whole(2, 1), tagged(8, 'w')]))), /a size of -1/],
    'more bytes than its shape': [
      graph(tagged(5, Buffer.concat([whole(1, 2), whole(2, 1), tagged(8, 'w'), tagged(9, Buffer.alloc(4))]))),
      /asks for 8/,
    ],
    'an input of 2^40': [graph(tagged(11, valueInfo('big', 1, [null, 2 ** 40]))), /a size of|would take/],
    'graphs 50 deep': [graph(nested(50)), /deep within one another/],
    'two graphs': [Buffer.concat([graph(), tagged(7, node('Identity', ['x'], 'y'))]), /two graphs/],
    'no output': [Buffer.concat([whole(1, 8), tagged(7, wholeNumbers('w', [1]))]), /no output/],
    'cut off': [graph(wholeNumbers('w', [1, 2, 3])).subarray(0, -5), /no model|no ONNX file|longer than/],
  })
})

onEachPlatform('C5 C10 C11: settings cannot grant trust, and headers lie in vain', async (world) => {
  const safetensors = (header: object | string, data = 16, length?: bigint) => {
    const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header))
    const size = Buffer.alloc(8)
    size.writeBigUInt64LE(length ?? BigInt(json.length))
    return Buffer.concat([size, json, Buffer.alloc(data)])
  }
  const honest = safetensors({ w: { dtype: 'F32', shape: [4], data_offsets: [0, 16] } })
  const folder = (config: object, weights = honest) =>
    tar([
      { name: 'config.json', data: Buffer.from(JSON.stringify({ model_type: 'bert', architectures: ['BertModel'], ...config })) },
      { name: 'model.safetensors', data: weights },
    ])
  const gguf = Buffer.concat([Buffer.from('GGUF'), Buffer.from([3, 0, 0, 0]), Buffer.alloc(16, 0xff)])
  const ubjson = Buffer.concat([
    Buffer.from('{L'),
    Buffer.from([0, 0, 0, 0, 0, 0, 0, 7]),
    Buffer.from('learner[$D#L'),
    Buffer.alloc(8, 0x7f),
  ])
  await refuses(world, {
    'code of its own': [await folder({ auto_map: { AutoModel: 'modeling.Evil' } }), /auto_map/],
    'trust that it grants itself': [await folder({ text_config: { trust_remote_code: true } }), /trust_remote_code/],
    'a program of elsewhere': [await folder({ _attn_implementation_internal: 'evil/repo' }), /_attn_implementation_internal/],
    'a header of 2^63 bytes': [await folder({}, safetensors('{}', 16, 2n ** 63n)), /length of its header/],
    'a shape that wraps around': [
      await folder({}, safetensors({ w: { dtype: 'F32', shape: [4194305, 4194305, 211106198978564], data_offsets: [0, 16] } })),
      /does not fill/,
    ],
    'tensors over one another': [
      await folder(
        {},
        safetensors({
          a: { dtype: 'F32', shape: [4], data_offsets: [0, 16] },
          b: { dtype: 'F32', shape: [2], data_offsets: [4, 12] },
        }),
      ),
      /lie over one another/,
    ],
    'a tensor outside': [
      await folder({}, safetensors({ w: { dtype: 'F32', shape: [64], data_offsets: [0, 256] } })),
      /does not lie within it/,
    ],
    'counts of GGUF': [gguf, /no GGUF file/],
    'lengths of UBJSON': [ubjson, /no XGBoost model/],
    'XGBoost without a learner': [Buffer.from('{"learner":{"objective":7},"version":[1]}'), /no learner/],
    'LightGBM with more columns than names': [
      Buffer.from('tree\nversion=v4\nmax_feature_idx=9\nfeature_names=a b\n'),
      /names 2 columns/,
    ],
    'CatBoost with a core beyond its end': [Buffer.concat([Buffer.from('CBM1'), Buffer.alloc(40, 0xff)]), /larger than the file/],
    'MLflow with a tag of a program': [
      await tar([{ name: 'MLmodel', data: Buffer.from('flavors: !!js/function "() => process.exit()"\n') }]),
      /MLmodel/,
    ],
    'MLflow that multiplies': [
      await tar([
        {
          name: 'MLmodel',
          data: Buffer.from(
            `a0: &a0 [x]\n${Array.from({ length: 30 }, (_, i) => `a${i + 1}: &a${i + 1} [*a${i}, *a${i}, *a${i}]`).join('\n')}\n`,
          ),
        },
      ]),
      /MLmodel/,
    ],
    'MLflow that leads out': [
      await tar([{ name: 'MLmodel', data: Buffer.from('flavors:\n  sklearn:\n    pickled_model: ../../etc/passwd\n') }]),
      /outside of the folder/,
    ],
    'MLflow with a program of its own': [
      await tar([
        { name: 'MLmodel', data: Buffer.from('flavors:\n  python_function:\n    loader_module: mlflow.pyfunc.model\n') },
      ]),
      /programs of your own/,
    ],
  })
})

onEachPlatform('B1 B2 B3: an archive lays nothing outside, follows no link and holds no other archive', async (world) => {
  const good = { name: 'model.onnx', data: await model('plain.onnx') }
  const more: Record<string, Partial<Headers> & { name: string; data?: Buffer }> = {
    'a path that climbs': { name: '../climbed', data: Buffer.from('x') },
    'an absolute path': { name: '/tmp/climbed', data: Buffer.from('x') },
    'a path of Windows': { name: 'a\\..\\..\\climbed', data: Buffer.from('x') },
    'a symbolic link': { name: 'link', type: 'symlink', linkname: '/etc/passwd' },
    'a hard link': { name: 'link', type: 'link', linkname: '/etc/passwd' },
    'a device': { name: 'device', type: 'character-device' },
    'a pipe': { name: 'pipe', type: 'fifo' },
    'an archive': { name: 'inner', data: zip([{ name: 'x', data: Buffer.from('x') }]) },
    'a packed archive': { name: 'inner', data: gzipSync(await tar([{ name: 'x', data: Buffer.from('x') }])) },
    'a second model': { name: 'other.bin', data: await model('linear.onnx') },
  }
  const attacks: Record<string, [Buffer, RegExp]> = {}
  for (const [what, entry] of Object.entries(more))
    attacks[what] = [await tar([good, entry]), /refused|archives in archives|several models/]
  await refuses(world, attacks)
  assert.deepEqual(
    (await readdir(world.dataDir, { recursive: true })).filter((name) => name.includes('climbed')),
    [],
  )
})

onEachPlatform('what a file does not say is asked for by name', async (world) => {
  const { status, json } = await world.call('POST', '/v1/imports', {
    body: { name: 'asked', source: { upload: await uploadBytes(world, 'm', await model('plain.onnx')) } },
  })
  assert.equal(status, 422)
  assert.deepEqual(
    json.error.facts.missing.map(({ field }: { field: string }) => field),
    ['columns', 'task'],
  )
  const mallory = await world.person('Mallory', 'viewer')
  const upload = await uploadBytes(world, 'm', await model('plain.onnx'))
  for (const [path, body] of [
    ['/v1/imports', { name: 'x', source: { upload } }],
    ['/v1/imports/inspect', { source: { upload } }],
  ] as const) {
    const refused = await world.call('POST', path, { token: mallory.token, body })
    assert.equal(refused.status, 403, `${path}: ${refused.text}`)
  }
  const eve = await world.person('Eve', 'editor')
  assert.equal((await world.call('POST', '/v1/imports/inspect', { token: eve.token, body: { source: { upload } } })).status, 404)
})
