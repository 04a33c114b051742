import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { loadOnnx } from '../onnx.ts'
import { openOnnxSession } from '../onnx-session.ts'
import { openTreeSession } from './tree-session.ts'

const fixture = (name: string) => new URL(`../fixtures/${name}.onnx`, import.meta.url)
const shapeOf = (width: number) => ({ numberColumns: 4, stringColumns: 0, width })

for (const [name, width, mostDifference] of [
  ['trees-sigmoid', 2, 0],
  ['trees-mean', 2, 0],
  ['trees-less', 1, 0],
  // Its exponential is an approximation of the runtime's own.
  ['trees-softmax', 3, 2e-7],
] as const) {
  test(`${name}: every answer is that of ONNX Runtime, at thresholds, beside them, beyond all of them and where values are missing`, async () => {
    const file = fixture(name)
    const trees = openTreeSession(readFileSync(file), shapeOf(width))
    assert.ok(trees)
    const runtime = await openOnnxSession(readFileSync(file), shapeOf(width))
    const batch = trees.tryingRows(20_000)
    const [ours, theirs] = [await trees.run(batch), await runtime.run(batch)]
    assert.equal(ours.length, 20_000 * width)
    for (let i = 0; i < ours.length; i++) {
      if (!(Math.abs(ours[i]! - theirs[i]!) <= mostDifference))
        assert.fail(`row ${Math.floor(i / width)}: ${ours[i]} is not ${theirs[i]}`)
    }
    assert.ok(new Set(ours).size > 100, 'the rows reach many leaves')
    // Answers do not depend on what was asked together.
    for (const rows of [1, 3, 63, 64, 65]) {
      const few = await trees.run({ rows, numbers: batch.numbers.subarray(0, rows * 4), strings: [] })
      assert.deepEqual([...few], [...ours.subarray(0, rows * width)])
    }
    await runtime.close()
  })
}

test('graphs of another kind are left to ONNX Runtime', () => {
  assert.equal(openTreeSession(readFileSync(fixture('binary')), { numberColumns: 2, stringColumns: 1, width: 2 }), null)
  assert.equal(openTreeSession(readFileSync(fixture('regression')), { numberColumns: 1, stringColumns: 0, width: 1 }), null)
  assert.equal(openTreeSession(readFileSync(fixture('trees-sigmoid')), shapeOf(3)), null)
})

test('a file that is cut anywhere, or has any byte changed, is refused or read: it never hangs or walks out of its memory', async () => {
  const whole = readFileSync(fixture('trees-sigmoid'))
  for (let at = 0; at < whole.length; at += 13) {
    const changed = Buffer.from(whole)
    changed[at] = (changed[at]! + 1 + (at % 200)) & 255
    for (const bytes of [whole.subarray(0, at), changed]) {
      let session: ReturnType<typeof openTreeSession> = null
      try {
        session = openTreeSession(bytes, shapeOf(2))
      } catch (error) {
        assert.match((error as Error).message, /not an ONNX file/)
      }
      if (session) await session.run(session.tryingRows(10))
    }
  }
})

test('a loaded model answers the same whichever way it is run', async () => {
  const file = fixture('trees-sigmoid').pathname
  const model = await loadOnnx({ file, ...shapeOf(2), trust: 'built' })
  const imported = await loadOnnx({ file, ...shapeOf(2), trust: 'imported' })
  const numbers = Float64Array.from({ length: 4 * 700 }, (_, i) => (i % 11 === 0 ? Number.NaN : Math.sin(i)))
  const batch = { rows: 700, numbers, strings: [] }
  const [here, there] = await Promise.all([model.predict(batch), imported.predict(batch)])
  assert.deepEqual([...here.values], [...there.values])
  await Promise.all([model.close(), imported.close()])
})
