import { chiSquareSurvival } from '../../evaluation/statistics/distributions.ts'
import type { TestResult } from './ks-test.ts'

/**
 * Chi-square test that two samples of counts come from one distribution (Pearson 1900, no continuity correction).
 * Categories in neither sample do not count.
 */
export function chiSquareTest(a: readonly number[], b: readonly number[]): TestResult & { degrees: number } {
  const totalA = sum(a)
  const totalB = sum(b)
  const total = totalA + totalB
  let statistic = 0
  let categories = 0
  for (let k = 0; k < a.length; k++) {
    const both = a[k]! + b[k]!
    if (both === 0) continue
    categories++
    const expectedA = (both * totalA) / total
    const expectedB = (both * totalB) / total
    if (expectedA > 0) statistic += (a[k]! - expectedA) ** 2 / expectedA
    if (expectedB > 0) statistic += (b[k]! - expectedB) ** 2 / expectedB
  }
  const degrees = categories - 1
  if (degrees < 1 || totalA === 0 || totalB === 0) return { statistic: 0, pValue: 1, degrees: Math.max(0, degrees) }
  return { statistic, pValue: chiSquareSurvival(statistic, degrees), degrees }
}

/**
 * Merges the rarest categories until each is expected at least five times in either sample (Cochran 1954):
 * below that the chi-square distribution does not hold and false alarms are more than stated.
 */
export function poolRare(a: readonly number[], b: readonly number[]): { a: number[]; b: number[] } {
  const totalA = sum(a)
  const totalB = sum(b)
  const smaller = Math.min(totalA, totalB) / (totalA + totalB)
  const order = a.map((_, k) => k).sort((x, y) => a[x]! + b[x]! - (a[y]! + b[y]!))
  const pooled: [number, number] = [0, 0]
  const kept: [number, number][] = []
  for (const k of order) {
    const enough = (pooled[0] + pooled[1]) * smaller >= 5 || pooled[0] + pooled[1] === 0
    if (enough && (a[k]! + b[k]!) * smaller >= 5) kept.push([a[k]!, b[k]!])
    else {
      pooled[0] += a[k]!
      pooled[1] += b[k]!
    }
  }
  if (pooled[0] + pooled[1] > 0) kept.push(pooled)
  return { a: kept.map((pair) => pair[0]), b: kept.map((pair) => pair[1]) }
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
