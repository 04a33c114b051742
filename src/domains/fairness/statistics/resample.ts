import { logGamma } from '../../evaluation/statistics/distributions.ts'
import type { Random } from '../../evaluation/statistics/random.ts'

/** How many of `n` independent draws hit, each with probability p: by inversion for few, by transformed rejection else (BTRS, Hörmann 1993). */
export function binomial(random: Random, n: number, p: number): number {
  if (n <= 0 || p <= 0) return 0
  if (p >= 1) return n
  if (p > 0.5) return n - binomial(random, n, 1 - p)
  return n * p < 10 ? byInversion(random, n, p) : byRejection(random, n, p)
}

function byInversion(random: Random, n: number, p: number): number {
  const odds = p / (1 - p)
  for (;;) {
    let chance = (1 - p) ** n
    let left = random.next()
    let k = 0
    while (left > chance && k <= n) {
      left -= chance
      k++
      chance *= (odds * (n - k + 1)) / k
    }
    if (k <= n) return k
  }
}

function byRejection(random: Random, n: number, p: number): number {
  const deviation = Math.sqrt(n * p * (1 - p))
  const b = 1.15 + 2.53 * deviation
  const a = -0.0873 + 0.0248 * b + 0.01 * p
  const c = n * p + 0.5
  const sure = 0.92 - 4.2 / b
  const alpha = (2.83 + 5.1 / b) * deviation
  const logOdds = Math.log(p / (1 - p))
  const mode = Math.floor((n + 1) * p)
  const atMode = logGamma(mode + 1) + logGamma(n - mode + 1)
  for (;;) {
    const u = random.next() - 0.5
    const v = random.next()
    const side = 0.5 - Math.abs(u)
    const k = Math.floor(((2 * a) / side + b) * u + c)
    if (side >= 0.07 && v <= sure) return k
    if (k < 0 || k > n || v === 0) continue
    const bound = atMode - logGamma(k + 1) - logGamma(n - k + 1) + (k - mode) * logOdds
    if (Math.log((v * alpha) / (a / (side * side) + b)) <= bound) return k
  }
}

/**
 * Draws as many rows as there are, with replacement, and says how many fell into each cell. Rows of one cell are alike, so this is the bootstrap
 * of rows (Efron and Tibshirani 1993) at a price that does not grow with them.
 */
export function resampleCounts(random: Random, counts: ArrayLike<number>): Float64Array {
  const drawn = new Float64Array(counts.length)
  let left = 0
  for (let i = 0; i < counts.length; i++) left += counts[i]!
  let rows = left
  for (let i = 0; i < counts.length && rows > 0; i++) {
    const share = left > 0 ? counts[i]! / left : 0
    drawn[i] = binomial(random, rows, share)
    rows -= drawn[i]!
    left -= counts[i]!
  }
  return drawn
}
