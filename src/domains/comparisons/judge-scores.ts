import { holm, type ResampledDifference, resampledDifference } from '../evaluation/statistics/resampled-t.ts'
import { metricTitle } from '../goals/metrics.ts'
import { short } from '../goals/outcome.ts'
import { lowerIsBetter, type Metric } from '../goals/schema.ts'
import type { PairVerdict } from './schema.ts'

/** What the engine leaves: every candidate's score on every fold of every repeat. */
export interface Scores {
  metric: Metric
  rows: number
  repeats: number
  folds: number
  division: string
  testShare: number
  candidates: { name: string; algorithm: string; params: Record<string, unknown>; scores: number[][]; seconds: number }[]
}

const level = 0.05

/** Each pair of candidates by the corrected resampled t-test, adjusted for their number. */
export function judgeScores(scores: Scores, delta: number | null): PairVerdict[] {
  const { candidates, metric, testShare } = scores
  const sign = lowerIsBetter.has(metric) ? -1 : 1
  const pairs = candidates.flatMap((a, at) => candidates.slice(at + 1).map((b) => ({ a, b })))
  const compared = pairs.map(({ a, b }) => {
    const differences = b.scores.flatMap((folds, repeat) => folds.map((score, fold) => sign * (score - a.scores[repeat]![fold]!)))
    return { a: a.name, b: b.name, differences, found: resampledDifference(differences, { testShare, delta }) }
  })
  const adjusted = holm(compared.map(({ found }) => found.pValue))
  const equivalent = holm(compared.map(({ found }) => found.equivalence?.pValue ?? 1))
  return compared.map(({ a, b, differences, found }, index) => {
    const adjustedPValue = adjusted[index]!
    const equivalence = found.equivalence && { ...found.equivalence, adjustedPValue: equivalent[index]! }
    const isEquivalent = equivalence !== null && equivalence.adjustedPValue < level
    const verdict = adjustedPValue < level ? (found.mean > 0 ? 'better' : 'worse') : isEquivalent ? 'equivalent' : 'not_shown'
    const pair = {
      a,
      b,
      verdict,
      difference: {
        value: found.mean,
        low: found.low,
        high: found.high,
        method: '95 % interval, variance corrected for folds that share rows (Nadeau and Bengio 2003)',
      },
      effect: found.effect,
      t: found.t,
      degrees: found.degrees,
      pValue: found.pValue,
      adjustedPValue,
      equivalence,
      differences,
    } satisfies Omit<PairVerdict, 'sentence'>
    return { ...pair, sentence: pairSentence(pair, { found, scores, pairs: pairs.length, isEquivalent }) }
  })
}

function pairSentence(
  { a, b, verdict, adjustedPValue, equivalence }: Omit<PairVerdict, 'sentence'>,
  about: { found: ResampledDifference; scores: Scores; pairs: number; isEquivalent: boolean },
): string {
  const { found, scores, pairs, isEquivalent } = about
  const { metric, repeats, folds } = scores
  const isLess = lowerIsBetter.has(metric)
  const [winner, loser] = found.mean >= 0 ? [b, a] : [a, b]
  const size = short(Math.abs(found.mean))
  const [low, high] = found.mean >= 0 ? [found.low, found.high] : [-found.high, -found.low]
  const corrected = pairs > 1 ? `, ${pairs} pairs allowed for` : ''
  const over = `over ${repeats} x ${folds} folds`
  const evidence = `95 % interval ${short(low)} to ${short(high)}, p ${pText(adjustedPValue)}${corrected}`
  const title = metricTitle[metric]
  if (verdict === 'better' || verdict === 'worse') {
    const within = isEquivalent ? ` The difference is below ${short(equivalence!.delta)}, which was said not to matter.` : ''
    return `${winner} is better than ${loser}: its ${title} is ${size} ${isLess ? 'lower' : 'higher'} on average ${over} (${evidence}).${within}`
  }
  if (verdict === 'equivalent')
    return `${a} and ${b} are equivalent within ${short(equivalence!.delta)}: their ${title} differs by ${size} on average ${over} (p of a larger difference ${pText(equivalence!.adjustedPValue)}${corrected}).`
  if (found.mean === 0 && found.deviation === 0)
    return `Not shown that one is better: ${a} and ${b} score the same on every fold ${over}.`
  return `Not shown that one is better: the ${title} of ${winner} is ${size} ${isLess ? 'lower' : 'higher'} than that of ${loser} on average ${over}, which chance alone can bring about (${evidence}).`
}

const pText = (p: number): string => (p < 0.001 ? '< 0.001' : `= ${p.toFixed(3)}`)

/** The comparison in one sentence: the pair, or who is better than all others. */
export function comparisonVerdict(names: readonly string[], pairs: readonly PairVerdict[]): string {
  if (pairs.length === 1) return pairs[0]!.sentence
  const beats = (one: string, other: string) =>
    pairs.some(
      ({ a, b, verdict }) =>
        (b === one && a === other && verdict === 'better') || (a === one && b === other && verdict === 'worse'),
    )
  const best = names.find((one) => names.every((other) => other === one || beats(one, other)))
  if (best) return `${best} is better than each of the ${names.length - 1} others, ${pairs.length} pairs allowed for.`
  const unbeaten = names.filter((one) => !names.some((other) => beats(other, one)))
  return unbeaten.length === names.length
    ? `Not shown that any of the ${names.length} is better than another.`
    : `None is shown to be better than all others; ${listed(unbeaten)} ${unbeaten.length > 1 ? 'are' : 'is'} beaten by none.`
}

const listed = (names: readonly string[]): string =>
  names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
