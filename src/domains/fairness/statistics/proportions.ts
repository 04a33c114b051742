import { logGamma, normalTwoSided } from '../../evaluation/statistics/distributions.ts'

/** So many of so many. */
export interface Proportion {
  hits: number
  of: number
}

export interface Range {
  low: number
  high: number
}

/** The 97.5 % point of the standard normal distribution. */
export const z95 = 1.959963984540054

export const shareOf = ({ hits, of }: Proportion): number => (of === 0 ? Number.NaN : hits / of)

/** 95 % score interval of one proportion (Wilson 1927). */
export function wilson({ hits, of }: Proportion, z = z95): Range {
  if (of === 0) return { low: Number.NaN, high: Number.NaN }
  const p = hits / of
  const middle = (p + (z * z) / (2 * of)) / (1 + (z * z) / of)
  const half = (z / (1 + (z * z) / of)) * Math.sqrt((p * (1 - p)) / of + (z * z) / (4 * of * of))
  return { low: hits === 0 ? 0 : middle - half, high: hits === of ? 1 : middle + half }
}

/** 95 % interval of the difference p(a) - p(b) of two independent proportions (Newcombe 1998, method 10: hybrid score). */
export function newcombe(a: Proportion, b: Proportion): Range {
  const [p, q] = [shareOf(a), shareOf(b)]
  const [wa, wb] = [wilson(a), wilson(b)]
  return {
    low: p - q - Math.hypot(p - wa.low, wb.high - q),
    high: p - q + Math.hypot(wa.high - p, q - wb.low),
  }
}

/** 95 % interval of the ratio p(a) / p(b) on the log scale (Katz et al. 1978); with no hit on one side, half a row is added to each count (Walter 1975). */
export function katz(a: Proportion, b: Proportion): Range {
  if (a.of === 0 || b.of === 0 || b.hits === 0) return { low: Number.NaN, high: Number.NaN }
  const isZero = a.hits === 0
  const add = isZero ? 0.5 : 0
  const [x, n, y, m] = [a.hits + add, a.of + add, b.hits + add, b.of + add]
  const error = Math.sqrt(1 / x - 1 / n + 1 / y - 1 / m)
  const ratio = x / n / (y / m)
  return { low: isZero ? 0 : ratio * Math.exp(-z95 * error), high: ratio * Math.exp(z95 * error) }
}

/** Two-sided p that two proportions are equal: Fisher's exact test where a cell is expected to hold fewer than five rows, else Pearson's chi-square. */
export function sameProportion(a: Proportion, b: Proportion): number {
  if (a.of === 0 || b.of === 0) return Number.NaN
  const total = a.of + b.of
  const hits = a.hits + b.hits
  if (hits === 0 || hits === total) return 1
  const fewest = (Math.min(a.of, b.of) * Math.min(hits, total - hits)) / total
  if (fewest < 5) return fisherExact(a, b)
  const pooled = hits / total
  return normalTwoSided((shareOf(a) - shareOf(b)) / Math.sqrt(pooled * (1 - pooled) * (1 / a.of + 1 / b.of)))
}

/** Fisher's exact test of a two by two table: the probability of all tables no likelier than this one. */
export function fisherExact(a: Proportion, b: Proportion): number {
  const hits = a.hits + b.hits
  const total = a.of + b.of
  const choose = (n: number, k: number) => logGamma(n + 1) - logGamma(k + 1) - logGamma(n - k + 1)
  const all = choose(total, hits)
  const chance = (k: number) => Math.exp(choose(a.of, k) + choose(b.of, hits - k) - all)
  const observed = chance(a.hits)
  let sum = 0
  for (let k = Math.max(0, hits - b.of); k <= Math.min(a.of, hits); k++) {
    const one = chance(k)
    // Equally likely tables differ in the last digits only.
    if (one <= observed * (1 + 1e-7)) sum += one
  }
  return Math.min(1, sum)
}

/** p-values that stay honest over several tests (Holm 1979), in the order given; what is not a number was not tested. */
export function holm(pValues: readonly number[]): number[] {
  const tested = pValues.map((p, i) => ({ p, i })).filter(({ p }) => !Number.isNaN(p))
  tested.sort((x, y) => x.p - y.p)
  const adjusted = pValues.map(() => Number.NaN)
  let most = 0
  tested.forEach(({ p, i }, rank) => {
    most = Math.max(most, Math.min(1, p * (tested.length - rank)))
    adjusted[i] = most
  })
  return adjusted
}
