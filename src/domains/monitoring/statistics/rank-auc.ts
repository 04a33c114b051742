import { normalTwoSided } from '../../evaluation/statistics/distributions.ts'

export interface RankAuc {
  /** The chance that a value of the second kind lies above one of the first, ties counting half. */
  auc: number
  /** Standard error where both kinds are alike, with ties (Mann and Whitney 1947). */
  nullError: number
  /** Standard error as it is (DeLong, DeLong and Clarke-Pearson 1988). */
  error: number
}

/** How well a score tells rows of the second kind from those of the first. */
export function rankAuc(isSecond: ArrayLike<number>, score: ArrayLike<number>): RankAuc {
  const n = score.length
  const order = Uint32Array.from({ length: n }, (_, i) => i).sort((a, b) => score[a]! - score[b]!)
  let second = 0
  for (let i = 0; i < n; i++) second += isSecond[i]!
  const first = n - second
  if (first === 0 || second === 0) return { auc: 0.5, nullError: 0, error: 0 }
  let wins = 0
  let ties = 0
  let firstBelow = 0
  let secondBelow = 0
  let firstSquares = 0
  let secondSquares = 0
  for (let start = 0; start < n; ) {
    let end = start
    let tiedSecond = 0
    while (end < n && score[order[end]!] === score[order[start]!]) tiedSecond += isSecond[order[end++]!]!
    const tied = end - start
    const tiedFirst = tied - tiedSecond
    // A row of the second kind here beats those of the first below it; one of the first is beaten by those above.
    const beats = (firstBelow + tiedFirst / 2) / first
    const beaten = (second - secondBelow - tiedSecond / 2) / second
    wins += tiedSecond * beats
    secondSquares += tiedSecond * beats * beats
    firstSquares += tiedFirst * beaten * beaten
    ties += tied ** 3 - tied
    firstBelow += tiedFirst
    secondBelow += tiedSecond
    start = end
  }
  const auc = wins / second
  const ofSecond = second > 1 ? (secondSquares - second * auc * auc) / (second - 1) : 0
  const ofFirst = first > 1 ? (firstSquares - first * auc * auc) / (first - 1) : 0
  const nullVariance = (n + 1 - ties / (n * (n - 1))) / 12 / (first * second)
  return {
    auc,
    nullError: Math.sqrt(Math.max(0, nullVariance)),
    error: Math.sqrt(Math.max(0, ofSecond / second + ofFirst / first)),
  }
}

/** P(Z >= z) of a standard normal Z. */
export const normalUpperTail = (z: number): number => (z >= 0 ? normalTwoSided(z) / 2 : 1 - normalTwoSided(z) / 2)
