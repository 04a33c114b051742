/** A share of nothing would make the index infinite; this much is assumed instead. */
const leastShare = 1e-4

/** Population stability index of two sets of counts over the same bins (Siddiqi 2006): sum of (q - p) ln(q / p). */
export function populationStability(baseline: readonly number[], now: readonly number[]): number {
  const p = shares(baseline)
  const q = shares(now)
  let index = 0
  for (let k = 0; k < p.length; k++) {
    if (p[k] === 0 && q[k] === 0) continue
    const pk = Math.max(p[k]!, leastShare)
    const qk = Math.max(q[k]!, leastShare)
    index += (qk - pk) * Math.log(qk / pk)
  }
  return index
}

/** Jensen-Shannon distance in base 2, from 0 (equal) to 1 (nothing in common) (Endres and Schindelin 2003). */
export function jensenShannonDistance(baseline: readonly number[], now: readonly number[]): number {
  const p = shares(baseline)
  const q = shares(now)
  let divergence = 0
  for (let k = 0; k < p.length; k++) {
    const middle = (p[k]! + q[k]!) / 2
    divergence += relativeEntropy(p[k]!, middle) + relativeEntropy(q[k]!, middle)
  }
  return Math.sqrt(Math.max(0, divergence / 2 / Math.LN2))
}

/** Total variation distance: the share of rows that would have to move, from 0 to 1. */
export function totalVariation(baseline: readonly number[], now: readonly number[]): number {
  const p = shares(baseline)
  const q = shares(now)
  let sum = 0
  for (let k = 0; k < p.length; k++) sum += Math.abs(q[k]! - p[k]!)
  return sum / 2
}

/** Counts as shares of their sum; all 0 where there are none. */
export function shares(counts: readonly number[]): number[] {
  const total = counts.reduce((sum, count) => sum + count, 0)
  return counts.map((count) => (total === 0 ? 0 : count / total))
}

const relativeEntropy = (p: number, q: number): number => (p > 0 ? p * Math.log(p / q) : 0)
