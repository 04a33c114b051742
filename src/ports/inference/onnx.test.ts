import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { LoadedModel, OnnxModelFile, RawBatch } from './inference.ts'
import { loadOnnx } from './onnx.ts'

const fixture = (name: string) => fileURLToPath(new URL(`./fixtures/${name}.onnx`, import.meta.url))
const binary: OnnxModelFile = { file: fixture('binary'), numberColumns: 2, stringColumns: 1, width: 2, trust: 'built' }
const regression: OnnxModelFile = { file: fixture('regression'), numberColumns: 1, stringColumns: 0, width: 1, trust: 'built' }
const slow: OnnxModelFile = { ...regression, file: fixture('slow') }

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x))
const rows = (...values: number[]): RawBatch => ({ rows: values.length, numbers: Float64Array.from(values), strings: [] })
const folder = mkdtempSync(join(tmpdir(), 'atoll-onnx-'))
const open: LoadedModel[] = []
async function load(model: OnnxModelFile, limits?: Parameters<typeof loadOnnx>[1]) {
  const loaded = await loadOnnx(model, limits)
  open.push(loaded)
  return loaded
}
after(async () => {
  await Promise.all(open.map((model) => model.close()))
  rmSync(folder, { recursive: true })
})

for (const [place, model, limits] of [
  ['inline', binary, {}],
  ['threads', binary, { maxInlineBytes: 0 }],
  ['process', { ...binary, trust: 'imported' }, {}],
] as const) {
  test(`${place}: numbers, strings, missing values and unseen categories`, async () => {
    const loaded = await load(model, limits)
    assert.equal(loaded.place, place)
    const scores = await loaded.predict({
      rows: 3,
      numbers: Float64Array.of(0.5, 1, Number.NaN, -1, 0, Number.NaN),
      strings: ['OH', 'ünseen', ''],
    })
    assert.equal(scores.width, 2)
    const yes = [sigmoid(2.5), sigmoid(-1), sigmoid(0)]
    for (let r = 0; r < 3; r++) {
      assert.ok(Math.abs(scores.values[r * 2 + 1]! - yes[r]!) < 1e-6)
      assert.ok(Math.abs(scores.values[r * 2]! - (1 - yes[r]!)) < 1e-6)
    }
    assert.equal((await loaded.predict({ rows: 0, numbers: new Float64Array(0), strings: [] })).values.length, 0)
  })
}

test('calls of one turn get their own answers, in any mixture of sizes', async () => {
  const loaded = await load(regression)
  const sizes = [1, 3, 1, 700, 2, 1, 40, 5000, 1]
  const batches = sizes.map((size, i) => rows(...Array.from({ length: size }, (_, r) => i * 10_000 + r)))
  const answers = await Promise.all(batches.map((batch) => loaded.predict(batch)))
  answers.forEach((scores, i) => {
    assert.deepEqual(
      [...scores.values],
      [...batches[i]!.numbers].map((x) => 2 * x + 1),
    )
  })
})

test('a call of many rows does not hold up a small one', async () => {
  const loaded = await load(regression)
  const ended: string[] = []
  await Promise.all([
    loaded.predict({ rows: 200_000, numbers: new Float64Array(200_000), strings: [] }).then(() => ended.push('large')),
    loaded.predict(rows(1)).then(() => ended.push('small')),
  ])
  assert.deepEqual(ended, ['small', 'large'])
})

test('a slow graph runs in threads and leaves the event loop free', async () => {
  const loaded = await load(slow)
  assert.equal(loaded.place, 'threads')
  let longest = 0
  let last = performance.now()
  const watch = setInterval(() => {
    longest = Math.max(longest, performance.now() - last)
    last = performance.now()
  }, 1)
  const start = performance.now()
  const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => delay(i).then(() => loaded.predict(rows(i)))))
  const took = performance.now() - start
  clearInterval(watch)
  assert.deepEqual(
    answers.map((scores) => scores.values[0]),
    Array.from({ length: 20 }, (_, i) => i),
  )
  assert.ok(longest < Math.max(30, took / 2), `the event loop stood still for ${longest.toFixed(1)} ms of ${took.toFixed(1)} ms`)
})

test('a file that is no graph, or another graph, is refused with a reason and without paths', async () => {
  const broken = join(folder, 'broken.onnx')
  writeFileSync(broken, readFileSync(fixture('binary')).subarray(0, 200))
  for (const trust of ['built', 'imported'] as const) {
    await assert.rejects(loadOnnx({ ...binary, file: broken, trust }), (error: Error & { code: string }) => {
      assert.equal(error.code, 'invalid_input')
      assert.match(error.message, /graph cannot be loaded/)
      assert.doesNotMatch(error.message, new RegExp(folder))
      return true
    })
  }
  await assert.rejects(
    loadOnnx({ ...binary, numberColumns: 3 }),
    /"numbers" is float64 \[.*, 2\]; its signature says float64 \[rows, 3\]/,
  )
  await assert.rejects(loadOnnx({ ...regression, stringColumns: 1 }), /no input "strings"/)
  await assert.rejects(loadOnnx({ ...binary, stringColumns: 0 }), /input "strings" that its signature does not have/)
  await assert.rejects(loadOnnx({ ...regression, file: join(folder, 'absent.onnx') }), /no such file/)
})

test('an imported graph whose process dies is started again; one that keeps dying is left alone', async () => {
  const loaded = await load({ ...regression, trust: 'imported' })
  for (let death = 1; death <= 3; death++) {
    assert.equal((await loaded.predict(rows(3))).values[0], 7)
    for (const pid of childrenRunning('onnx-remote')) process.kill(pid, 'SIGKILL')
    await delay(100)
  }
  await assert.rejects(loaded.predict(rows(1)), (error: Error & { code: string }) => {
    assert.equal(error.code, 'unavailable')
    assert.match(error.message, /died 3 times/)
    return true
  })
})

test('closing answers what was accepted and refuses what comes after', async () => {
  const loaded = await loadOnnx(regression)
  const accepted = Promise.all([loaded.predict(rows(1)), loaded.predict(rows(...new Array<number>(5000).fill(2)))])
  const closing = loaded.close()
  await assert.rejects(loaded.predict(rows(1)), /being unloaded/)
  assert.equal((await accepted)[1].values[4999], 5)
  await closing
})

/** Children of this process whose command line names `script`. */
function childrenRunning(script: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const parent = /^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
        return Number(parent) === process.pid && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(script)
      } catch {
        return false
      }
    })
}
