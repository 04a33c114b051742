import type { WeightedMetric } from './predictions.ts'
import { type Random, randomFrom } from './random.ts'

export interface PairedDifference {
  value: number
  low: number
  high: number
  /** Two-sided: how often resamples put the difference on the other side of zero, doubled. */
  pValue: number
  resamples: number
}

/**
 * The difference b - a of one metric on the same rows with a percentile interval (95 % unless told): rows are drawn with replacement and both
 * models are judged on the same draw (Efron and Tibshirani 1993, ch. 13 and 16). Gives way to other work between draws.
 */
export async function pairedBootstrap(input: {
  a: WeightedMetric
  b: WeightedMetric
  rows: number
  seed: number
  resamples?: number
  /** One less the confidence of the interval. */
  alpha?: number
}): Promise<PairedDifference> {
  const resamples = Math.max(200, Math.min(input.resamples ?? 2000, Math.floor(mostWork / input.rows)))
  const random = randomFrom(input.seed)
  const alpha = input.alpha ?? 0.05
  const differences: number[] = []
  let yieldedAt = performance.now()
  for (let i = 0; i < resamples; i++) {
    const counts = drawCounts(random, input.rows)
    const difference = input.b(counts) - input.a(counts)
    if (!Number.isNaN(difference)) differences.push(difference)
    if (performance.now() - yieldedAt > 15) {
      await new Promise(setImmediate)
      yieldedAt = performance.now()
    }
  }
  differences.sort((x, y) => x - y)
  const atMostZero = differences.filter((d) => d <= 0).length
  const atLeastZero = differences.filter((d) => d >= 0).length
  return {
    value: input.b() - input.a(),
    low: quantile(differences, alpha / 2),
    high: quantile(differences, 1 - alpha / 2),
    pValue: Math.min(1, (2 * (Math.min(atMostZero, atLeastZero) + 1)) / (differences.length + 1)),
    resamples: differences.length,
  }
}

/** Rows times resamples: about two seconds of one core. */
const mostWork = 2e8

/** How often each row is drawn in one resample. */
export function drawCounts(random: Random, rows: number): Uint32Array {
  const counts = new Uint32Array(rows)
  for (let i = 0; i < rows; i++) counts[random.below(rows)]! += 1
  return counts
}

/** Linear between the two nearest of sorted values (Hyndman and Fan 1996, type 7; numpy's default). */
export function quantile(sorted: readonly number[], share: number): number {
  if (sorted.length === 0) return Number.NaN
  const position = (sorted.length - 1) * share
  const below = sorted[Math.floor(position)]!
  const above = sorted[Math.ceil(position)]!
  return below + (above - below) * (position - Math.floor(position))
}
