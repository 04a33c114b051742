import { chiSquareSurvival, fairCoinTwoSided } from './distributions.ts'

/**
 * Whether two classifiers err equally often on the same rows (McNemar 1947): exact for fewer than 25 rows on which just one
 * of them is right, else the chi-square with Edwards' continuity correction (1948).
 */
export function mcnemar(onlyAIsRight: number, onlyBIsRight: number): { name: string; statistic: number | null; pValue: number } {
  const differing = onlyAIsRight + onlyBIsRight
  if (differing < 25)
    return {
      name: 'McNemar, exact',
      statistic: Math.min(onlyAIsRight, onlyBIsRight),
      pValue: fairCoinTwoSided(onlyAIsRight, differing),
    }
  const statistic = (Math.abs(onlyAIsRight - onlyBIsRight) - 1) ** 2 / differing
  return { name: 'McNemar, continuity corrected', statistic, pValue: chiSquareSurvival(statistic, 1) }
}
