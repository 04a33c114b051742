import type { Random } from '../../evaluation/statistics/random.ts'

export interface MeanDiscrepancy {
  /** Squared distance of the mean embeddings, unbiased: about 0 where both are alike, and then as often below. */
  squared: number
  /** The width of the kernel: the median distance of two rows. */
  width: number
  pValue: number
}

/**
 * Maximum mean discrepancy of two sets of vectors with a Gaussian kernel of median width, unbiased, and its permutation test
 * (Gretton et al. 2012, Journal of Machine Learning Research 13).
 */
export function meanDiscrepancy(
  vectors: readonly ArrayLike<number>[],
  first: number,
  { permutations, random }: { permutations: number; random: Random },
): MeanDiscrepancy {
  const n = vectors.length
  const second = n - first
  const kernel = new Float64Array(n * n)
  const distances: number[] = []
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < i; j++) {
      let sum = 0
      const [a, b] = [vectors[i]!, vectors[j]!]
      for (let k = 0; k < a.length; k++) sum += (a[k]! - b[k]!) ** 2
      kernel[i * n + j] = sum
      distances.push(sum)
    }
  }
  const sorted = Float64Array.from(distances).sort()
  const median = sorted[sorted.length >> 1] || sorted.at(-1) || 1
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < i; j++) {
      const value = Math.exp(-kernel[i * n + j]! / (2 * median))
      kernel[i * n + j] = value
      kernel[j * n + i] = value
    }
  }
  const side = new Uint8Array(n).fill(1, first)
  const squaredOf = (): number => {
    let [withinFirst, withinSecond, across] = [0, 0, 0]
    for (let i = 0; i < n; i++) {
      const own = side[i]!
      let ones = 0
      let all = 0
      for (let j = 0, at = i * n; j < n; j++, at++) {
        const value = kernel[at]!
        all += value
        ones += value * side[j]!
      }
      if (own === 1) withinSecond += ones
      else {
        withinFirst += all - ones
        across += ones
      }
    }
    return withinFirst / (first * (first - 1)) + withinSecond / (second * (second - 1)) - (2 * across) / (first * second)
  }
  const squared = squaredOf()
  let asFar = 0
  for (let p = 0; p < permutations; p++) {
    for (let k = n - 1; k > 0; k--) {
      const other = random.below(k + 1)
      const kept = side[k]!
      side[k] = side[other]!
      side[other] = kept
    }
    if (squaredOf() >= squared - 1e-15) asFar++
  }
  return { squared, width: Math.sqrt(median), pValue: (1 + asFar) / (1 + permutations) }
}
