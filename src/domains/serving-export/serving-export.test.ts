import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, normalize } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { extract } from 'tar-stream'
import { type Turn, turnText } from '../../ports/inference/turns/plan.ts'
import { openSqlite } from '../../ports/metadata/sqlite.ts'
import { EndpointInput } from '../endpoints/schema.ts'
import { binarySignature, servingMigrations, servingWorld } from '../endpoints/testing.ts'
import { servingExportService } from './service.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const media = join(root, 'src/ports/inference/fixtures/media')
const turns = join(root, 'src/ports/inference/fixtures/turns')
const timeout = 60_000

interface Recording {
  file: string
  turns: Record<string, Turn[]>
}

const turnsEvidence = (recordings: readonly Recording[], said: (row: string[], i: number) => string[]) => [
  { path: 'parity_rows.jsonl', text: `${recordings.map(({ file }) => JSON.stringify({ clip: file })).join('\n')}\n` },
  {
    path: 'parity_expected.json',
    text: JSON.stringify({
      kinds: recordings.map(() => 'held_out'),
      probabilities: null,
      predictions: null,
      labels: recordings.map((one, i) => said(one.turns.usual!.map(turnText), i)),
      complete: true,
    }),
  },
]

/** What the graph says, worked out apart from it: so that the replay can fail. */
function expectedOf({ a, b, state }: { a: number | null; b: number; state: string | null }): number {
  return 1 / (1 + Math.exp(-((a ?? Number.NaN) + b + (state === 'OH' ? 1 : 0))))
}

const rows = Array.from({ length: 1000 }, (_, i) => ({
  a: ((i * 37) % 101) / 10 - 5,
  b: ((i * 53) % 89) / 9 - 5,
  state: ['OH', 'AK', 'ZZ', null][i % 4]!,
}))
const expected = (probabilities: number[][]) => ({
  kinds: rows.map(() => 'held_out'),
  probabilities,
  predictions: null,
  labels: probabilities.map(([, yes]) => (yes! >= 0.6 ? 'yes' : 'no')),
})

async function unpack(tar: Readable, folder: string): Promise<string[]> {
  const names: string[] = []
  const files = extract()
  const done = (async () => {
    for await (const entry of files) {
      const { name } = entry.header
      assert.ok(normalize(name) === name && !name.startsWith('..') && !name.startsWith('/'), name)
      names.push(name)
      const pieces: Buffer[] = []
      for await (const piece of entry) pieces.push(piece as Buffer)
      await mkdir(dirname(join(folder, name)), { recursive: true })
      await writeFile(join(folder, name), Buffer.concat(pieces))
    }
  })()
  tar.pipe(files)
  await done
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
  return names
}

