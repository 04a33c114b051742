/** C: files that would be code if somebody opened them the wrong way. Nobody here does. */
import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { loadOnnx } from '../../src/ports/inference/onnx.ts'
import { onEachPlatform } from '../platform-world.ts'
import { uploadBytes } from './upload.ts'
import { deflated, zip } from './zip.ts'

/** A pickle (protocol 4) that touches a file when it is loaded. */
function pickleThatTouches(path: string): Buffer {
  const text = (value: string) => Buffer.concat([Buffer.from([0x8c, value.length]), Buffer.from(value)])
  return Buffer.concat([
    Buffer.from([0x80, 0x04]),
    text('os'),
    text('system'),
    Buffer.from([0x93]),
    text(`touch ${path}`),
    Buffer.from([0x85, 0x52, 0x2e]),
  ])
}

onEachPlatform(
  'C1 C2 C3 C4 C6 C12: a file of objects is refused by what it holds, under any name, and is never loaded',
  async (world) => {
    const folder = await mkdtemp(join(tmpdir(), 'atoll-pickle-'))
    try {
      const pickle = pickleThatTouches(join(folder, 'touched'))
      const npy = Buffer.concat([
        Buffer.from('\x93NUMPY\x01\x00v\x00', 'latin1'),
        Buffer.from("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }".padEnd(117)),
        Buffer.from('\n'),
        pickle,
      ])
      const files: [string, Buffer][] = [
        ['model.pkl', pickle],
        ['table.csv', pickle],
        ['table.parquet', pickle],
        [
          'model.pt',
          zip([
            { name: 'archive/data.pkl', data: pickle },
            { name: 'archive/version', data: Buffer.from('3') },
          ]),
        ],
        ['book.xlsx', zip([{ name: 'archive/data.pkl', data: pickle, packed: deflated(pickle) }])],
        ['model.keras', zip([{ name: 'config.json', data: Buffer.from('{"module":"os","class_name":"system"}') }])],
        ['weights.h5', Buffer.concat([Buffer.from('\x89HDF\r\n\x1a\n', 'latin1'), Buffer.alloc(200)])],
        ['rows.npy', npy],
        ['model.mar', zip([{ name: 'handler.py', data: Buffer.from('import os') }])],
        ['model.onnx', Buffer.from([0x08, 0x08, 0x12, 0x02, 0x61, 0x62, 0x3a, 0x00])],
      ]
      for (const [name, bytes] of files) {
        const upload = await uploadBytes(world, name, bytes)
        for (const [path, body] of [
          ['/v1/datasets/detect', { source: { upload } }],
          ['/v1/datasets', { name: 'loaded', source: { upload } }],
        ] as const) {
          const { status, text } = await world.call('POST', path, { body })
          assert.ok(status >= 400 && status < 500, `${name}: ${status} ${text.slice(0, 300)}`)
        }
      }
      for (const type of ['application/vnd.bentoml+pickle', 'application/x-pickle', 'application/x-python-serialize']) {
        const response = await fetch(`${world.server.url}/v1/endpoints/any/predict`, {
          method: 'POST',
          headers: { authorization: `Bearer ${world.token}`, 'content-type': type },
          body: new Uint8Array(pickle),
        })
        assert.equal(response.status, 415, type)
      }
      assert.deepEqual(await readdir(folder), [], 'nothing was loaded')
      assert.equal((await world.call('GET', '/v1/health')).status, 200)
    } finally {
      await rm(folder, { recursive: true })
    }
  },
)

/** A message of protocol buffers: fields in order, numbers as varints, the rest with its length. */
function message(...fields: [number, number | string | Buffer][]): Buffer {
  return Buffer.concat(
    fields.flatMap(([field, value]) => {
      if (typeof value === 'number') return [varint(field << 3), varint(value)]
      const bytes = Buffer.from(value as string)
      return [varint((field << 3) | 2), varint(bytes.length), bytes]
    }),
  )
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  for (let left = value; ; left = Math.floor(left / 128)) {
    if (left < 128) return Buffer.from([...bytes, left])
    bytes.push((left % 128) | 128)
  }
}

const float = 1
const double = 11
const tensorOf = (name: string, type: number, columns: number) =>
  message([1, name], [2, message([1, message([1, type], [2, message([1, message([2, 'rows'])], [1, message([1, columns])])])])])

