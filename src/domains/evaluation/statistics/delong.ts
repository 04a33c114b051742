import { normalTwoSided } from './distributions.ts'

/** Whether two correlated areas under the ROC curve differ (DeLong, DeLong and Clarke-Pearson 1988; mid-ranks as in Sun and Xu 2014). */
export function delong(isTrue: Uint8Array, scoreA: Float64Array, scoreB: Float64Array) {
  const a = components(isTrue, scoreA)
  const b = components(isTrue, scoreB)
  const difference = b.auc - a.auc
  const variance =
    varianceOfDifference(a.ofTrue, b.ofTrue) / a.ofTrue.length + varianceOfDifference(a.ofOther, b.ofOther) / a.ofOther.length
  const standardError = Math.sqrt(variance)
  // Two models that rank alike differ by nothing, surely.
  const z = standardError === 0 ? (difference === 0 ? 0 : Number.POSITIVE_INFINITY) : difference / standardError
  return {
    aucA: a.auc,
    aucB: b.auc,
    difference,
    standardError,
    z,
    pValue: Number.isFinite(z) ? normalTwoSided(z) : 0,
  }
}

/** For each true row the share of the others it beats, and for each other the share of true rows that beat it. */
function components(isTrue: Uint8Array, score: Float64Array) {
  const positives = score.filter((_, i) => isTrue[i] === 1)
  const negatives = score.filter((_, i) => isTrue[i] !== 1)
  const ofAll = midRanks(score)
  const within = { positives: midRanks(positives), negatives: midRanks(negatives) }
  const ofTrue = new Float64Array(positives.length)
  const ofOther = new Float64Array(negatives.length)
  for (let i = 0, p = 0, n = 0; i < score.length; i++) {
    if (isTrue[i] === 1) ofTrue[p] = (ofAll[i]! - within.positives[p++]!) / negatives.length
    else ofOther[n] = 1 - (ofAll[i]! - within.negatives[n++]!) / positives.length
  }
  return { ofTrue, ofOther, auc: mean(ofTrue) }
}

function midRanks(values: Float64Array): Float64Array {
  const order = Uint32Array.from(values.keys()).sort((a, b) => values[a]! - values[b]!)
  const ranks = new Float64Array(values.length)
  for (let start = 0; start < order.length; ) {
    let end = start
    while (end < order.length && values[order[end]!] === values[order[start]!]) end++
    for (let i = start; i < end; i++) ranks[order[i]!] = (start + end + 1) / 2
    start = end
  }
  return ranks
}

const mean = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0) / values.length

function varianceOfDifference(a: Float64Array, b: Float64Array): number {
  const differences = a.map((value, i) => b[i]! - value)
  const middle = mean(differences)
  return differences.reduce((sum, d) => sum + (d - middle) ** 2, 0) / (differences.length - 1)
}
