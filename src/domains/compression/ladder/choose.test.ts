import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Measured, Rung } from '../schema.ts'
import { choose } from './choose.ts'
import { markFront } from './rungs.ts'

const measured = (p95Ms: number, rowsPerSecond = 1000, energy: number | null = null): Measured => ({
  one: { p50Ms: p95Ms / 2, p95Ms },
  many: { p50Ms: 1, p95Ms: 2, rows: 32, rowsPerSecond },
  place: 'inline',
  peakMemoryBytes: 1e7,
  energyWhPerThousandRows: energy,
  repetitions: 200,
  rounds: 10,
  machine: { processor: 'one', cores: 2, memoryBytes: 8e9, node: 'v24', load: 0.1 },
  job: 'job',
  at: '2026-01-01T00:00:00Z',
})

function rung(number: number, loss: number, sizeBytes: number, of: Measured | null): Rung {
  return {
    version: `mdv_${number}`,
    name: `m:${number}`,
    model: 'm',
    number,
    state: 'registered',
    algorithm: 'mlp',
    served: 'onnx',
    derived: null,
    quality: { value: 0.9 - loss, low: 0.85, high: 0.95 },
    difference: null,
    loss,
    sizeBytes,
    inputs: 3,
    measured: of,
    isOnFront: false,
  }
}

const rungs = [
  rung(1, 0, 8_000_000, measured(30, 900)),
  rung(2, 0.005, 2_000_000, measured(12, 3000)),
  rung(3, 0.008, 500_000, measured(25, 2000)),
  rung(4, 0.03, 60_000, measured(1, 90_000)),
  rung(5, 0, 1_000, null),
]
const rule = { maxLoss: 0.01, maxP95Ms: 20, optimise: 'size' } as const

test('the smallest within one point and under 20 ms is picked, and the others are told why not', () => {
  const choice = choose(rungs, rule, 'f1')
  assert.equal(choice.name, 'm:2')
  assert.match(choice.sentence, /^m:2 is the smallest of 1 .* 2 MB, 0\.005 of f1 below the first, 12 ms\./)
  assert.deepEqual(
    choice.refused.map(({ why }) => why),
    [
      'm:1 takes 30 ms at the 95th percentile.',
      'm:3 takes 25 ms at the 95th percentile.',
      'm:4 loses 0.03 of f1.',
      'm:5 was not measured on this machine yet.',
    ],
  )
})

test('what is wished for decides among those that keep to the rule', () => {
  const lenient = { maxLoss: 0.05, maxP95Ms: 100 }
  assert.equal(choose(rungs, { ...lenient, optimise: 'latency' }, 'f1').name, 'm:4')
  assert.equal(choose(rungs.slice(0, 3), { ...lenient, optimise: 'throughput' }, 'f1').name, 'm:2')
  assert.equal(choose(rungs.slice(0, 3), { ...lenient, optimise: 'size' }, 'f1').name, 'm:3')
})

test('energy that could not be read is no reason to pick anything', () => {
  const choice = choose(rungs.slice(0, 3), { maxLoss: 1, maxP95Ms: 100, optimise: 'energy' }, 'f1')
  assert.equal(choice.version, null)
  assert.match(choice.refused[0]!.why, /could not be measured/)
})

test('on the front is what no other beats in quality and speed', () => {
  const marked = rungs.map((one) => ({ ...one }))
  markFront(marked)
  assert.deepEqual(
    marked.map(({ isOnFront }) => isOnFront),
    [true, true, false, true, false],
  )
})
