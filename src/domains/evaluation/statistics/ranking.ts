import type { WeightedMetric } from './predictions.ts'

/** Area under the ROC curve: the chance that a true row scores above another one, ties counting half (Mann and Whitney 1947). */
export function rocAuc(isTrue: Uint8Array, score: Float64Array): WeightedMetric {
  const order = byScore(score)
  return (counts) => {
    let below = 0
    let positives = 0
    let wins = 0
    for (let start = 0; start < order.length; ) {
      const { end, tied, tiedTrue } = tie(start, order, isTrue, score, counts)
      wins += tiedTrue * (below + (tied - tiedTrue) / 2)
      below += tied - tiedTrue
      positives += tiedTrue
      start = end
    }
    return positives === 0 || below === 0 ? Number.NaN : wins / (positives * below)
  }
}

/** Average precision: the precision at each recall that a threshold reaches, weighted by the recall gained (scikit-learn's definition). */
export function averagePrecision(isTrue: Uint8Array, score: Float64Array): WeightedMetric {
  const order = byScore(score).reverse()
  return (counts) => {
    let seen = 0
    let hits = 0
    let sum = 0
    for (let start = 0; start < order.length; ) {
      const { end, tied, tiedTrue } = tie(start, order, isTrue, score, counts)
      seen += tied
      hits += tiedTrue
      if (tiedTrue > 0) sum += tiedTrue * (hits / seen)
      start = end
    }
    return hits === 0 || hits === seen ? Number.NaN : sum / hits
  }
}

const byScore = (score: Float64Array): Uint32Array => Uint32Array.from(score.keys()).sort((a, b) => score[a]! - score[b]!)

/** The rows from `start` on that share one score. */
function tie(start: number, order: Uint32Array, isTrue: Uint8Array, score: Float64Array, counts?: Uint32Array) {
  const value = score[order[start]!]!
  let end = start
  let tied = 0
  let tiedTrue = 0
  for (; end < order.length && score[order[end]!] === value; end++) {
    const row = order[end]!
    const count = counts ? counts[row]! : 1
    tied += count
    if (isTrue[row]) tiedTrue += count
  }
  return { end, tied, tiedTrue }
}
