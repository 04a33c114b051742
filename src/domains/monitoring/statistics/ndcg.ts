/**
 * How far the order of importance now keeps that of before: normalised discounted cumulative gain, as Amazon SageMaker Clarify measures the drift
 * of feature attributions. 1: the same order; the gain of a place is the importance that its column had before.
 */
export function rankingKept(before: readonly number[], now: readonly number[]): number {
  const order = (by: readonly number[]) => by.map((_, i) => i).sort((a, b) => by[b]! - by[a]!)
  const gain = (places: number[]) => places.reduce((sum, column, place) => sum + before[column]! / Math.log2(place + 2), 0)
  const best = gain(order(before))
  return best === 0 ? 1 : gain(order(now)) / best
}
