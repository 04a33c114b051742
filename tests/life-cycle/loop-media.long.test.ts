import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { crc32, deflateSync, gunzipSync } from 'node:zlib'
import { tone, zipOf } from '../../src/ports/media/testing.ts'
import { type ExampleWorld, exampleWorld } from './example-world.ts'
import { liveTraffic, type Row, type Sent } from './live-traffic.ts'
import { hasty, loopRuns, stepOf } from './loop-runs.ts'

/** Loops of endpoints that are asked about texts, images and sounds: what was sent is learnt from, judged on and served. */

const minute = 60_000
let w: ExampleWorld
before(
  async () => {
    w = await exampleWorld()
    await w.platform.startServing()
  },
  { timeout: 5 * minute },
)
after(() => w?.close())

const rightOf = (sent: readonly Sent[]): number => sent.filter(({ truth, label }) => truth === label).length / sent.length

async function addArchive(name: string, entries: { name: string; content: Buffer | string }[]): Promise<void> {
  const zip = zipOf(entries)
  const upload = await w.ask('POST', '/v1/uploads', { filename: `${name}.zip`, sizeBytes: zip.length })
  await fetch(`${w.server.url}/v1/uploads/${upload.id}?offset=0`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${w.token}`, 'content-type': 'application/octet-stream' },
    body: new Uint8Array(zip),
  })
  const { job } = await w.ask('POST', '/v1/datasets', { name, source: { upload: upload.id } })
  const ended = await w.ended(job)
  assert.equal(ended.state, 'succeeded', JSON.stringify(ended.failure))
}

/** A champion serves; the world moves (`moved`); a run is started, and the challenger serves in the end. */
async function healed(about: {
  name: string
  target: string
  training: object
  moved: Row[]
  later: Row[]
  window?: object
  capture?: object
}): Promise<{ was: number; is: number; endpoint: any; loop: any; gathered: any }> {
  const { name, target, moved, later } = about
  const goal = await w.ask('POST', '/v1/goals', { dataset: name, target, metric: 'accuracy', atLeast: 0.5 })
  await w.trained({ dataset: name, goal: goal.id, model: name, ...about.training } as never)
  let endpoint = await w.deployed(name, `${name}:1`)
  const policy = { endpoint: endpoint.id, triggers: { drift: false, decay: false }, ...hasty }
  const asked = { ...policy, window: { minimumRows: 60, sealedShare: 0.4, ...about.window }, judge: { minimumRows: 40 } }
  if (about.capture) {
    const refused = await w.call('POST', '/v1/loops', { body: asked })
    assert.deepEqual([refused.status, refused.json.error.facts.field], [412, 'capture.filesMegabytes'], refused.text)
    endpoint = await w.ask('PATCH', `/v1/endpoints/${endpoint.id}`, { capture: { ...endpoint.capture, ...about.capture } })
  }
  const loop = await w.ask('POST', '/v1/loops', asked)
  const live = liveTraffic(w, endpoint.id, target)
  const runs = loopRuns(w, loop.id, { patienceMs: 25 * minute })
  const sent = await live.askAll(moved, 10)
  await live.tell(sent)
  live.flow(later, { perRequest: 2, everyMs: 150 })
  const run = await runs.ended(await runs.start()).finally(() => live.stop())
  assert.deepEqual([run.outcome, live.failed], ['done', []], run.sentence)
  const gathered = stepOf(run, 'gather').evidence
  assert.deepEqual([gathered.labelled, gathered.withoutFile], [moved.length, 0])
  assert.equal((await w.ask('GET', `/v1/endpoints/${endpoint.id}`)).version, run.challenger!.version)
  const [was, is] = [rightOf(sent), rightOf(await live.askAll(later, 10))]
  console.log(
    `${name}: ${gathered.original} known, ${gathered.live} live, ${gathered.sealed} sealed; right ${was.toFixed(3)} before, ${is.toFixed(3)} after; ${stepOf(run, 'judge').sentence} | ${run.sentence}`,
  )
  assert.ok(is > was + 0.15, `${was} before, ${is} after`)
  return { was, is, endpoint, loop, gathered }
}

test('texts: people begin to write otherwise, and the loop learns their words', { timeout: 30 * minute }, async () => {
  const passages = async (file: string, subject: string) => {
    const text = await readFile(join(import.meta.dirname, '..', '..', 'examples', 'handbook', file), 'utf8')
    const whole = text
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { text: string }).text.replaceAll(/["\n]/g, ' '))
    return whole.flatMap((one) =>
      [one.slice(0, 350), one.slice(350)].filter((part) => part.length > 100).map((text) => ({ text, subject })),
    )
  }
  const [one, other] = [await passages('packages.jsonl', 'packages'), await passages('security.jsonl', 'security')]
  const mixed = one.flatMap((row, i) => (other[i] ? [row, other[i]] : [row]))
  const learnt = mixed.slice(0, 150)
  await w.addTable('subjects', `text,subject\n${learnt.map((row) => `"${row.text}",${row.subject}`).join('\n')}\n`, 'subject')
  // Whoever writes now has the letters of the Caesar cipher, by thirteen.
  const turned = (text: string) =>
    text.replaceAll(/[a-z]/gi, (c) =>
      String.fromCharCode((c <= 'Z' ? 65 : 97) + ((c.toLowerCase().charCodeAt(0) - 97 + 13) % 26)),
    )
  const rows = mixed.slice(150).map((row) => ({ ...row, text: turned(row.text) }))
  await healed({
    name: 'subjects',
    target: 'subject',
    training: { algorithms: ['text_tfidf_linear'], search: { strategy: 'none' } },
    moved: rows.slice(0, 180),
    later: rows.slice(180),
  })
})

const fashion = process.env.ATOLL_FASHION_MNIST
test('images: the pictures turn into their negatives, and the loop learns those that it was sent', {
  timeout: 30 * minute,
  skip: fashion ? false : 'set ATOLL_FASHION_MNIST to the folder of the four IDX files',
}, async () => {
  const kinds = ['T-shirt', 'Trouser', 'Pullover', 'Dress', 'Coat', 'Sandal', 'Shirt', 'Sneaker', 'Bag', 'Boot']
  const chosen = [0, 1, 5, 8]
  const pixels = gunzipSync(await readFile(join(fashion!, 'train-images-idx3-ubyte.gz'))).subarray(16)
  const labels = gunzipSync(await readFile(join(fashion!, 'train-labels-idx1-ubyte.gz'))).subarray(8)
  const places = [...labels.keys()].filter((n) => chosen.includes(labels[n]!)).slice(0, 1000)
  const picture = (n: number, negative: boolean) =>
    png(pixels.subarray(n * 784, n * 784 + 784).map((p) => (negative ? 255 - p : p)))
  await addArchive(
    'clothes',
    places.slice(0, 400).map((n) => ({ name: `${kinds[labels[n]!]}/${n}.png`, content: picture(n, false) })),
  )
  const rows = places.slice(400).map((n) => ({ image: picture(n, true).toString('base64'), label: kinds[labels[n]!]! }))
  const { gathered, endpoint, loop } = await healed({
    name: 'clothes',
    target: 'label',
    training: { algorithms: ['image_linear'], search: { strategy: 'none' } },
    window: { original: false },
    moved: rows.slice(0, 400),
    later: rows.slice(400),
    capture: { filesMegabytes: 50 },
  })
  // What was gathered is a data set of images like any other: its pictures can be looked at.
  const { items } = await w.ask('GET', `/v1/datasets/clothes/items?version=${gathered.version}&limit=500`)
  const live = items.filter(({ path }: { path: string }) => path.startsWith('live/'))
  assert.ok(live.length > 200 && live.every(({ contentType }: any) => contentType === 'image/png'))
  const shown = await w.call(
    'GET',
    `/v1/datasets/clothes/item?version=${gathered.version}&path=${encodeURIComponent(live[0].path)}`,
  )
  assert.deepEqual([shown.status, shown.headers.get('content-type')], [200, 'image/png'])
  // Files that are kept no longer: the next run says what is missing, and the champion stays.
  await w.ask('PATCH', `/v1/endpoints/${endpoint.id}`, { capture: { ...endpoint.capture, filesMegabytes: 0 } })
  const asker = liveTraffic(w, endpoint.id, 'label')
  await asker.tell(
    await asker.askAll(
      rows.slice(400).map((row, i) => ({ ...row, image: speck(row.image, i) })),
      10,
    ),
  )
  await w.platform.metadata.db.deleteFrom('captured_files').execute()
  const runs = loopRuns(w, loop.id)
  const over = await runs.ended(await runs.start())
  assert.equal(over.outcome, 'kept_champion')
  assert.match(over.sentence, /the image or sound was not kept: let the endpoint keep files/)
})

test('sounds: the pitch of each kind rises, and the loop hears it', { timeout: 30 * minute }, async () => {
  const clip = (kind: string, i: number, factor: number) =>
    tone(0.4 + 0.002 * i, { sampleRate: 16_000, hertz: (kind === 'low' ? 300 : 900) * factor * (1 + 0.001 * i) })
  const each = (n: number, from = 0) =>
    [...Array(n).keys()].flatMap((i) => ['low', 'high'].map((kind) => ({ kind, i: from + i })))
  await addArchive(
    'tones',
    each(40).map(({ kind, i }) => ({ name: `${kind}/${i}.wav`, content: clip(kind, i, 1) })),
  )
  const rows = each(110, 40).map(({ kind, i }) => ({ audio: clip(kind, i, 3).toString('base64'), label: kind }))
  await healed({
    name: 'tones',
    target: 'label',
    training: { algorithms: ['audio_linear'], search: { strategy: 'none' } },
    moved: rows.slice(0, 140),
    later: rows.slice(140),
    window: { original: false },
    capture: { filesMegabytes: 20 },
  })
})

/** Another picture, by the name that a text chunk gives it. */
function speck(base64: string, n: number): string {
  const bytes = Buffer.from(base64, 'base64')
  return Buffer.concat([bytes.subarray(0, 33), chunk('tEXt', Buffer.from(`n\0${n}`)), bytes.subarray(33)]).toString('base64')
}

function chunk(kind: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(kind, 'latin1'), data])
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)]
  length.writeUInt32BE(data.length)
  check.writeUInt32BE(crc32(body))
  return Buffer.concat([length, body, check])
}

/** 28 x 28 grey pixels as a PNG. */
function png(pixels: Uint8Array): Buffer {
  const lines = Buffer.alloc(28 * 29)
  for (let y = 0; y < 28; y++) lines.set(pixels.subarray(y * 28, y * 28 + 28), y * 29 + 1)
  const header = Buffer.alloc(13)
  header.writeUInt32BE(28, 0)
  header.writeUInt32BE(28, 4)
  header.set([8, 0, 0, 0, 0], 8)
  const parts = [chunk('IHDR', header), chunk('IDAT', deflateSync(lines)), chunk('IEND', Buffer.alloc(0))]
  return Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), ...parts])
}
