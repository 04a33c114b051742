import assert from 'node:assert/strict'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { ParityExpected } from '../src/domains/evaluation/parity.ts'
import { prove } from '../src/domains/evaluation/prove.ts'
import type { Signature } from '../src/domains/registry/schema.ts'
import type { Executor } from '../src/ports/executors/executor.ts'
import { openLocalExecutor } from '../src/ports/executors/local.ts'
import { localFiles } from '../src/ports/files/local.ts'
import type { Inference } from '../src/ports/inference/inference.ts'
import { openInference } from '../src/ports/inference/open.ts'
import { openLanguage } from '../src/ports/language/open.ts'

const media = fileURLToPath(new URL('../src/ports/inference/fixtures/media/', import.meta.url))
const json = async (name: string) => JSON.parse(await readFile(join(media, name), 'utf8'))

const bare = { target: 'what', positive: null, threshold: null, tolerance: 1e-6 }
const photos: Signature = {
  ...bare,
  task: 'multiclass',
  classes: ['red', 'green', 'blue'],
  inputs: [
    { name: 'photo', type: 'image', tensor: 'image', index: 0, nullable: false, size: [8, 8], channels: 3, example: null },
  ],
}
const clips: Signature = {
  ...bare,
  task: 'anomaly',
  classes: null,
  threshold: 1,
  inputs: [
    { name: 'clip', type: 'audio', tensor: 'audio', index: 0, nullable: false, sampleRate: 8000, samples: null, example: null },
  ],
  outputs: [
    { name: 'score', width: 1 },
    { name: 'vector', width: 2 },
  ],
}

/** A worker that speaks the protocol of `<family>.predict`, and answers what it finds beside its model. */
const worker = `
import base64, hashlib, json, sys
known = json.load(open("input/data/model/native/answers.json"))
print(json.dumps({"ready": True}), flush=True)
for line in sys.stdin:
    rows = [hashlib.sha256(base64.b64decode(row["photo"], validate=True)).hexdigest() for row in json.loads(line)]
    print(json.dumps({"probabilities": [known[row] for row in rows]}), flush=True)
`

let folder: string
let executor: Executor
let inference: Inference
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'prove-media-'))
  await mkdir(join(folder, 'engines/atoll_engines'), { recursive: true })
  await writeFile(join(folder, 'engines/atoll_engines/__init__.py'), '')
  await writeFile(join(folder, 'engines/atoll_engines/run.py'), worker)
  executor = await openLocalExecutor({ python: 'python3' })
  const runtimes = {
    list: async () => [],
    ensure: async () => ({ name: 'deep', lockHash: '', python: 'python3', readOnly: [], env: {} }),
  }
  inference = openInference({ executor, runtimes: runtimes as never, enginesFolder: join(folder, 'engines') })
})
after(async () => {
  await inference.close()
  await executor.close()
  await rm(folder, { recursive: true })
})

/** Proves a package whose graph and evidence lie in a folder of their own. */
async function proven(graph: string, signature: Signature, rows: object[], expected: Omit<ParityExpected, 'kinds'>) {
  const packageFolder = await mkdtemp(join(folder, 'package-'))
  await cp(join(media, graph), join(packageFolder, 'model.onnx'))
  await cp(join(media, 'preprocess.onnx'), join(packageFolder, 'preprocess.onnx'))
  await writeFile(join(packageFolder, 'parity_rows.jsonl'), rows.map((row) => JSON.stringify(row)).join('\n'))
  await writeFile(
    join(packageFolder, 'parity_expected.json'),
    JSON.stringify({ kinds: rows.map(() => 'held_out'), complete: true, ...expected }),
  )
  return prove(
    { files: localFiles(), inference, language: openLanguage({ executor }) },
    {
      signature,
      exported: { ok: true, reason: null },
      packageFolder,
      evidenceFolder: packageFolder,
      hashOf: async (path) => `hash of ${path}`,
      engine: { family: 'image', runtime: 'deep' },
      async layNative() {
        const { createHash } = await import('node:crypto')
        const hashes = rows.map((row) => {
          const bytes = Buffer.from((row as { photo: string }).photo, 'base64')
          return createHash('sha256').update(bytes).digest('hex')
        })
        await mkdir(join(packageFolder, 'native'))
        const answers = Object.fromEntries(hashes.map((hash, i) => [hash, expected.probabilities![i]]))
        await writeFile(join(packageFolder, 'native/answers.json'), JSON.stringify(answers))
      },
    },
  )
}

async function pictures() {
  const images: Record<string, { file: string; probabilities: number[] }> = await json('images.json')
  const rows = Object.values(images).map(({ file }) => ({ photo: file }))
  const probabilities = Object.values(images).map((image) => image.probabilities)
  const labels = probabilities.map((row) => photos.classes![row.indexOf(Math.max(...row))]!)
  return { rows, expected: { probabilities, predictions: null, labels } }
}

test('images of every kind are proven: what Python made of them is what is served', async () => {
  const { rows, expected } = await pictures()
  const parity = await proven('image.onnx', photos, rows, expected)
  assert.deepEqual([parity.served, parity.passed, parity.rows, parity.flips], ['onnx', true, rows.length, 0])
  assert.ok(parity.maxDiff < 1e-6, String(parity.maxDiff))
})

test('sounds are proven by all that the graph says of them', async () => {
  const sounds: Record<string, { file: string; sampleRate: number; samples: number | null; score: number[]; vector: number[] }> =
    await json('sounds.json')
  // The others were heard at another rate than this model asks for.
  const heard = Object.values(sounds).filter(({ sampleRate, samples }) => sampleRate === 8000 && samples === null)
  assert.ok(heard.length >= 3)
  const outputs = { score: heard.map(({ score }) => score), vector: heard.map(({ vector }) => vector) }
  const expected = {
    probabilities: null,
    predictions: null,
    outputs,
    labels: outputs.score.map(([score]) => score! >= 1),
  }
  const rows = heard.map(({ file }) => ({ clip: file }))
  const parity = await proven('audio.onnx', clips, rows, expected)
  assert.deepEqual([parity.served, parity.passed, parity.flips], ['onnx', true, 0], String(parity.reason))
})

test('a graph that says something else of one image is not served: the Python worker gets the same rows instead', async () => {
  const { rows, expected } = await pictures()
  const changed = expected.probabilities.map((row, i) => (i === 0 ? [row[1]!, row[2]!, row[0]!] : row))
  const labels = changed.map((row) => photos.classes![row.indexOf(Math.max(...row))]!)
  const parity = await proven('image.onnx', photos, rows, { probabilities: changed, predictions: null, labels })
  assert.deepEqual([parity.served, parity.passed, parity.modelSha256], ['python', true, 'hash of native/answers.json'])
  assert.match(parity.reason!, /row 0 \(held_out\) is "\w+" in training code and "\w+" when served/)
})

test('part of the sealed images is no proof', async () => {
  const { rows, expected } = await pictures()
  const parity = await proven('image.onnx', photos, rows, { ...expected, complete: false })
  assert.equal(parity.passed, false)
  assert.match(parity.reason!, /^The graph is not served: Only \d+ rows were replayed/)
})
