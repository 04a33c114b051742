/**
 * Largest distance between the distribution function of an ascending sample and that of counted values. `points` hold every value of the sample;
 * `cells` count the other values below, at and between the points. Exact: between two points the sample's function does not move.
 */
export function ksDistanceOfCells(
  sample: readonly number[],
  points: Float64Array,
  cells: Float64Array,
): { distance: number; count: number } {
  let count = 0
  for (const cell of cells) count += cell
  if (count === 0 || sample.length === 0) return { distance: 0, count }
  let distance = 0
  let below = 0
  let sampled = 0
  for (let i = 0; i < points.length; i++) {
    below += cells[2 * i]!
    distance = Math.max(distance, Math.abs(sampled / sample.length - below / count))
    below += cells[2 * i + 1]!
    while (sampled < sample.length && sample[sampled]! <= points[i]!) sampled++
    distance = Math.max(distance, Math.abs(sampled / sample.length - below / count))
  }
  return { distance, count }
}
