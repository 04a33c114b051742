import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { AnyEncoder } from '../encode.ts'
import type { EncoderPackage, Inference, LoadedModel } from '../inference.ts'
import { openInference } from '../open.ts'
import { compilePrediction } from '../row-prediction.ts'
import { type ModelSignature, shapeOf } from '../signature.ts'

const media = fileURLToPath(new URL('../fixtures/media/', import.meta.url))
const read = (name: string) => JSON.parse(readFileSync(join(media, name), 'utf8'))
const images: Record<string, { file: string }> = read('images.json')
const sounds: Record<string, { file: string; sampleRate: number }> = read('sounds.json')
const tokens: { texts: string[]; ids: Record<string, number[][]> } = read('tokens.json')

const folder = mkdtempSync(join(tmpdir(), 'atoll-media-'))
for (const name of ['preprocess.onnx', 'image.onnx', 'audio.onnx', 'tokens.onnx']) cpSync(join(media, name), join(folder, name))
cpSync(join(media, 'wordpiece.tokenizer.json'), join(folder, 'tokenizer.json'))
const inference: Inference = openInference({ executor: null as never, runtimes: null as never, enginesFolder: '' })
after(async () => {
  await inference.close()
  rmSync(folder, { recursive: true })
})

const bare = { positive: null, threshold: null }
const ofImages: ModelSignature = {
  ...bare,
  task: 'multiclass',
  classes: ['red', 'green', 'blue'],
  inputs: [{ name: 'photo', type: 'image', tensor: 'image', index: 0, nullable: false, size: [8, 8], channels: 3 }],
}
const ofSounds: ModelSignature = {
  ...bare,
  task: 'anomaly',
  classes: null,
  threshold: 1,
  inputs: [{ name: 'clip', type: 'audio', tensor: 'audio', index: 0, nullable: false, sampleRate: 8000, samples: null }],
  outputs: [
    { name: 'score', width: 1 },
    { name: 'vector', width: 2 },
  ],
}
const ofTexts: ModelSignature = {
  ...bare,
  task: 'regression',
  classes: null,
  inputs: [
    { name: 'bonus', type: 'number', tensor: 'numbers', index: 0, nullable: false },
    { name: 'body', type: 'text', tensor: 'tokens', index: 0, nullable: true, maxLength: 48, pad: 0 },
  ],
  outputs: [
    { name: 'prediction', width: 1 },
    { name: 'count', width: 1 },
  ],
}

async function open(graph: string, signature: ModelSignature, trust: EncoderPackage['trust'] = 'built') {
  const encoder = await inference.openEncoder({ folder, signature, trust, served: 'onnx' })
  const model = await inference.load({ file: join(folder, graph), ...shapeOf(signature), trust })
  return { encoder, model, signature, ask: (rows: object[]) => asked(encoder, model, signature, rows) }
}

async function asked(encoder: AnyEncoder, model: LoadedModel, signature: ModelSignature, rows: object[]) {
  const { batch, warnings } = await encoder.encode(rows)
  const scores = await model.predict(batch)
  const predict = compilePrediction(signature)
  return { predictions: rows.map((_, r) => predict(scores, r)), warnings }
}

for (const trust of ['built', 'imported'] as const)
  test(`${trust}: images as base64, data URLs and bytes get the same answer, alone or together`, async () => {
    const { ask, model } = await open('image.onnx', ofImages, trust)
    assert.equal(model.place, trust === 'built' ? 'inline' : 'process')
    const { file } = images['rgb.png']!
    const values = [file, `data:image/png;base64,${file}`, Buffer.from(file, 'base64')]
    const { predictions } = await ask(values.map((photo) => ({ photo })))
    assert.deepEqual(predictions[1], predictions[0])
    assert.deepEqual(predictions[2], predictions[0])
    assert.equal(Object.values(predictions[0]!.probabilities!).length, 3)
    // Other rows in the same turn, whichever calls they are of, change nothing.
    const many = await Promise.all(
      Object.values(images).map(({ file }) => ask([{ photo: file }, { photo: images['420.jpg']!.file }])),
    )
    assert.deepEqual(new Set(many.map(({ predictions }) => JSON.stringify(predictions[1]))).size, 1)
    assert.ok(new Set(many.map(({ predictions }) => JSON.stringify(predictions[0]))).size > 10)
  })

