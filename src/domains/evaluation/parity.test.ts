import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { localFiles } from '../../ports/files/local.ts'
import { compileEncoder } from '../../ports/inference/encode.ts'
import { loadOnnx } from '../../ports/inference/onnx.ts'
import type { Signature } from '../registry/schema.ts'
import { type ParityExpected, replayParity } from './parity.ts'

const folder = await mkdtemp(join(tmpdir(), 'parity-'))
const file = fileURLToPath(new URL('../../ports/inference/fixtures/binary.onnx', import.meta.url))
const model = await loadOnnx({ file, numberColumns: 2, stringColumns: 1, width: 2, trust: 'built' })
after(async () => {
  await model.close()
  await rm(folder, { recursive: true })
})

const signature: Signature = {
  task: 'binary',
  target: 'y',
  classes: ['no', 'yes'],
  positive: 'yes',
  threshold: 0.5,
  tolerance: 1e-4,
  inputs: [
    { name: 'a', type: 'number', tensor: 'numbers', index: 0, nullable: true, example: 1 },
    { name: 'b', type: 'number', tensor: 'numbers', index: 1, nullable: true, example: 1 },
    { name: 'state', type: 'category', tensor: 'strings', index: 0, nullable: true, categories: ['OH'], example: 'OH' },
  ],
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x))
/** The fixture: sigmoid(a + b, + 1 for OH), a missing number counting 0. */
function said(row: { a: number | null; b: number | null; state: string }): number {
  return sigmoid((row.a ?? 0) + (row.b ?? 0) + (row.state === 'OH' ? 1 : 0))
}
const rows = Array.from({ length: 1200 }, (_, i) => ({
  a: i % 7 === 0 ? null : Math.sin(i) * 3,
  b: i % 11 === 0 ? null : Math.cos(i * 1.7) * 2,
  state: i % 3 ? 'OH' : 'never seen',
}))

async function replay(change: (expected: ParityExpected) => void = () => {}, sent: object[] = rows, all: typeof rows = rows) {
  const p = all.map(said)
  const expected: ParityExpected = {
    kinds: all.map((_, i) => (i < 800 ? 'held_out' : i < 1000 ? 'missing_injected' : 'unseen_injected')),
    probabilities: p.map((yes) => [1 - yes, yes]),
    predictions: null,
    labels: p.map((yes) => (yes >= 0.5 ? 'yes' : 'no')),
  }
  change(expected)
  await writeFile(join(folder, 'parity_rows.jsonl'), sent.map((row) => JSON.stringify(row)).join('\n'))
  await writeFile(join(folder, 'parity_expected.json'), JSON.stringify(expected))
  return replayParity({ files: localFiles() }, { folder, signature, model, encoder: compileEncoder(signature) })
}

test('passes when serving says what training said, injected rows included', async () => {
  const figures = await replay()
  assert.deepEqual(
    [figures.passed, figures.rows, figures.heldOutRows, figures.injectedRows, figures.flips],
    [true, 1200, 800, 400, 0],
  )
  assert.ok(figures.maxDiff > 0 && figures.maxDiff < 1e-6, String(figures.maxDiff))
})

test('a single label that differs fails it, and the row is named', async () => {
  const figures = await replay((expected) => {
    expected.labels![850] = expected.labels![850] === 'yes' ? 'no' : 'yes'
  })
  assert.deepEqual([figures.passed, figures.flips], [false, 1])
  assert.match(figures.reason!, /1 of 1200 labels differ; row 850 \(missing_injected\) is "\w+" in training code/)
})

test('a probability beyond the tolerance fails it without any flip', async () => {
  const figures = await replay((expected) => {
    expected.probabilities![20]![1]! += 2e-4
  })
  assert.deepEqual([figures.passed, figures.flips], [false, 0])
  assert.match(figures.reason!, /row 20 \(held_out\) differs by 2\.00e-4/)
})

test('an expectation that is not a number fails it', async () => {
  const figures = await replay((expected) => {
    expected.probabilities![3] = [Number.NaN, Number.NaN]
  })
  assert.deepEqual([figures.passed, figures.maxDiff], [false, Number.MAX_VALUE])
})

test('a row that serving refuses fails it with the reason', async () => {
  const figures = await replay(undefined, [...rows.slice(0, 1199), { a: 'text', b: 1, state: 'OH' }])
  assert.equal(figures.passed, false)
  assert.match(figures.reason!, /Serving refused a row.*column "a": expected a number/)
})

test('rows that are missing are no proof', async () => {
  await assert.rejects(replay(undefined, rows.slice(0, 1199)), /do not match/)
})

test('fewer than a thousand rows are no proof, however well they agree', async () => {
  const few = rows.slice(0, 999)
  const figures = await replay(undefined, few, few)
  assert.deepEqual([figures.passed, figures.flips, figures.rows], [false, 0, 999])
  assert.match(figures.reason!, /^Only 999 rows were replayed; a proof takes at least 1000/)
})
