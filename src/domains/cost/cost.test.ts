import assert from 'node:assert/strict'
import { test } from 'node:test'
import { learn } from './learn.ts'
import { costService } from './service.ts'

const prior = { seconds: { low: 1, high: 60 }, basis: 'A guess, before the first such job.' }
const cost = (wallSeconds: number) => ({ wallSeconds, cpuSeconds: wallSeconds, peakMemoryBytes: 1e8, energyWh: null })

test('the first time it says what it supposes, and that it does', async () => {
  const { estimate } = costService({ jobs: { history: async () => [] } })
  assert.deepEqual(await estimate({ kind: 'training', size: 10, prior }), {
    seconds: { low: 1, high: 60 },
    memoryBytes: null,
    energyWh: null,
    basis: 'A guess, before the first such job.',
  })
})

test('few earlier jobs give a wide interval in proportion to the size', async () => {
  const { estimate } = costService({ jobs: { history: async () => [{ size: 100, cost: cost(10) }] } })
  const said = await estimate({ kind: 'training', size: 200, prior })
  assert.deepEqual(said.seconds, { low: 10, high: 40 })
  assert.match(said.basis, /1 earlier job, in proportion/)
})

test('the interval of many jobs holds what new ones of other sizes take, about four times in five', () => {
  let seed = 1
  const random = () => {
    seed = (seed * 16807) % 2147483647
    return seed / 2147483647
  }
  const noise = () => Math.exp(0.3 * (random() + random() + random() + random() - 2) * 1.732)
  const take = (size: number) => 0.02 * size ** 0.8 * noise()
  const past = Array.from({ length: 40 }, () => {
    const size = 10 ** (2 + 3 * random())
    return { size, value: take(size) }
  })
  let inside = 0
  for (let i = 0; i < 500; i++) {
    const size = 10 ** (2 + 3 * random())
    const value = take(size)
    const { low, high } = learn(past, size)!
    if (low <= value && value <= high) inside++
    assert.ok(high / low < 5)
  }
  assert.ok(inside > 360 && inside < 460, `${inside} of 500`)
})

test('jobs all of one size say something about another size, and nothing impossible', () => {
  const same = Array.from({ length: 10 }, () => ({ size: 50, value: 2 }))
  const here = learn(same, 50)!
  assert.ok(here.low < 2 && 2 < here.high && here.high < 4)
  const there = learn(same, 500)!
  assert.ok(there.low > 10 && there.high < 40)
  assert.equal(learn([], 5), null)
})
