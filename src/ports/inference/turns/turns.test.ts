import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { openInference } from '../open.ts'
import { compileDecision, compilePrediction } from '../row-prediction.ts'
import { type ModelSignature, shapeOf } from '../signature.ts'
import { mergesOf } from './grouping.ts'
import { type Turn, type TurnsPlan, turnText } from './plan.ts'

// Made by scripts/make-turns-fixture.py, which trains a small network of voices.
const folder = fileURLToPath(new URL('../fixtures/turns/', import.meta.url))
const read = (name: string) => JSON.parse(readFileSync(join(folder, name), 'utf8'))
const signature: ModelSignature = read('signature.json')
const recordings: { file: string; turns: Record<string, Turn[]> }[] = read('recordings.json')
const inference = openInference({ executor: null as never, runtimes: null as never, enginesFolder: '' })
after(() => inference.close())

const within = { timeout: 60_000 }

async function open(changed: Partial<TurnsPlan> = {}, trust: 'built' | 'imported' = 'built') {
  const own = { ...signature, turns: { ...signature.turns!, ...changed } }
  const encoder = await inference.openEncoder({ folder, signature: own, trust, served: 'onnx' })
  const model = await inference.load({ file: join(folder, 'model.onnx'), ...shapeOf(own), trust })
  return { encoder, model, own }
}

const plans: Record<string, Partial<TurnsPlan>> = {
  usual: {},
  few: { mostWindows: 4 },
  two: { speakers: 2 },
  one: { speakers: 1 },
  strict: { threshold: 0.02 },
}

for (const [name, changed] of Object.entries(plans))
  test(`who speaks when is what training code says (${name})`, within, async () => {
    const { encoder, model, own } = await open(changed)
    const column = own.inputs[0]!.name
    const { batch } = await encoder.encode(recordings.map(({ file }) => ({ [column]: file })))
    const scores = await model.predict(batch)
    const predict = compilePrediction(own)
    const decide = compileDecision(own)!
    for (const [row, { turns }] of recordings.entries()) {
      assert.deepEqual(predict(scores, row), { turns: turns[name] }, `recording ${row}`)
      assert.equal(decide(scores, row), JSON.stringify(turns[name]!.map(turnText)))
    }
  })

test('a package from outside answers the same from a process of its own', within, async () => {
  const { encoder, model, own } = await open({}, 'imported')
  assert.equal(model.place, 'process')
  const { batch } = await encoder.encode([{ [own.inputs[0]!.name]: recordings[0]!.file }])
  assert.deepEqual(compilePrediction(own)(await model.predict(batch), 0), { turns: recordings[0]!.turns.usual })
})

test('the nearest are joined first, and what is joined is as far as its members on average', () => {
  const direction = (degrees: number) => Float64Array.of(Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180))
  const merges = mergesOf([0, 90, 10, 100].map(direction))
  const apart = (degrees: number) => 1 - Math.cos((degrees * Math.PI) / 180)
  assert.deepEqual(
    merges.map(({ height }) => height.toFixed(9)),
    [apart(10), apart(10), (apart(90) + apart(100) + apart(80) + apart(90)) / 4].map((height) => height.toFixed(9)),
  )
})
