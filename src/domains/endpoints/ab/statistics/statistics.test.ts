import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { randomFrom } from '../../../evaluation/statistics/random.ts'
import { bettingInterval, logCapitalAbove, pOfAtMost } from './betting.ts'
import reference from './reference.json' with { type: 'json' }
import { armOfRate, sequentialDifference } from './sequential-difference.ts'

const near = (got: number, want: number, what: string, tolerance = 1e-7) =>
  assert.ok(Math.abs(got - want) <= tolerance * Math.max(1, Math.abs(want)), `${what}: ${got}, not ${want}`)

describe('the difference of two means under peeking', () => {
  for (const [at, { a, b, alpha, ...want }] of reference.differences.entries())
    test(`case ${at} is what integration by quadrature gives`, () => {
      const got = sequentialDifference(a, b, alpha)
      for (const name of ['value', 'low', 'high', 'pValue'] as const) near(got[name], want[name], name)
    })

  test('no spread, no verdict', () => {
    const still = { rows: 50, mean: 1, variance: 0 }
    assert.deepEqual(sequentialDifference(still, { ...still, mean: 2 }, 0.05).pValue, 1)
  })

  /** How often somebody who looks after every ten rows, and stops at the first p below alpha, calls two equal rates different. */
  function falseAlarms(rate: number, shareOfB: number, alpha: number, seed: number): number {
    const random = randomFrom(seed)
    let alarms = 0
    for (let run = 0; run < runs; run++) {
      const hits = [0, 0]
      const rows = [0, 0]
      for (let row = 1; row <= 3000; row++) {
        const arm = random.next() < shareOfB ? 1 : 0
        rows[arm]!++
        if (random.next() < rate) hits[arm]!++
        if (row % 10 > 0 || Math.min(...rows) < 30) continue
        const { pValue } = sequentialDifference(armOfRate(hits[0]!, rows[0]!), armOfRate(hits[1]!, rows[1]!), alpha)
        if (pValue <= alpha) {
          alarms++
          break
        }
      }
    }
    return alarms / runs
  }
  const runs = 600
  for (const [rate, share] of [
    [0.5, 0.5],
    [0.1, 0.5],
    [0.02, 0.5],
    [0.2, 0.1],
  ] as const)
    test(`equal rates of ${rate}, ${share * 100} % to b: looked at 300 times, it errs in at most 5 %`, () => {
      const found = falseAlarms(rate, share, 0.05, 11)
      assert.ok(found <= 0.05, `${found} of the runs`)
    })

  test('a difference that is there is found', () => {
    const random = randomFrom(3)
    let found = 0
    for (let run = 0; run < 100; run++) {
      const hits = [0, 0]
      for (let row = 0; row < 1500; row++) for (const arm of [0, 1]) if (random.next() < [0.2, 0.28][arm]!) hits[arm]!++
      if (sequentialDifference(armOfRate(hits[0]!, 1500), armOfRate(hits[1]!, 1500), 0.05).low > 0) found++
    }
    assert.ok(found >= 90, `${found} of 100`)
  })
})

describe('the mean of bounded values by betting', () => {
  for (const [at, { values, alpha, capital, ...want }] of reference.bets.entries())
    test(`case ${at} is what the plain products give`, () => {
      const got = bettingInterval(values, alpha)
      for (const name of ['mean', 'low', 'high', 'rows'] as const) near(got[name], want[name], name)
      const log = logCapitalAbove(
        values.map((value) => [value, 1] as const),
        capital.at,
      )
      near(Math.exp(log), capital.value, 'capital', 1e-8)
    })

  test('nothing seen, nothing known', () => {
    const { low, high, rows } = bettingInterval([], 0.05)
    assert.deepEqual([low, high, rows], [0, 1, 0])
  })

  test('looked at after every five values, it calls a mean of one half "above" in at most 5 % of the runs, whatever the values', () => {
    const random = randomFrom(8)
    const kinds = [() => (random.next() < 0.5 ? 1 : 0), () => random.next(), () => (random.next() < 0.9 ? 0.5 : random.next())]
    for (const [kind, draw] of kinds.entries()) {
      let alarms = 0
      for (let run = 0; run < 300; run++) {
        const values: number[] = []
        for (let row = 0; row < 400; row++) {
          values.push(draw())
          if (row % 5 === 4 && pOfAtMost(values, 0.5) <= 0.05) {
            alarms++
            break
          }
        }
      }
      assert.ok(alarms / 300 <= 0.05, `kind ${kind}: ${alarms} of 300`)
    }
  })
})