test('sounds of several lengths in one request are each answered by themselves', async () => {
  const { ask } = await open('audio.onnx', ofSounds)
  const names = ['pcm8', 'float32', 'a-law', 'odd-rate', 'pcm8', 'mu-law']
  const { predictions } = await ask(names.map((name) => ({ clip: sounds[name]!.file })))
  assert.deepEqual(predictions[4], predictions[0])
  for (const [i, name] of names.entries())
    assert.deepEqual((await ask([{ clip: sounds[name]!.file }])).predictions[0], predictions[i], name)
  assert.equal(typeof predictions[0]!.isAnomaly, 'boolean')
  assert.equal(predictions[0]!.vector!.length, 2)
})

test('texts of several lengths beside a number: what fills the shorter ones does not count', async () => {
  const { ask } = await open('tokens.onnx', ofTexts)
  const { predictions } = await ask(tokens.texts.map((body, i) => ({ body, bonus: i })))
  for (const [i, ids] of tokens.ids.wordpiece!.entries()) {
    const sum = ids.reduce((all, id) => all + id, 0)
    assert.deepEqual(predictions[i], { value: sum + i, outputs: { count: ids.length } }, tokens.texts[i])
  }
  const { predictions: none } = await ask([{ body: null, bonus: 0 }])
  assert.equal(none[0]!.outputs!.count, 2)
})

test('a long text is prepared elsewhere and comes to the same', async () => {
  const { ask } = await open('tokens.onnx', ofTexts)
  const long = 'the quick brown fox '.repeat(4000)
  const [first, again] = (
    await ask([
      { body: long, bonus: 0 },
      { body: long.slice(0, 400), bonus: 0 },
    ])
  ).predictions
  assert.deepEqual(first, again)
})

test('several columns of text are read as one, without those that are missing', async () => {
  const column = ofTexts.inputs[1]!
  const inputs = [
    { ...column, name: 'end', index: 1 },
    { ...column, name: 'title', index: 0, separator: ' and ' },
    ofTexts.inputs[0]!,
  ]
  const { ask } = await open('tokens.onnx', {
    ...ofTexts,
    inputs: inputs.map((one) => (one.tensor === 'tokens' ? { ...one, separator: ' and ' } : one)),
  })
  const one = await open('tokens.onnx', ofTexts)
  const { predictions } = await ask([
    { title: 'The fox', end: 'the dog', bonus: 0 },
    { title: 'The fox', bonus: 0 },
  ])
  const plain = await one.ask([
    { body: 'The fox and the dog', bonus: 0 },
    { body: 'The fox', bonus: 0 },
  ])
  assert.deepEqual(predictions, plain.predictions)
  const encoder = await inference.openEncoder({ folder, signature: { ...ofTexts, inputs }, trust: 'built', served: 'python' })
  const { batch } = await encoder.encode([{ title: 'a', bonus: 1 }])
  assert.deepEqual(batch.items, [{ fields: { title: 'a', end: null } }])
})

test('a package for the Python worker hands on what was sent, once it was seen to be a file', async () => {
  const encoder = await inference.openEncoder({ folder, signature: ofImages, trust: 'built', served: 'python' })
  const { file } = images['rgb.png']!
  const { batch } = await encoder.encode([{ photo: `data:image/png;base64,${file}` }])
  assert.deepEqual(batch.items, [{ fields: { photo: file } }])
  await assert.rejects(async () => encoder.encode([{ photo: '***' }]), /Row 0, column "photo": it is not base64/)
})

