import { quantile } from '../evaluation/statistics/bootstrap.ts'
import { randomFrom } from '../evaluation/statistics/random.ts'
import { resampleCounts } from './statistics/resample.ts'

/** Rows as points: standardised numbers, and categories that are alike or not. */
export interface Points {
  rows: number
  /** Row-major; missing is the mean, 0. */
  numbers: Float64Array
  numberColumns: number
  /** Row-major indices of categories. */
  categories: Int32Array
  categoryColumns: number
}

export interface FlipCounts {
  /** Unfavourable here, favourable among the nearest of the others. */
  toFavourable: number
  toUnfavourable: number
  rows: number
}

/** Puts rows into one space: numbers by mean and standard deviation over all of them, categories by whether they are equal. */
export function toPoints(rows: readonly unknown[][], isNumber: readonly boolean[]): Points {
  const numberAt = isNumber.flatMap((yes, c) => (yes ? [c] : []))
  const categoryAt = isNumber.flatMap((yes, c) => (yes ? [] : [c]))
  const numbers = new Float64Array(rows.length * numberAt.length)
  numberAt.forEach((column, k) => {
    const values = rows.map((row) => (typeof row[column] === 'number' && Number.isFinite(row[column]) ? row[column] : Number.NaN))
    const present = values.filter((value) => !Number.isNaN(value))
    const mean = present.reduce((sum, value) => sum + value, 0) / present.length
    const deviation = Math.sqrt(present.reduce((sum, value) => sum + (value - mean) ** 2, 0) / present.length)
    values.forEach((value, r) => {
      numbers[r * numberAt.length + k] = Number.isNaN(value) || !(deviation > 0) ? 0 : (value - mean) / deviation
    })
  })
  const categories = new Int32Array(rows.length * categoryAt.length)
  categoryAt.forEach((column, k) => {
    const seen = new Map<string, number>()
    rows.forEach((row, r) => {
      const value = String(row[column])
      const index = seen.get(value) ?? seen.size
      seen.set(value, index)
      categories[r * categoryAt.length + k] = index
    })
  })
  return { rows: rows.length, numbers, numberColumns: numberAt.length, categories, categoryColumns: categoryAt.length }
}

const neighbours = 5

/**
 * The flip test (Black, Yeom and Fredrikson 2020, as Clarify approximates it): each row of the group is given the outcome of most of its five nearest
 * rows among the others (its nearest, where these are ten or fewer). Gives way to other work between rows.
 */
export async function nearestFlips(
  points: Points,
  favourable: ArrayLike<number>,
  of: { group: readonly number[]; against: readonly number[] },
): Promise<FlipCounts> {
  const k = of.against.length > 10 ? neighbours : 1
  const counts = { toFavourable: 0, toUnfavourable: 0, rows: of.group.length }
  let yieldedAt = performance.now()
  for (const row of of.group) {
    const nearest = nearestOf(points, row, of.against, k)
    const votes = nearest.filter((one) => favourable[one]).length
    const isFavourable = votes * 2 > nearest.length
    if (isFavourable && !favourable[row]) counts.toFavourable++
    if (!isFavourable && favourable[row]) counts.toUnfavourable++
    if (performance.now() - yieldedAt > 15) {
      await new Promise(setImmediate)
      yieldedAt = performance.now()
    }
  }
  return counts
}

/** Squared distance: of one-hot categories halved, so that one that differs counts as a standard deviation does. */
function nearestOf(points: Points, row: number, among: readonly number[], k: number): number[] {
  const { numbers, numberColumns: n, categories, categoryColumns: m } = points
  const rows: number[] = []
  const distances: number[] = []
  for (const other of among) {
    let distance = 0
    for (let c = 0; c < n; c++) distance += (numbers[row * n + c]! - numbers[other * n + c]!) ** 2
    for (let c = 0; c < m; c++) if (categories[row * m + c] !== categories[other * m + c]) distance += 1
    if (rows.length === k && distance >= distances[k - 1]!) continue
    let at = rows.length
    while (at > 0 && distances[at - 1]! > distance) at--
    rows.splice(at, 0, other)
    distances.splice(at, 0, distance)
    if (rows.length > k) {
      rows.pop()
      distances.pop()
    }
  }
  return rows
}

/** (F+ - F-) / n with a bootstrap 95 % interval over the rows of the group. */
export function flipValue({ toFavourable, toUnfavourable, rows }: FlipCounts): { value: number; low: number; high: number } {
  if (rows === 0) return { value: Number.NaN, low: Number.NaN, high: Number.NaN }
  const random = randomFrom(7)
  const cells = [toFavourable, toUnfavourable, rows - toFavourable - toUnfavourable]
  const values = Array.from({ length: 1000 }, () => {
    const [up, down] = resampleCounts(random, cells)
    return (up! - down!) / rows
  }).sort((a, b) => a - b)
  return { value: (toFavourable - toUnfavourable) / rows, low: quantile(values, 0.025), high: quantile(values, 0.975) }
}