async function serve(folder: string, env: Record<string, string> = {}) {
  const child = spawn(process.execPath, ['server/standalone/main.js'], {
    cwd: folder,
    env: { PATH: process.env.PATH, PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
    signal: AbortSignal.timeout(timeout),
  })
  child.once('error', () => {})
  const line = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout! }).once('line', resolve)
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}`)))
  })
  const { url } = JSON.parse(line) as { url: string }
  const ask = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const reply = await fetch(url + path, {
      method,
      headers: { ...(body !== undefined && !(body instanceof Uint8Array) && { 'content-type': 'application/json' }), ...headers },
      ...(body !== undefined && { body: body instanceof Uint8Array ? (body as Uint8Array<ArrayBuffer>) : JSON.stringify(body) }),
    })
    const text = await reply.text()
    return { status: reply.status, text, json: text.startsWith('{') ? JSON.parse(text) : null }
  }
  const stop = async () => {
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGTERM')
    return ended
  }
  return { url, ask, stop }
}

describe('an endpoint as a folder that needs no platform', () => {
  let w: Awaited<ReturnType<typeof servingWorld>>
  let exported: ReturnType<typeof servingExportService>
  let close: () => Promise<void>
  let mayReadData = true
  let folder: string
  const folders: string[] = []

  before(async () => {
    const metadata = openSqlite({ file: ':memory:' })
    await metadata.migrate(servingMigrations)
    w = await servingWorld(metadata)
    exported = servingExportService({
      files: w.files,
      blobs: w.blobs,
      endpoints: w.endpoints,
      registry: w.registry,
      datasets: { pin: async () => (mayReadData ? ({} as never) : Promise.reject(new Error('not yours'))) },
      sources: join(root, 'src'),
      root,
    })
    const recordings = JSON.parse(await readFile(join(turns, 'recordings.json'), 'utf8')) as Recording[]
    const jsonl = `${rows.map((row) => JSON.stringify(row)).join('\n')}\n`
    const right = rows.map((row) => [1 - expectedOf(row), expectedOf(row)])
    const evidence = (probabilities: number[][]) => [
      { path: 'parity_rows.jsonl', text: jsonl },
      { path: 'parity_expected.json', text: JSON.stringify(expected(probabilities)) },
    ]
    await w.register('churn', { background: [{ a: 0, b: 0, state: 'AK' }], evidence: evidence(right) })
    // A version whose proof says something else of one row.
    const sure = right.findIndex(([, yes]) => yes! > 0.9)
    await w.register('wrong', { evidence: evidence(right.map((one, i) => (i === sure ? one.toReversed() : one))) })
    await w.register('photos', {
      graph: await readFile(join(media, 'image.onnx')),
      signature: {
        ...binarySignature,
        task: 'multilabel',
        classes: ['red', 'green', 'blue'],
        positive: null,
        threshold: null,
        inputs: [
          { name: 'photo', type: 'image', tensor: 'image', index: 0, nullable: false, size: [8, 8], channels: 3, example: null },
        ],
      },
      beside: [{ path: 'preprocess.onnx', root: media, at: 'preprocess.onnx' }],
    })
    await w.register('voices', {
      graph: await readFile(join(turns, 'model.onnx')),
      signature: JSON.parse(await readFile(join(turns, 'signature.json'), 'utf8')),
      evidence: turnsEvidence(recordings, (row) => row),
    })
    // The same with a turn that nobody said.
    await w.register('deaf', {
      graph: await readFile(join(turns, 'model.onnx')),
      signature: JSON.parse(await readFile(join(turns, 'signature.json'), 'utf8')),
      evidence: turnsEvidence(recordings, (row, i) => (i === 1 ? [...row, '9.00-9.50 S9'] : row)),
    })
    for (const name of ['churn', 'wrong', 'photos', 'voices', 'deaf'])
      await w.endpoints.create(w.by, EndpointInput.parse({ model: name, name: `${name} Live 1` }))
    folder = await unpacked('churn Live 1')
    close = async () => {
      await w.endpoints.close()
      await w.done()
      await metadata.close()
    }
  })
  after(async () => {
    await close()
    for (const one of folders) await rm(one, { recursive: true })
  })

  async function unpacked(name: string): Promise<string> {
    const place = await mkdtemp(join(tmpdir(), 'atoll-export-'))
    folders.push(place)
    const { body } = await exported.archive(w.by, name)
    await unpack(body as Readable, place)
    return place
  }

  const prove = (place: string) =>
    promisify(execFile)(process.execPath, ['server/standalone/prove.js'], { cwd: place, timeout }).catch(
      (error) => error as { code: number; stdout: string; stderr: string },
    )

  test('it answers the rows of its proof over HTTP without a label changing', { timeout }, async () => {
    const { stdout } = await prove(folder)
    const { passed, rows: count, flips, compared, maxDiff } = JSON.parse(stdout)
    assert.deepEqual({ passed, count, flips, compared }, { passed: true, count: 1000, flips: 0, compared: 1000 })
    assert.ok(maxDiff > 0 && maxDiff < 1e-5)
    const failed = await prove(await unpacked('wrong Live 1'))
    assert.equal((failed as { code: number }).code, 1)
    assert.deepEqual([JSON.parse(failed.stdout).passed, JSON.parse(failed.stdout).flips], [false, 1])
  })

  test('it answers as the platform does: rows, refusals, tensors', { timeout }, async () => {
    const server = await serve(folder)
    const asked = { rows: rows.slice(0, 20) }
    const here = JSON.parse(await w.endpoints.predictText(w.by, 'churn Live 1', { text: '', body: () => asked, requestId: 'r' }))
    const there = await server.ask('POST', '/predict', asked)
    const plain = (predictions: { id: string }[]) => predictions.map(({ id: _, ...one }) => one)
    assert.deepEqual(plain(there.json.predictions), plain(here.predictions))
    assert.deepEqual({ ...there.json, predictions: [] }, { ...here, predictions: [] })
    const refused = await server.ask('POST', '/predict', { rows: [{ a: 'x' }, { b: 1, c: 2 }] })
    assert.deepEqual([refused.status, refused.json.error.facts.problems.length], [422, 3])
    assert.equal((await server.ask('POST', '/predict', { row: rows[0], explain: true })).status, 400)
    assert.equal((await server.ask('POST', '/predict', Buffer.from('{'), { 'content-type': 'application/json' })).status, 400)
    assert.deepEqual((await server.ask('GET', '/health')).json, {
      status: 'ok',
      endpoint: 'churn Live 1',
      model: 'churn',
      version: 1,
    })
    assert.equal((await server.ask('GET', '/metadata')).json.inputs.length, 3)
    const name = encodeURIComponent('churn Live 1')
    assert.deepEqual((await server.ask('GET', `/v2/models/${name}`)).json.versions, ['1'])
    const inputs = [
      { name: 'a', datatype: 'FP64', shape: [1], data: [0.5] },
      { name: 'b', datatype: 'FP64', shape: [1], data: [1] },
    ]
    const tensors = await server.ask('POST', `/v2/models/${name}/versions/1/infer`, { inputs })
    assert.equal(tensors.json.outputs[0].data[0], 'yes')
    assert.deepEqual(Object.keys((await server.ask('POST', `/v2/models/${name}/infer`, {})).json), ['error'])
    for (const path of ['/', '/v1/endpoints', '/v2/models/other', '/model/model.onnx', '/../package.json'])
      assert.equal((await server.ask('GET', path)).status, 404, path)
    assert.match((await server.ask('GET', '/metrics')).text, /model_requests_total \d+/)
    assert.equal(await server.stop(), 0)
  })

  test('it asks for the token that it is given, but of its health', { timeout }, async () => {
    const server = await serve(folder, { TOKEN: 'secret' })
    assert.equal((await server.ask('GET', '/health')).status, 200)
    assert.equal((await server.ask('POST', '/predict', { row: rows[0] })).status, 401)
    assert.equal((await server.ask('GET', '/v2/models', undefined, { authorization: 'Bearer wrong!' })).status, 401)
    assert.equal((await server.ask('POST', '/predict', { row: rows[0] }, { authorization: 'Bearer secret' })).status, 200)
    await server.stop()
  })

  test('images are prepared there as here', { timeout }, async () => {
    const place = await unpacked('photos Live 1')
    const { dependencies } = JSON.parse(await readFile(join(place, 'package.json'), 'utf8'))
    assert.deepEqual(Object.keys(dependencies), ['onnxruntime-node', 'sharp'])
    const image = JSON.parse(await readFile(join(media, 'images.json'), 'utf8'))['rgb.png'].file as string
    const server = await serve(place)
    const asked = { row: { photo: image } }
    const here = JSON.parse(await w.endpoints.predictText(w.by, 'photos Live 1', { text: '', body: () => asked, requestId: 'r' }))
    const file = await server.ask('POST', '/predict', Buffer.from(image, 'base64'), { 'content-type': 'image/png' })
    for (const { json } of [file, await server.ask('POST', '/predict', asked)])
      assert.deepEqual(json.predictions[0].probabilities, here.predictions[0].probabilities)
    await server.stop()
  })

  test('turns of speakers are proven there by their own measure', { timeout }, async () => {
    const { stdout } = await prove(await unpacked('voices Live 1'))
    const { passed, rows: count, compared, flips } = JSON.parse(stdout)
    assert.ok(passed && count > 1 && compared === count && flips === 0, stdout)
    const failed = await prove(await unpacked('deaf Live 1'))
    assert.deepEqual([JSON.parse(failed.stdout).passed, JSON.parse(failed.stdout).flips], [false, 1])
  })

  test('the folder needs only what its package.json pins, and all of that is in its lock', { timeout }, async () => {
    const { dependencies } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'))
    const lock = JSON.parse(await readFile(join(folder, 'package-lock.json'), 'utf8'))
    assert.deepEqual(Object.keys(dependencies), ['onnxruntime-node'])
    for (const [path, entry] of Object.entries(
      lock.packages as Record<string, { integrity?: string; dependencies?: Record<string, string> }>,
    ))
      for (const name of Object.keys(entry.dependencies ?? {}))
        assert.ok(lock.packages[`node_modules/${name}`] ?? lock.packages[`${path}/node_modules/${name}`], `${path} needs ${name}`)
    for (const [path, { integrity }] of Object.entries(lock.packages as Record<string, { integrity?: string }>))
      if (path !== '') assert.match(integrity!, /^sha512-/)
    const manifest = await readFile(join(folder, 'kubernetes/deployment.yaml'), 'utf8')
    assert.match(manifest, /name: churn-live-1\n/)
    for (const part of ['readinessProbe', 'livenessProbe', 'resources', 'runAsNonRoot: true'])
      assert.ok(manifest.includes(part), part)
    assert.match(await readFile(join(folder, 'kubernetes/hpa.yaml'), 'utf8'), /kind: HorizontalPodAutoscaler/)
    assert.match(await readFile(join(folder, 'README.md'), 'utf8'), /npm run prove/)
    await assert.rejects(readFile(join(folder, 'model/background.json')), { code: 'ENOENT' })
  })

  test('who may not read the data gets no rows of it', { timeout }, async () => {
    mayReadData = false
    const place = await unpacked('churn Live 1')
    mayReadData = true
    await assert.rejects(readFile(join(place, 'parity/parity_rows.jsonl')), { code: 'ENOENT' })
    assert.match(await readFile(join(place, 'README.md'), 'utf8'), /rows of a data set that you may not read/)
    assert.equal(((await prove(place)) as { code: number }).code, 2)
    const stranger = await w.person('Eve', null)
    await assert.rejects(exported.archive(stranger, 'churn Live 1'), { code: 'not_found' })
  })
})
