import { short } from '../goals/outcome.ts'
import type { MeasureValue } from './schema.ts'

/** Beyond this, chance alone would seldom show such a difference. */
export const level = 0.05

type Judged = Pick<MeasureValue, 'value' | 'low' | 'high' | 'wanted' | 'pHolm' | 'rests'>

/**
 * What may be said of a value. `outside` only where the value is outside what is wanted and chance is ruled out: by the test of its rates, honest over
 * all tests of the report, or where nothing is tested by an interval that leaves out the neutral value.
 */
export function verdictOf(one: Judged, neutral: number, minimumRows: number): MeasureValue['verdict'] {
  if (Math.min(...one.rests) < minimumRows) return 'too_few'
  if (one.wanted === null || one.value === null) return null
  const { low: from, high: to } = one.wanted
  const isInside = (value: number) => (from === null || value >= from) && (to === null || value <= to)
  const isSure =
    one.pHolm !== null ? one.pHolm < level : one.low !== null && one.high !== null && (one.low > neutral || one.high < neutral)
  if (!isInside(one.value)) return isSure ? 'outside' : 'outside_unsure'
  return one.low !== null && one.high !== null && isInside(one.low) && isInside(one.high) ? 'within' : 'within_unsure'
}

/** "at least 0.8 and at most 1.25"; for a difference "at most 0.1 either way" */
export function wantedWords(wanted: NonNullable<MeasureValue['wanted']>): string {
  const { low, high } = wanted
  if (low !== null && high !== null)
    return low === -high ? `at most ${short(high)} either way` : `between ${short(low)} and ${short(high)}`
  return low !== null ? `at least ${short(low)}` : `at most ${short(high ?? Number.NaN)}`
}

export interface Pair {
  group: string
  against: string
}

/** One measure of one comparison in words: figures, interval, what is wanted, and whether it may be chance. */
export function measureSentence({ group, against }: Pair, one: MeasureValue, minimumRows: number): string {
  const name = `${one.title} of ${quoted(group)} against ${quoted(against)}`
  if (one.verdict === 'too_few') {
    const [a, d] = one.rests
    const fewer = Math.min(a, d)
    return `Too few rows to say: ${lower(name)} rests on ${fewer} ${fewer === 1 ? 'row' : 'rows'} of ${quoted(d <= a ? group : against)}, fewer than ${minimumRows}.`
  }
  if (one.value === null) return `${name} is not defined: one of its rates divides by zero.`
  const interval = one.low === null || one.high === null ? '' : ` (95 % interval ${short(one.low)} to ${short(one.high)})`
  const said = `${name} is ${short(one.value)}${interval}`
  if (one.wanted === null || one.verdict === null) return `${said}.`
  const wanted = wantedWords(one.wanted)
  const tested = one.pHolm === null ? '' : `, p ${pWords(one.pHolm)} after Holm's correction`
  switch (one.verdict) {
    case 'within':
      return `${said}: ${wanted} is wanted and met, also at both ends of the interval.`
    case 'within_unsure':
      return `${said}: ${wanted} is wanted and met, but the interval reaches beyond it, so this could be luck.`
    case 'outside_unsure':
      return `${said}: ${wanted} is wanted and not met, but chance alone could show as much${tested}. More rows would tell.`
    default:
      return `${said}: ${wanted} is wanted and not met, and the difference is more than chance${tested}.`
  }
}

/** Groups as they are called; the others together are no name. */
export const quoted = (group: string): string => (group === allOthers ? group : `"${group}"`)
export const allOthers = 'all others'

export const pWords = (p: number): string => (p < 0.001 ? '< 0.001' : `= ${p.toFixed(3)}`)

/** What the report has found in all, and how many comparisons that took. */
export function testsSentence(made: number, significant: number): string {
  if (made === 0) return 'No difference of rates could be tested: in every comparison a group has too few rows.'
  const tests = made === 1 ? 'One difference of rates was tested' : `${made} differences of rates were tested`
  const expected = made === 1 ? '' : `; without a correction about ${short(made * level)} would look significant by chance alone`
  return `${tests}${expected}. After Holm's correction ${significant === 0 ? 'none is' : significant === 1 ? 'one is' : `${significant} are`} significant at 5 %.`
}

const lower = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1)
