import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { crc32, deflateSync } from 'node:zlib'
import { pino } from 'pino'
import { createAtoll } from '../sdk/src/index.ts'
import { endpointsRoutes } from '../src/domains/endpoints/routes.ts'
import { EndpointInput } from '../src/domains/endpoints/schema.ts'
import { servingMigrations, servingWorld } from '../src/domains/endpoints/testing.ts'
import type { Signature } from '../src/domains/registry/schema.ts'
import { restServer } from '../src/facades/rest/server.ts'
import { openSqlite } from '../src/ports/metadata/sqlite.ts'

const media = fileURLToPath(new URL('../src/ports/inference/fixtures/media/', import.meta.url))
const json = (name: string) => JSON.parse(readFileSync(join(media, name), 'utf8'))
const images: Record<string, { file: string }> = json('images.json')
const sounds: Record<string, { file: string }> = json('sounds.json')
const bytes = (file: string) => new Uint8Array(Buffer.from(file, 'base64'))

const bare = { positive: null, threshold: null, tolerance: 1e-4, target: 'what' }
const example = null
const photos: Signature = {
  ...bare,
  task: 'multilabel',
  classes: ['red', 'green', 'blue'],
  thresholds: [0.2, 0.2, 0.9],
  inputs: [{ name: 'photo', type: 'image', tensor: 'image', index: 0, nullable: false, size: [8, 8], channels: 3, example }],
}
const clips: Signature = {
  ...bare,
  task: 'anomaly',
  classes: null,
  threshold: 1,
  inputs: [{ name: 'clip', type: 'audio', tensor: 'audio', index: 0, nullable: false, sampleRate: 8000, samples: null, example }],
  outputs: [
    { name: 'score', width: 1 },
    { name: 'vector', width: 2 },
  ],
}
const texts: Signature = {
  ...bare,
  task: 'regression',
  classes: null,
  inputs: [
    { name: 'bonus', type: 'number', tensor: 'numbers', index: 0, nullable: false, example },
    { name: 'body', type: 'text', tensor: 'tokens', index: 0, nullable: false, maxLength: 48, pad: 0, example },
  ],
  outputs: [
    { name: 'prediction', width: 1 },
    { name: 'count', width: 1 },
  ],
}