test('what cannot be read is refused with its row and column; the others of the turn are answered', async () => {
  const pictures = await open('image.onnx', ofImages)
  const clips = await open('audio.onnx', ofSounds)
  const texts = await open('tokens.onnx', ofTexts)
  const good = images['rgb.png']!.file
  const refused = (work: Promise<unknown>, message: RegExp, column: string) =>
    assert.rejects(work, (error: Error & { code: string; facts: { row: number; column: string } }) => {
      assert.equal(error.code, 'unprocessable', error.message)
      assert.match(error.message, message)
      assert.equal(error.facts.column, column)
      return true
    })
  const fine = pictures.ask([{ photo: good }])
  for (const [value, message] of [
    ['not base64!', /Row 1, column "photo": it is not base64/],
    ['', /expected the bytes of an image file as base64, got empty text/],
    [null, /expected the bytes of an image file as base64, got null/],
    [undefined, /got nothing/],
    [17, /got the number 17/],
    ['data:image/png,abc', /not a data URL/],
    [Buffer.from('<svg/>').toString('base64'), /it is an SVG or other XML\. Send JPEG/],
    [good.slice(0, 400), /it is a PNG, but it cannot be read/],
    [sounds.pcm8!.file, /no image that is known/],
  ] as const)
    await refused(pictures.ask([{ photo: good }, { photo: value }]), message, 'photo')
  await refused(
    pictures.ask([{ photo: good, Photo: 1 }]),
    /a field "Photo" that the model does not use\. Did you mean "photo"/,
    'Photo',
  )
  await refused(clips.ask([{ clip: good }]), /Row 0, column "clip": it is not a WAV file/, 'clip')
  await refused(texts.ask([{ body: 5, bonus: 0 }]), /expected text, got the number 5/, 'body')
  await refused(texts.ask([{ body: 'x'.repeat(100_001), bonus: 0 }]), /the text has 100001 characters; at most 100000/, 'body')
  await refused(texts.ask([{ body: 'x', bonus: 'y' }]), /column "bonus": expected a number/, 'bonus')
  assert.equal((await fine).predictions.length, 1)
  await assert.rejects(
    pictures.ask([{ photo: good }, { photo: 'not base64!' }, { photo: 3, Photo: 1 }]),
    (error: Error & { facts: { problems: { row: number; problem: string }[] } }) => {
      const problems = error.facts.problems.map(({ row, problem }) => [row, problem])
      assert.deepEqual(problems, [
        [1, 'value'],
        [2, 'unknown'],
        [2, 'type'],
      ])
      return true
    },
  )
})

test('a request whose prepared rows would fill the memory is refused at once', async () => {
  const signature = { ...ofImages, inputs: [{ ...ofImages.inputs[0]!, size: [4096, 4096] as [number, number] }] }
  const encoder = await inference.openEncoder({ folder, signature, trust: 'built', served: 'python' })
  const rows = Array.from({ length: 6 }, () => ({ photo: images['rgb.png']!.file }))
  await assert.rejects(async () => encoder.encode(rows), /at most 5 rows of this model, not 6/)
})

test('a graph that does not fit its signature is refused when it is loaded', async () => {
  const sized = { ...ofImages, inputs: [{ ...ofImages.inputs[0]!, size: [9, 8] as [number, number] }] }
  await assert.rejects(
    inference.load({ file: join(folder, 'image.onnx'), ...shapeOf(sized), trust: 'built' }),
    /signature says uint8 \[rows, 9, 8, 3\]/,
  )
  const twice = { ...ofImages, inputs: [ofImages.inputs[0]!, { ...ofImages.inputs[0]!, name: 'other', index: 1 }] }
  await assert.rejects(
    inference.load({ file: join(folder, 'image.onnx'), ...shapeOf(twice), trust: 'built' }),
    /several inputs of one kind/,
  )
  await assert.rejects(
    inference.load({ file: join(folder, 'audio.onnx'), ...shapeOf(ofImages), trust: 'built' }),
    /wants an input "audio" that its signature does not have/,
  )
})
