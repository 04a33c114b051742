import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import type { RawBatch } from '../inference.ts'
import type { Session } from '../session.ts'
import { openWords } from '../tokens/tokenizer.ts'
import { type TextDecoding, writeTokens } from './decoding.ts'
import { inTurn, type RowAnswer, type RowWork } from './in-turn.ts'
import { windowsOf } from './windows.ts'

const decoding: TextDecoding = { start: [1], end: [2], maxTokens: 5, suppress: [0, 1], suppressFirst: [2], below: 6 }
const logits = (...values: number[]) => Float32Array.from(values)
const never = () => {}

test('the most probable token is written each time, the first of equals, without what may not be', async () => {
  const seen: number[][] = []
  const answers = [
    // 7 is beyond the limit, 0 and 1 are never said, 2 (the end) not first.
    logits(9, 9, 8, 5, 4, 4, 0, 99),
    logits(9, 9, 0, 1, 7, 7, 0, 99),
    logits(9, 9, 8, 5, 4, 4, 0, 99),
  ]
  const written = await writeTokens(
    decoding,
    async (tokens) => {
      seen.push([...tokens])
      return answers[seen.length - 1]!
    },
    never,
  )
  assert.deepEqual(written, [3, 4])
  assert.deepEqual(seen, [[1], [1, 3], [1, 3, 4]])
})

test('a text that never ends is cut where it is as long as it may be, and given up where nobody waits', async () => {
  const next = async () => logits(0, 0, 0, 1, 0, 0)
  assert.deepEqual(await writeTokens(decoding, next, never), [3, 3, 3, 3, 3])
  let checks = 0
  const check = () => {
    if (++checks === 3) throw new Error('nobody waits')
  }
  await assert.rejects(writeTokens(decoding, next, check), /nobody waits/)
  assert.equal(checks, 3)
})

test('long recordings are cut at the quietest frame of the last third, and nothing is lost', () => {
  const samples = new Float32Array(1000).fill(0.5)
  samples.fill(0, 250, 260)
  samples.fill(0, 500, 520)
  const found = windowsOf(samples, { samples: 300, frame: 10 })
  assert.deepEqual(found.slice(0, 2), [
    [0, 255],
    [255, 510],
  ])
  assert.equal(found.at(-1)![1], 1000)
  for (const [i, [begin, end]] of found.entries()) {
    assert.ok(end - begin <= 300)
    if (i > 0) assert.equal(begin, found[i - 1]![1])
  }
  assert.deepEqual(windowsOf(samples.subarray(0, 300), { samples: 300, frame: 10 }), [[0, 300]])
})

test('tokens become the text that Python makes of them', () => {
  const folder = new URL('../fixtures/media/', import.meta.url)
  const said: Record<string, [number[], string][]> = JSON.parse(readFileSync(new URL('said.json', folder), 'utf8'))
  for (const [name, rows] of Object.entries(said)) {
    const words = openWords(readFileSync(new URL(`${name}.tokenizer.json`, folder), 'utf8'))
    for (const [ids, text] of rows) assert.equal(words(ids), text, `${name} ${ids}`)
  }
})

const batch = (rows: number): RawBatch => ({ rows, numbers: new Float64Array(0), strings: [], items: Array(rows).fill({}) })

test('calls take turns, and nothing more is begun for one whose caller hung up', async () => {
  const begun: string[] = []
  const slow: Session<RowWork, RowAnswer> = {
    async run({ batch, row, unwanted }) {
      begun.push(`${batch.rows}.${row}`)
      for (let i = 0; i < 4 && Atomics.load(unwanted, 0) === 0; i++) await setTimeout(5)
      return { text: `${batch.rows}.${row}` }
    },
    close: async () => {},
  }
  const model = inTurn([slow])
  const caller = new AbortController()
  const long = model.predict(batch(5), { signal: caller.signal })
  const short = model.predict(batch(1))
  assert.deepEqual((await short).answers, [{ text: '1.0' }])
  caller.abort()
  await assert.rejects(long, /Nobody waits/)
  await model.close()
  assert.deepEqual(begun.slice(0, 3), ['5.0', '5.1', '1.0'])
  assert.ok(begun.length <= 4, begun.join(' '))
  await assert.rejects(model.predict(batch(1)), /being unloaded/)
})
