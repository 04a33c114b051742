import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RawBatch } from './inference.ts'
import { microBatchItems } from './micro-batch-items.ts'
import type { Session } from './session.ts'

const textsOf = (...lengths: number[]): RawBatch => ({
  rows: lengths.length,
  numbers: new Float64Array(0),
  strings: [],
  items: lengths.map((length) => ({ tokens: new Int32Array(length).fill(length) })),
})

/** Answers each text with its length, and keeps the lengths of each run. */
function counting() {
  const runs: number[][] = []
  const session: Session = {
    async run({ items = [] }) {
      runs.push(items.map(({ tokens }) => tokens!.length))
      return Float32Array.from(items, ({ tokens }) => tokens![0]!)
    },
    close: async () => {},
  }
  const shape = { numberColumns: 0, stringColumns: 0, width: 1 }
  const limits = { maxRows: 32, keyOf: () => '', lengthOf: ({ tokens }: { tokens?: Int32Array }) => tokens!.length }
  return { runs, ...microBatchItems([session], shape, limits) }
}

test('texts of about one length make one run, however many calls they come from, and each gets its own answer', async () => {
  const { predict, runs } = counting()
  const asked = [textsOf(20, 100), textsOf(22), textsOf(101, 60), textsOf(19)]
  const answers = await Promise.all(asked.map((batch) => predict(batch)))
  assert.deepEqual(
    answers.map(({ values }) => [...values]),
    [[20, 100], [22], [101, 60], [19]],
  )
  assert.deepEqual(
    runs.map((run) => [...run].sort()),
    [[19, 20, 22], [100, 101], [60]],
  )
})

test('a run is no longer than the processor likes, unless it is one text', async () => {
  const { predict, runs } = counting()
  await Promise.all([predict(textsOf(...new Array<number>(9).fill(128))), predict(textsOf(4000))])
  for (const run of runs) assert.ok(run.length === 1 || run.reduce((sum, length) => sum + length, 0) <= 512, String(run))
  assert.equal(runs.flat().length, 10)
})

test('a call of many rows does not hold up one that came after it', async () => {
  const { predict, runs } = counting()
  const large = predict(textsOf(...Array.from({ length: 200 }, (_, i) => 10 + i)))
  const small = predict(textsOf(1000))
  assert.deepEqual([...(await small).values], [1000])
  assert.ok(runs.length <= 3, String(runs.length))
  assert.equal((await large).values.length, 200)
})
