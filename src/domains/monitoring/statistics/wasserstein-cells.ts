/**
 * Area between the distribution functions of an ascending sample and of counted values, which are taken to lie in the middle of their cell:
 * right to half a gap of the points. Values beyond the outermost points count as at them.
 */
export function wassersteinOfCells(sample: readonly number[], points: Float64Array, cells: Float64Array): number {
  let count = 0
  for (const cell of cells) count += cell
  if (count === 0 || sample.length === 0) return 0
  let sampled = 0
  let seen = cells[0]!
  let area = 0
  for (let i = 0; i < points.length - 1; i++) {
    seen += cells[2 * i + 1]!
    while (sampled < sample.length && sample[sampled]! <= points[i]!) sampled++
    const half = (points[i + 1]! - points[i]!) / 2
    const between = cells[2 * i + 2]!
    const before = sampled / sample.length
    area += half * (Math.abs(before - seen / count) + Math.abs(before - (seen + between) / count))
    seen += between
  }
  return area
}

/** Standard deviation of a sample; 1 where all are equal. */
export function spreadOf(sample: readonly number[]): number {
  let mean = 0
  for (const value of sample) mean += value / sample.length
  let squares = 0
  for (const value of sample) squares += (value - mean) ** 2 / sample.length
  return Math.sqrt(squares) || 1
}
