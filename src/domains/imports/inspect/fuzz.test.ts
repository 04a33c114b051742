/** Whatever is done to a file, looking at it ends: with what it is, or with a refusal that says why. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { isPlatformError } from '../../../kernel/errors.ts'
import { sourceOfBytes } from './byte-source.ts'
import { detect } from './detect.ts'

const models = new URL('../../../../tests/models/', import.meta.url)
const files = [
  'plain.onnx',
  'columns.onnx',
  'pipeline.joblib',
  'pipeline.zlib.joblib',
  'pipeline.pickle',
  'protocol0.pickle',
  'booster.xgboost',
  'booster.ubjson',
  'trees.lightgbm',
  'trees.catboost',
]
const changesOfEach = 120

const look = (bytes: Buffer) =>
  detect({ root: '', files: [sourceOfBytes('model', bytes)], places: new Map(), container: null, members: new Map() })

/** Numbers in [0, 1) from a seed: a failure can be had again. */
function numbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

/** Some bytes changed, cut off, doubled, or made as large as they can be. */
function changed(bytes: Buffer, random: () => number): Buffer {
  const at = () => Math.floor(random() * bytes.length)
  const kind = random()
  if (kind < 0.15) return bytes.subarray(0, at())
  if (kind < 0.3) {
    const from = at()
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(Math.max(0, from - 40))])
  }
  const copy = Buffer.from(bytes)
  if (kind < 0.45) copy.fill(0xff, at(), Math.min(copy.length, at() + 8))
  else for (let n = 0; n <= random() * 8; n++) copy[at()] = Math.floor(random() * 256)
  return copy
}

test('damaged models are told or refused, and nothing else happens', { timeout: 60_000 }, async () => {
  const random = numbers(4)
  let refused = 0
  for (const name of files) {
    const bytes = await readFile(new URL(name, models))
    assert.notEqual((await look(bytes)).format, undefined)
    for (let n = 0; n < changesOfEach; n++) {
      const started = performance.now()
      await look(changed(bytes, random)).catch((error: unknown) => {
        refused++
        assert.ok(
          isPlatformError(error) && ['invalid_input', 'too_large'].includes(error.code),
          `${name} ${n}: ${(error as Error).stack}`,
        )
      })
      assert.ok(performance.now() - started < 5000, `${name} ${n} took long`)
    }
  }
  assert.ok(refused > 200, `${refused} were refused`)
})
