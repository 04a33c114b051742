import type { Random } from '../../evaluation/statistics/random.ts'

/** Area between the distribution functions of two ascending samples, in the unit of the values: what scipy.stats.wasserstein_distance answers. */
export function wassersteinDistance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length === 0 || b.length === 0) return 0
  let i = 0
  let j = 0
  let area = 0
  let last = Math.min(a[0]!, b[0]!)
  while (i < a.length || j < b.length) {
    const at = Math.min(i < a.length ? a[i]! : Number.POSITIVE_INFINITY, j < b.length ? b[j]! : Number.POSITIVE_INFINITY)
    area += Math.abs(i / a.length - j / b.length) * (at - last)
    while (i < a.length && a[i] === at) i++
    while (j < b.length && b[j] === at) j++
    last = at
  }
  return area
}

/**
 * The chance that a random division of the same values into two such samples lies as far apart or farther: a permutation test,
 * exact in level whatever the distribution (Phipson and Smyth 2010: the division that was seen counts as one).
 */
export function wassersteinPValue(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  { permutations, random }: { permutations: number; random: Random },
): number {
  const n = a.length + b.length
  if (a.length === 0 || b.length === 0) return 1
  const values = Float64Array.from({ length: n }, (_, k) => (k < a.length ? a[k]! : b[k - a.length]!)).sort()
  const gaps = Float64Array.from({ length: n - 1 }, (_, k) => values[k + 1]! - values[k]!)
  const isFirst = new Uint8Array(n).fill(1, 0, a.length)
  const [up, down] = [1 / a.length, 1 / b.length]
  const seen = wassersteinDistance(a, b)
  let asFar = 0
  for (let p = 0; p < permutations; p++) {
    // As many of the first sample as there are, drawn to the front.
    for (let k = n - 1; k > 0; k--) {
      const other = random.below(k + 1)
      const kept = isFirst[k]!
      isFirst[k] = isFirst[other]!
      isFirst[other] = kept
    }
    let area = 0
    let height = 0
    for (let k = 0; k < n - 1; k++) {
      height += isFirst[k] === 1 ? up : -down
      area += (height < 0 ? -height : height) * gaps[k]!
    }
    if (area >= seen * (1 - 1e-12)) asFar++
  }
  return (1 + asFar) / (1 + permutations)
}
