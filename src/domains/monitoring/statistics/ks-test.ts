import { kolmogorovSurvival } from './kolmogorov.ts'

export interface TestResult {
  statistic: number
  pValue: number
}

/** Both samples at most this long: the exact distribution. */
const exactUpTo = 10_000

/** Largest distance between the distribution functions of two ascending samples. */
export function ksDistance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let i = 0
  let j = 0
  let largest = 0
  while (i < a.length && j < b.length) {
    const at = Math.min(a[i]!, b[j]!)
    while (i < a.length && a[i] === at) i++
    while (j < b.length && b[j] === at) j++
    largest = Math.max(largest, Math.abs(i / a.length - j / b.length))
  }
  return largest
}

/** Two-sample Kolmogorov-Smirnov test, two-sided, of ascending samples: what scipy.stats.ks_2samp answers. */
export function ksTest(a: ArrayLike<number>, b: ArrayLike<number>): TestResult {
  const statistic = ksDistance(a, b)
  return { statistic, pValue: ksPValue(statistic, a.length, b.length) }
}

/** P that two samples of one continuous distribution lie `distance` or more apart. Conservative where values repeat. */
export function ksPValue(distance: number, n1: number, n2: number): number {
  if (n1 === 0 || n2 === 0) return 1
  const effective = (n1 * n2) / (n1 + n2)
  // Beyond this the exact recursion would work long for a number below 1e-20.
  if (Math.max(n1, n2) > exactUpTo || 2 * effective * distance ** 2 > 50) {
    return kolmogorovSurvival(roundHalfEven(effective), distance)
  }
  const divisor = greatestCommonDivisor(n1, n2)
  const h = Math.round(distance * (n1 / divisor) * n2)
  if (h === 0) return 1
  const p = n1 === n2 ? outsideSquare(n1, h) : outsideStrip(Math.max(n1, n2), Math.min(n1, n2), divisor, h)
  return Math.min(1, Math.max(0, p))
}

/** Share of lattice paths from (0, 0) to (n, n) that touch |x - y| = h (Gnedenko and Korolyuk 1951), nested against cancellation. */
function outsideSquare(n: number, h: number): number {
  let p = 0
  for (let k = Math.floor(n / h); k >= 0; k--) {
    let ratio = 1
    for (let j = 0; j < h; j++) ratio = ((n - k * h - j) * ratio) / (n + k * h + j + 1)
    p = ratio * (1 - p)
  }
  return 2 * p
}

/** Share of lattice paths from (0, 0) to (m, n) that leave the strip |x n - y m| < h g (Hodges 1958), one sliding column at a time. */
function outsideStrip(m: number, n: number, g: number, h: number): number {
  const mg = m / g
  const ng = n / g
  let low = 0
  let high = Math.min(Math.ceil(h / mg), n + 1)
  let length = high - low
  const column = new Float64Array(Math.min(2 * high + 2, n + 1)).fill(1)
  column.fill(0, 0, length)
  for (let i = 1; i <= m; i++) {
    const lastLow = low
    const lastLength = length
    low = Math.min(Math.max(Math.floor((ng * i - h) / mg) + 1, 0), n)
    high = Math.min(Math.ceil((ng * i + h) / mg), n + 1)
    if (high <= low) return 1
    let value = low === 0 ? 0 : 1
    for (let jj = 0; jj < high - low; jj++) {
      const j = jj + low
      value = (column[j - lastLow]! * i + value * j) / (i + j)
      column[jj] = value
    }
    length = high - low
    if (lastLength > length) column.fill(1, length, lastLength)
  }
  return column[length - 1]!
}

function greatestCommonDivisor(a: number, b: number): number {
  while (b > 0) [a, b] = [b, a % b]
  return a
}

function roundHalfEven(x: number): number {
  const floor = Math.floor(x)
  if (x - floor !== 0.5) return Math.round(x)
  return floor % 2 === 0 ? floor : floor + 1
}
