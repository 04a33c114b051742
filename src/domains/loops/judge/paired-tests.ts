import { fairCoinTwoSided, normalTwoSided } from '../../evaluation/statistics/distributions.ts'
import { studentQuantile, studentTwoSided } from '../../evaluation/statistics/student.ts'

export interface PairedTest {
  name: string
  /** Of the challenger less that of the champion, in the direction of the figure itself. */
  value: number
  low: number
  high: number
  statistic: number | null
  pValue: number
}

/** Whether mean losses on the same rows differ: Student's t on the differences, with its interval. */
export function pairedT(champion: Float64Array, challenger: Float64Array, alpha: number, name: string): PairedTest {
  const rows = champion.length
  let mean = 0
  for (let i = 0; i < rows; i++) mean += (challenger[i]! - champion[i]!) / rows
  let squares = 0
  for (let i = 0; i < rows; i++) squares += (challenger[i]! - champion[i]! - mean) ** 2
  const error = Math.sqrt(squares / (rows - 1) / rows)
  if (error === 0) return { name, value: mean, low: mean, high: mean, statistic: null, pValue: mean === 0 ? 1 : 0 }
  const reach = studentQuantile(1 - alpha / 2, rows - 1) * error
  const t = mean / error
  return { name, value: mean, low: mean - reach, high: mean + reach, statistic: t, pValue: studentTwoSided(t, rows - 1) }
}

/**
 * Whether two classifiers err equally often on the same rows: McNemar's test (1947), exact however many rows differ, with the interval of
 * Bonett and Price (2012, adjusted Wald) for the difference of the shares that are right.
 */
export function mcnemarExact(onlyChampion: number, onlyChallenger: number, rows: number, alpha: number): PairedTest {
  const a = (onlyChampion + 1) / (rows + 2)
  const b = (onlyChallenger + 1) / (rows + 2)
  const reach = normalQuantile(1 - alpha / 2) * Math.sqrt((a + b - (b - a) ** 2) / (rows + 2))
  return {
    name: 'McNemar, exact',
    value: (onlyChallenger - onlyChampion) / rows,
    low: Math.max(-1, b - a - reach),
    high: Math.min(1, b - a + reach),
    statistic: Math.min(onlyChampion, onlyChallenger),
    pValue: fairCoinTwoSided(onlyChampion, onlyChampion + onlyChallenger),
  }
}

/** The value below which a share of the standard normal distribution lies, by bisection. */
function normalQuantile(share: number): number {
  let low = 0
  let high = 40
  for (let i = 0; i < 80; i++) {
    const middle = (low + high) / 2
    if (1 - normalTwoSided(middle) / 2 < share) low = middle
    else high = middle
  }
  return (low + high) / 2
}
