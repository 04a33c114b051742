import { studentCdf, studentQuantile, studentTwoSided } from './student.ts'

export interface ResampledDifference {
  mean: number
  /** Standard deviation over the folds of all repeats. */
  deviation: number
  /** Of the mean, corrected. */
  standardError: number
  low: number
  high: number
  t: number | null
  degrees: number
  pValue: number
  /** Mean over deviation, with the interval of the mean turned the same way; null where nothing varies. */
  effect: { value: number; low: number; high: number } | null
  /** That the difference lies within ± delta: the larger p of two one-sided tests (Schuirmann 1987). */
  equivalence: { delta: number; pValue: number } | null
}

/**
 * Whether the mean of paired differences over the folds of repeated cross-validation is zero, by the corrected resampled t-test
 * (Nadeau and Bengio 2003): folds share training rows, so the variance of the mean is that of the differences times 1/n + test/train
 * rows, and not 1/n. Differences that are all the same leave nothing to test: p is 1 where they are zero, 0 where they are not.
 */
export function resampledDifference(
  differences: readonly number[],
  { testShare, delta, level = 0.95 }: { testShare: number; delta: number | null; level?: number },
): ResampledDifference {
  const n = differences.length
  const mean = differences.reduce((sum, one) => sum + one, 0) / n
  const deviation = Math.sqrt(differences.reduce((sum, one) => sum + (one - mean) ** 2, 0) / (n - 1))
  const degrees = n - 1
  const standardError = deviation * Math.sqrt(1 / n + testShare / (1 - testShare))
  const reach = studentQuantile((1 + level) / 2, degrees) * standardError
  const isFlat = standardError <= 1e-15 * Math.max(1, Math.abs(mean))
  const t = isFlat ? null : mean / standardError
  return {
    mean,
    deviation,
    standardError,
    low: mean - reach,
    high: mean + reach,
    t,
    degrees,
    pValue: t === null ? (mean === 0 ? 1 : 0) : studentTwoSided(t, degrees),
    effect: t === null ? null : { value: mean / deviation, low: (mean - reach) / deviation, high: (mean + reach) / deviation },
    equivalence: delta === null ? null : { delta, pValue: notWithin(mean, { standardError, degrees, delta, isFlat }) },
  }
}

function notWithin(
  mean: number,
  { standardError, degrees, delta, isFlat }: { standardError: number; degrees: number; delta: number; isFlat: boolean },
): number {
  if (isFlat) return Math.abs(mean) < delta ? 0 : 1
  const above = 1 - studentCdf((mean + delta) / standardError, degrees)
  const below = studentCdf((mean - delta) / standardError, degrees)
  return Math.max(above, below)
}

/** p values adjusted for several tests at once (Holm 1979): each times the number of tests that are left, never below one before it. */
export function holm(pValues: readonly number[]): number[] {
  const order = pValues.map((_, index) => index).sort((a, b) => pValues[a]! - pValues[b]!)
  const adjusted = new Array<number>(pValues.length)
  let highest = 0
  order.forEach((index, rank) => {
    highest = Math.max(highest, Math.min(1, pValues[index]! * (pValues.length - rank)))
    adjusted[index] = highest
  })
  return adjusted
}