/** numbers (rows, 1) cast to float, plus a weight: the graph of a regression. */
function graph(weight: Buffer, { domain = '', operator = 'Add' } = {}): Buffer {
  const cast = message([1, 'numbers'], [2, 'narrow'], [4, 'Cast'], [5, message([1, 'to'], [3, float], [20, 2])])
  const sum = message([1, 'narrow'], [1, 'weight'], [2, 'prediction'], [4, operator], [7, domain])
  const body = message(
    [1, cast],
    [1, sum],
    [2, 'g'],
    [5, weight],
    [11, tensorOf('numbers', double, 1)],
    [12, tensorOf('prediction', float, 1)],
  )
  return message([1, 8], [7, body], [8, message([1, ''], [2, 17])], [8, message([1, 'com.evil'], [2, 1])])
}

const inlineWeight = (value: number) => {
  const raw = Buffer.alloc(4)
  raw.writeFloatLE(value)
  return message([1, 1], [2, float], [8, 'weight'], [9, raw])
}
const weightElsewhere = (location: string, length = '4') =>
  message(
    [1, 1],
    [2, float],
    [8, 'weight'],
    [13, message([1, 'location'], [2, location])],
    [13, message([1, 'offset'], [2, '0'])],
    [13, message([1, 'length'], [2, length])],
    [14, 1],
  )

test('C7 C8 C9: a graph reaches no other file, knows no operators of strangers, and a broken one ends with a sentence', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'atoll-graph-'))
  const shape = { numberColumns: 1, stringColumns: 0, width: 1 }
  try {
    const secret = Buffer.alloc(4)
    secret.writeFloatLE(4242)
    await writeFile(join(folder, 'secret'), secret)
    const file = join(folder, 'model.onnx')
    const load = async (bytes: Buffer, trust: 'built' | 'imported') => {
      await writeFile(file, bytes)
      return loadOnnx({ file, ...shape, trust })
    }
    const fine = await load(graph(inlineWeight(1)), 'built')
    const { values } = await fine.predict({ rows: 1, numbers: Float64Array.of(2), strings: [] })
    assert.equal(values[0], 3, 'the graph of this test is one that loads')
    await fine.close()
    const hostile: Record<string, Buffer> = {
      'a file beside it': graph(weightElsewhere('secret')),
      'a file by a detour': graph(weightElsewhere('junk/../secret')),
      'a file above it': graph(weightElsewhere('../../../etc/passwd')),
      'an absolute file': graph(weightElsewhere(join(folder, 'secret'))),
      'a device without end': graph(weightElsewhere('/dev/zero', String(2 ** 40))),
      'an operator of a stranger': graph(inlineWeight(1), { domain: 'com.evil', operator: 'Run' }),
      'two thousand million rows of weight': graph(
        message([1, 2 ** 31], [1, 2 ** 31], [2, float], [8, 'weight'], [9, Buffer.alloc(4)]),
      ),
      'a weight that is shorter than its shape': graph(message([1, 1000], [2, float], [8, 'weight'], [9, Buffer.alloc(4)])),
      'nesting without end': message([1, 8], [7, nested(3000)], [8, message([1, ''], [2, 17])]),
      'half a graph': graph(inlineWeight(1)).subarray(0, 60),
      nothing: Buffer.alloc(0),
      noise: Buffer.from(Array.from({ length: 4000 }, (_, i) => (i * 7919) % 256)),
    }
    for (const [name, bytes] of Object.entries(hostile))
      for (const trust of ['built', 'imported'] as const)
        await assert.rejects(
          load(bytes, trust),
          (error: Error) => {
            assert.ok(!/4242|root:x/.test(error.message), `${name}: ${error.message}`)
            return true
          },
          `${name} (${trust})`,
        )
  } finally {
    await rm(folder, { recursive: true })
  }
})

/** A node whose attribute is a graph with a node whose attribute is a graph … */
function nested(depth: number): Buffer {
  let inner = message([2, 'g'])
  for (let i = 0; i < depth; i++)
    inner = message([1, message([4, 'If'], [5, message([1, 'then_branch'], [6, inner], [20, 5])])], [2, 'g'])
  return inner
}