describe('endpoints of images, sounds and texts over HTTP', () => {
  let origin: string
  let token: string
  let close: () => Promise<void>
  let w: Awaited<ReturnType<typeof servingWorld>>

  before(async () => {
    const metadata = openSqlite({ file: ':memory:' })
    await metadata.migrate(servingMigrations)
    w = await servingWorld(metadata)
    const app = await restServer({
      config: { host: '127.0.0.1', port: 0, allowedHosts: [], publicUrl: null, trustedProxies: [] },
      auth: w.auth,
      events: w.events,
      logger: pino({ level: 'silent' }),
      version: '0.0.0',
      routes: endpointsRoutes(w.endpoints),
    })
    origin = await app.listen({ host: '127.0.0.1', port: 0 })
    token = (await w.auth.tokens.create(w.by, { name: 'test', scopes: null, expiresInDays: 1 })).secret
    const graph = (name: string) => readFileSync(join(media, name))
    const beside = (path: string, at = path) => [{ path, root: media, at }]
    await w.register('photos', { graph: graph('image.onnx'), signature: photos, beside: beside('preprocess.onnx') })
    await w.register('clips', { graph: graph('audio.onnx'), signature: clips })
    await w.register('texts', {
      graph: graph('tokens.onnx'),
      signature: texts,
      beside: beside('tokenizer.json', 'wordpiece.tokenizer.json'),
    })
    for (const name of ['photos', 'clips', 'texts'])
      await w.endpoints.create(w.by, EndpointInput.parse({ model: name, name, capture: { thumbnails: true } }))
    close = async () => {
      await app.close()
      await w.endpoints.close()
      await w.done()
      await metadata.close()
    }
  })
  after(() => close())

  async function ask(endpoint: string, body: BodyInit | object, contentType?: string) {
    const isPlain = !(body instanceof Uint8Array || body instanceof FormData || typeof body === 'string')
    const reply = await fetch(`${origin}/v1/endpoints/${endpoint}/predict`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        ...((contentType || isPlain) && { 'content-type': contentType ?? 'application/json' }),
      },
      body: isPlain ? JSON.stringify(body) : (body as BodyInit),
    })
    const answer = (await reply.json()) as { predictions: object[]; error: { message: string; facts: Record<string, unknown> } }
    return {
      status: reply.status,
      answer,
      said: answer.error?.message,
      first: answer.predictions?.[0] as Record<string, unknown>,
    }
  }

  test('a file as it is, in a form and as base64 gets the same answer', async () => {
    const { file } = images['420.jpg']!
    const form = new FormData()
    form.append('file', new Blob([bytes(file)]), 'cat.jpg')
    const named = new FormData()
    named.append('photo', new Blob([bytes(file)]), 'cat.jpg')
    const answers = [
      await ask('photos', { row: { photo: file } }),
      await ask('photos', bytes(file), 'image/jpeg'),
      await ask('photos', bytes(file), 'application/octet-stream'),
      await ask('photos', form),
      await ask('photos', named),
    ]
    for (const { status, first, said } of answers) {
      assert.equal(status, 200, said)
      assert.deepEqual({ ...first, id: '' }, { ...answers[0]!.first, id: '' })
    }
    const { labels, probabilities } = answers[0]!.first as { labels: string[]; probabilities: Record<string, number> }
    assert.deepEqual(
      labels,
      photos.classes!.filter((name, k) => probabilities[name]! >= photos.thresholds![k]!),
    )
    assert.ok(labels.length > 0 && labels.length < 3)
  })

  test('sounds, texts and forms with other columns', async () => {
    const clip = await ask('clips', bytes(sounds.pcm16!.file), 'audio/wav')
    assert.deepEqual(Object.keys(clip.first), ['id', 'score', 'isAnomaly', 'vector'])
    const form = new FormData()
    form.append('body', 'The quick brown fox')
    form.append('bonus', '5')
    const plain = await ask('texts', { row: { body: 'The quick brown fox', bonus: 5 } })
    assert.deepEqual({ ...(await ask('texts', form)).first, id: '' }, { ...plain.first, id: '' })
    const lacking = await ask('texts', 'The quick brown fox', 'text/plain')
    assert.deepEqual([lacking.status, /lacks the column "bonus"/.test(lacking.said)], [422, true])
  })

  test('bodies that are no item of this model are refused in words', async () => {
    const good = bytes(images['rgb.png']!.file)
    const twice = new FormData()
    for (const name of ['a', 'b']) twice.append('photo', new Blob([good]), name)
    for (const [reply, status, message] of [
      [await ask('photos', good, 'application/x-protobuf'), 415, /"application\/x-protobuf" is not taken here/],
      [await ask('texts', good, 'image/png'), 400, /no input that such a body could be/],
      [await ask('photos', 'hello', 'text/plain'), 400, /no input that such a body could be/],
      [await ask('photos', 'not a form', 'multipart/form-data; boundary=x'), 400, /not a valid multipart form/],
      [await ask('photos', twice), 400, /several parts for "photo"/],
      [await ask('photos', new Uint8Array(0), 'image/png'), 422, /column "photo"|no image/],
      [await ask('photos', new Uint8Array(33 * 2 ** 20), 'image/png'), 413, /larger than/],
    ] as const) {
      assert.equal(reply.status, status, reply.said)
      assert.match(reply.said, message)
    }
  })

  test('a page of another origin may not send files or forms, whatever their type', async () => {
    for (const type of ['text/plain', 'multipart/form-data; boundary=x', 'application/x-www-form-urlencoded', 'image/png'])
      for (const headers of [{ origin: 'https://evil.example' }, { 'sec-fetch-site': 'cross-site' }] as Record<
        string,
        string
      >[]) {
        const reply = await fetch(`${origin}/v1/endpoints/photos/predict`, {
          method: 'POST',
          headers: { authorization: `Bearer ${token}`, 'content-type': type, ...headers },
          body: 'x',
        })
        assert.equal(reply.status, 403, `${type} ${JSON.stringify(headers)}: ${await reply.text()}`)
      }
  })

  test('attacks end in a clear refusal, and the server goes on', async () => {
    const png = bytes(images['rgb.png']!.file)
    const jpeg = bytes(images['444.jpg']!.file)
    const wav = Buffer.from(sounds.pcm16!.file, 'base64')
    const gigabyte = Buffer.from(wav)
    gigabyte.writeUInt32LE(2 ** 30, gigabyte.indexOf('data') + 4)
    const nan = Buffer.from(sounds.float32!.file, 'base64')
    nan.writeFloatLE(Number.NaN, nan.indexOf('data') + 100)
    const silent = wav.subarray(0, wav.indexOf('data') + 8)
    for (const [endpoint, body, message] of [
      ['photos', bomb(30_000, 30_000), /"photo": it (has|is a PNG, but it cannot be read: it has) .*million/],
      ['photos', jpeg.subarray(0, jpeg.length / 2), /a JPEG, but it cannot be read: it is damaged or cut short/],
      ['photos', png.subarray(0, png.length - 40), /a PNG, but it cannot be read/],
      ['photos', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>'), /an SVG or other XML/],
      [
        'photos',
        Buffer.from('<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg>&x;</svg>'),
        /an SVG or other XML/,
      ],
      ['clips', gigabyte, /says that it holds 1073741824 bytes of sound, but holds 2000/],
      ['clips', nan, /not finite numbers/],
      ['clips', silent, /cut short|length is zero/],
      ['clips', png, /not a WAV file/],
    ] as const) {
      const started = performance.now()
      const reply = await ask(endpoint, new Uint8Array(body), 'application/octet-stream')
      assert.equal(reply.status, 422, reply.said)
      assert.match(reply.said, message)
      assert.equal(reply.answer.error.facts.row, 0)
      assert.doesNotMatch(reply.said, /\/tmp|node_modules/)
      assert.ok(performance.now() - started < 5000)
    }
    const huge = await ask('texts', { row: { body: 'word '.repeat(1_000_000), bonus: 0 } })
    assert.deepEqual([huge.status, /5000000 characters; at most 100000/.test(huge.said)], [422, true])
    const one = await ask('texts', { row: { body: 'x'.repeat(100_000), bonus: 0 } })
    assert.equal(one.status, 200, one.said)
    assert.equal((await ask('photos', png, 'image/png')).status, 200)
  })

  test('the command line sends files, folders, and tables that name files; the SDK a file', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'atoll-files-'))
    await mkdir(join(folder, 'more'))
    for (const [name, image] of [
      ['a.png', 'rgb.png'],
      ['more/b.JPG', '420.jpg'],
    ] as const)
      await writeFile(join(folder, name), bytes(images[image]!.file))
    await writeFile(join(folder, 'more/broken.png'), 'hello')
    await writeFile(join(folder, 'notes.txt'), 'not an image')
    await writeFile(join(folder, 'rows.csv'), 'photo\na.png\nmore/b.JPG\n')
    const run = async (...words: string[]) => {
      const env = { ...process.env, ATOLL_URL: origin, ATOLL_TOKEN: token }
      const main = fileURLToPath(new URL('../sdk/src/cli/main.ts', import.meta.url))
      const child = await promisify(execFile)(process.execPath, [main, 'predict', ...words, '--json'], { env }).catch((e) => e)
      return { code: child.code ?? 0, out: child.stdout ? JSON.parse(child.stdout) : null, said: String(child.stderr) }
    }
    const whole = await run('photos', '--file', folder)
    assert.deepEqual(
      whole.out.files.map(({ file, error }: { file: string; error: string | null }) => [file.slice(folder.length + 1), error]),
      [
        ['a.png', null],
        ['more/b.JPG', null],
        ['more/broken.png', 'it is no image that is known here. Send JPEG, PNG, WebP, GIF or TIFF.'],
      ],
    )
    assert.equal(whole.code, 1)
    const ofTable = await run('photos', '--rows', join(folder, 'rows.csv'), '--out', join(folder, 'out.csv'))
    assert.deepEqual(
      ofTable.out.predictions.map((one: { probabilities: object }) => one.probabilities),
      whole.out.files.slice(0, 2).map((one: { prediction: { probabilities: object } }) => one.prediction.probabilities),
    )
    assert.match(await readFile(join(folder, 'out.csv'), 'utf8'), /^labels,p_red,p_green,p_blue\n/)
    assert.match((await run('photos', '--file', join(folder, 'absent.png'))).said, /There is no file/)
    assert.match((await run('photos')).said, /Give either --rows or --file/)
    const atoll = createAtoll({ url: origin, token })
    const { predictions } = await atoll.endpoints.predictFile('photos', bytes(images['rgb.png']!.file))
    assert.deepEqual(predictions[0]!.probabilities, whole.out.files[0].prediction.probabilities)
    const text = new Blob(['The quick brown fox'], { type: 'text/plain' })
    await assert.rejects(atoll.endpoints.predictFile('texts', text), /lacks the column "bonus"/)
    const clip = await atoll.endpoints.predictFile('clips', bytes(sounds.pcm16!.file), { column: 'clip', row: {} })
    assert.equal(typeof clip.predictions[0]!.score, 'number')
    await rm(folder, { recursive: true })
  })

  test('captures keep a hash and a small picture, not the bytes', async () => {
    const content = bytes(images['rgb.png']!.file)
    assert.equal((await ask('photos', content, 'image/png')).status, 200)
    const { items } = await w.endpoints.listCaptures(w.by, 'photos', { limit: 1 })
    const { sha256, bytes: size, thumbnail } = items[0]!.row.photo as { sha256: string; bytes: number; thumbnail: string }
    assert.equal(sha256, createHash('sha256').update(content).digest('hex'))
    assert.equal(size, content.length)
    assert.match(thumbnail, /^data:image\/webp;base64,/)
    assert.ok(Buffer.byteLength(JSON.stringify(items[0])) < 12_000)
    assert.deepEqual(w.errors, [])
  })

  test('a policy may keep the files themselves, but never what it hides', async () => {
    const content = bytes(images['420.jpg']!.file)
    const kept = async (endpoint: string) => {
      await w.endpoints.listCaptures(w.by, endpoint, { limit: 1 })
      const found = []
      for await (const page of w.endpoints.capturedFiles((await w.endpoints.get(w.by, endpoint)).id)) found.push(...page)
      return found
    }
    assert.deepEqual(await kept('photos'), [], 'nothing unless told')
    const policy = { ...(await w.endpoints.get(w.by, 'photos')).capture, filesMegabytes: 1 }
    await w.endpoints.patch(w.by, 'photos', { capture: { ...policy, hide: ['photo'] } })
    assert.equal((await ask('photos', content, 'image/jpeg')).status, 200)
    assert.deepEqual(await kept('photos'), [], 'what is hidden is not kept')
    await w.endpoints.patch(w.by, 'photos', { capture: policy })
    for (let i = 0; i < 2; i++) assert.equal((await ask('photos', content, 'image/jpeg')).status, 200)
    const sha256 = createHash('sha256').update(content).digest('hex')
    assert.deepEqual(await kept('photos'), [{ sha256, sizeBytes: content.length, contentType: 'image/jpeg' }])
    assert.deepEqual(Buffer.from(await w.needs.blobs.bytes(sha256)), Buffer.from(content))
    assert.deepEqual(w.errors, [])
  })
})

/** A small PNG that says how large it is. */
function bomb(width: number, height: number): Buffer {
  const chunk = (kind: string, data: Buffer) => {
    const ends = Buffer.alloc(8)
    ends.writeUInt32BE(data.length)
    const body = Buffer.concat([Buffer.from(kind), data])
    ends.writeUInt32BE(crc32(body), 4)
    return Buffer.concat([ends.subarray(0, 4), body, ends.subarray(4)])
  }
  const size = Buffer.alloc(13)
  size.writeUInt32BE(width)
  size.writeUInt32BE(height, 4)
  size.set([8, 2, 0, 0, 0], 8)
  const parts = [chunk('IHDR', size), chunk('IDAT', deflateSync(Buffer.alloc(20_000_000))), chunk('IEND', Buffer.alloc(0))]
  return Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), ...parts])
}
