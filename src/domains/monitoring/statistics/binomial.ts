import { incompleteBeta } from '../../evaluation/statistics/student.ts'

/** P(X >= hits) of `trials` with the chance `share` each. */
export function binomialUpperTail(hits: number, trials: number, share: number): number {
  if (hits <= 0) return 1
  if (share >= 1) return 1
  if (share <= 0 || hits > trials) return 0
  return incompleteBeta(hits, trials - hits + 1, share)
}

/** The share above which so few hits would be rarer than `level` (Clopper and Pearson 1934). */
export function shareAtMost(hits: number, trials: number, level: number): number {
  if (hits >= trials) return 1
  let low = hits / trials
  let high = 1
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2
    // P(X <= hits) = 1 - P(X >= hits + 1)
    if (1 - binomialUpperTail(hits + 1, trials, middle) > level) low = middle
    else high = middle
  }
  return high
}

/** How unlikely a share is that lies more than `margin` above the baseline's: the baseline's is taken at the upper end of what its rows allow. */
export function shareAbove(now: { hits: number; of: number }, baseline: { hits: number; of: number }, margin: number): number {
  if (now.of === 0 || now.hits / now.of <= margin) return 1
  const before = baseline.of === 0 ? 0 : shareAtMost(baseline.hits, baseline.of, 0.001)
  return binomialUpperTail(now.hits, now.of, Math.min(1, before + margin))
}
