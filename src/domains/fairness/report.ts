import { invalidInput } from '../../kernel/errors.ts'
import { compareSides, type Measured, orNull } from './compare-groups.ts'
import type { Cube, FacetCells } from './cube.ts'
import { otherGroup } from './facets.ts'
import { allOthers, level, measureSentence, quoted, testsSentence, verdictOf } from './judge.ts'
import { dataMeasures, definitions, generalisedEntropy, type Measure, modelMeasures, rateOf } from './measures.ts'
import { type Population, populationsOf } from './population.ts'
import type { Comparison, FacetReport, Group, MeasureValue } from './schema.ts'
import { rateNames } from './schema.ts'
import { holm, type Proportion, shareOf, wilson } from './statistics/proportions.ts'

export interface ReportOptions {
  stage: 'data' | 'model'
  minimumRows: number
  /** Whether demographic disparity was asked for. */
  hasStratum: boolean
  seed?: number
}

export interface Compared {
  facets: FacetReport[]
  tests: { made: number; significant: number; sentence: string }
  sentence: string
}

type Countable = Exclude<Measure, 'flip_test'>

/** Everything that a report says, from counts alone. */
export async function compareFacets(cube: Cube, options: ReportOptions): Promise<Compared> {
  const measures = measuresOf(options)
  const drafts = []
  for (const facet of cube.facets) drafts.push(await draftOf(facet, measures, options))
  // One family of tests: every difference of rates with enough rows, over all facets and groups.
  const tested = drafts.flatMap(({ comparisons }) =>
    comparisons.flatMap(({ measures }) => measures.filter((one) => isTested(one, options.minimumRows))),
  )
  const adjusted = holm(tested.map(({ pValue }) => pValue!))
  const pHolm = new Map(tested.map((one, i) => [one, adjusted[i]!]))
  const facets = drafts.map((draft) => judged(draft, pHolm, options))
  const significant = adjusted.filter((p) => p < level).length
  return {
    facets,
    tests: { made: tested.length, significant, sentence: testsSentence(tested.length, significant) },
    sentence: wholeSentence(facets),
  }
}

function measuresOf({ stage, hasStratum }: ReportOptions): Countable[] {
  const all = stage === 'data' ? dataMeasures : modelMeasures.filter((name) => name !== 'flip_test')
  return all.filter((name) => hasStratum || !name.startsWith('conditional_disparity')) as Countable[]
}

const isTested = (one: Measured, minimumRows: number): boolean => one.pValue !== null && Math.min(...one.rests) >= minimumRows

interface Draft {
  facet: FacetCells
  reference: number | null
  groups: Group[]
  populations: Population[]
  comparisons: { group: number; measures: Measured[] }[]
}

async function draftOf(facet: FacetCells, measures: readonly Countable[], options: ReportOptions): Promise<Draft> {
  const { cells, groups } = facet
  const populations = populationsOf(cells, groups.length, (group) => group)
  const reference = referenceOf(facet, populations)
  const comparisons = []
  for (let group = 0; group < groups.length; group++) {
    if (group === reference || groups.length < 2) continue
    const sideOf = (one: number) => (one === group ? 1 : reference === null || one === reference ? 0 : -1)
    comparisons.push({ group, measures: await compareSides({ cells, sideOf, measures, seed: options.seed ?? 7 }) })
  }
  return { facet, reference, comparisons, populations, groups: groups.map((_, i) => groupOf(facet, i, populations, options)) }
}

/** The group compared with: the one named, else the largest that has a name; null compares each with all the others. */
function referenceOf({ name, facets, groups }: FacetCells, populations: readonly Population[]): number | null {
  const named = facets.map(({ reference }) => reference)
  if (named.includes('*')) return null
  const isFit = (at: number) =>
    groups[at]!.parts.every((part, i) => (named[i] == null ? part !== null && part !== otherGroup : part === named[i]))
  const fit = groups.map((_, i) => i).filter(isFit)
  if (fit.length === 0 && named.some((one) => one != null))
    throw invalidInput(
      `No row of the facet "${name}" is in the reference ${named
        .filter((one) => one != null)
        .map((one) => `"${one}"`)
        .join(', ')}. Its groups are ${groups
        .slice(0, 12)
        .map((group) => `"${group.name}"`)
        .join(', ')}.`,
      { field: 'facets', facet: name },
    )
  const among = fit.length > 0 ? fit : groups.map((_, i) => i)
  return among.reduce((best, one) => (populations[one]!.rows > populations[best]!.rows ? one : best), among[0] ?? 0)
}

function groupOf(facet: FacetCells, at: number, populations: readonly Population[], { stage }: ReportOptions): Group {
  const { name, parts } = facet.groups[at]!
  const mine = populations[at]!
  const all = populations.reduce((sum, { rows }) => sum + rows, 0)
  const rates = rateNames.map((rate) => [rate, stage === 'model' || rate === 'favourable' ? rateValue(rateOf[rate](mine)) : null])
  const conditions = parts.map((part, i) =>
    part === null ? [{ column: facet.facets[i]!.column.name, op: 'is_missing' as const }] : facet.facets[i]!.conditions(part),
  )
  return {
    name,
    rows: mine.rows,
    share: mine.rows / all,
    kind: parts.includes(null) ? 'missing' : parts.includes(otherGroup) ? 'other' : 'named',
    rates: Object.fromEntries(rates) as Group['rates'],
    entropy: stage === 'model' ? orNull(generalisedEntropy(mine)) : null,
    where: conditions.includes(null) ? null : JSON.stringify(conditions.flat()),
  }
}

export function rateValue(proportion: Proportion) {
  const { low, high } = wilson(proportion)
  return { value: orNull(shareOf(proportion)), low: orNull(low), high: orNull(high), ...proportion }
}

function judged(draft: Draft, pHolm: ReadonlyMap<Measured, number>, options: ReportOptions): FacetReport {
  const { facet, reference, groups, populations } = draft
  const against = reference === null ? allOthers : groups[reference]!.name
  const comparisons = draft.comparisons.map(({ group, measures }): Comparison => {
    const pair = { group: groups[group]!.name, against }
    const values = measures.map((one): MeasureValue => {
      const adjusted = pHolm.get(one)
      const shared =
        one.measure === 'disparate_impact' ? pHolm.get(measures.find((m) => m.measure === 'positive_difference')!) : undefined
      const full = { ...one, pHolm: adjusted ?? shared ?? null }
      const { neutral } = definitions[one.measure as Countable]
      return { ...full, verdict: verdictOf(full, neutral, options.minimumRows) }
    })
    return { ...pair, measures: values, sentences: sentencesOf(pair, values, options) }
  })
  return {
    name: facet.name,
    columns: facet.facets.map(({ column }) => column.name),
    reference: reference === null ? null : against,
    groups,
    comparisons,
    equalisedOdds: options.stage === 'model' ? equalisedOdds(populations, options.minimumRows) : null,
    entropy: options.stage === 'model' ? entropyOf(populations) : null,
    counterfactuals: null,
  }
}

/** What is worth a sentence: what is outside what is wanted first, then what cannot be said, then the one that leads. */
function sentencesOf(
  pair: { group: string; against: string },
  values: readonly MeasureValue[],
  options: ReportOptions,
): string[] {
  const leading = values.find(({ measure }) => measure === (options.stage === 'data' ? 'label_difference' : 'disparate_impact'))
  const outside = values.filter(({ verdict }) => verdict === 'outside' || verdict === 'outside_unsure')
  outside.sort((a, b) => Number(a.verdict === 'outside_unsure') - Number(b.verdict === 'outside_unsure'))
  const few = values.filter(({ verdict }) => verdict === 'too_few' && verdict !== leading?.verdict)
  const said = new Set([...(leading ? [leading] : []), ...outside])
  const sentences = [...said].map((one) => measureSentence(pair, one, options.minimumRows))
  if (few.length > 0)
    sentences.push(
      `Too few rows to say: ${few.map(({ title }) => title.toLowerCase()).join(', ')} of ${quoted(pair.group)} against ${quoted(pair.against)}.`,
    )
  return sentences
}

function wholeSentence(facets: readonly FacetReport[]): string {
  const all = facets.flatMap((facet) => facet.comparisons.map((one) => ({ facet: facet.name, ...one })))
  if (all.length === 0) return 'There is nothing to compare: every facet has one group only.'
  const worst = all.filter(({ measures }) => measures.some(({ verdict }) => verdict === 'outside'))
  if (worst.length > 0)
    return `${worst.length} of ${all.length} comparisons show a difference that is more than chance: ${worst
      .slice(0, 5)
      .map(({ facet, group, against }) => `${facet}: ${quoted(group)} against ${quoted(against)}`)
      .join('; ')}${worst.length > 5 ? '; and others' : ''}.`
  const unsure = all.filter(({ measures }) => measures.some(({ verdict }) => verdict === 'outside_unsure'))
  const few = all.filter(({ measures }) => measures.every(({ verdict }) => verdict === null || verdict === 'too_few'))
  if (few.length === all.length) return 'Too few rows to say anything: no group is large enough.'
  if (unsure.length > 0)
    return `No difference that chance could not explain; in ${unsure.length} of ${all.length} comparisons a figure is outside what is wanted, on too few rows to be sure.`
  return `No difference beyond what is wanted was found in ${all.length === 1 ? 'the one comparison' : `${all.length} comparisons`}. That is no proof that there is none.`
}

/** The largest gaps of recall and of false alarms over all groups with enough rows (fairlearn's equalized_odds_difference). */
function equalisedOdds(populations: readonly Population[], minimumRows: number): MeasureValue | null {
  const fit = populations.filter((p) => rateOf.recall(p).of >= minimumRows && rateOf.specificity(p).of >= minimumRows)
  if (fit.length < 2) return null
  const gap = (rate: (p: Population) => Proportion) => {
    const shares = fit.map((p) => shareOf(rate(p)))
    return Math.max(...shares) - Math.min(...shares)
  }
  const { symbol, title } = definitions.equalised_odds_difference
  return {
    measure: 'equalised_odds_difference',
    symbol,
    title,
    value: Math.max(gap(rateOf.recall), gap(rateOf.specificity)),
    low: null,
    high: null,
    method: null,
    pValue: null,
    pHolm: null,
    wanted: null,
    rests: [Math.min(...fit.map((p) => rateOf.recall(p).of)), Math.min(...fit.map((p) => rateOf.specificity(p).of))],
    verdict: null,
  }
}

/** Generalised entropy of all rows, and the part that lies between the groups (Speicher et al. 2018, section 3). */
function entropyOf(populations: readonly Population[]): FacetReport['entropy'] {
  const benefit = (p: Population) => 2 * p.falsePositive + p.truePositive + p.trueNegative
  const rows = populations.reduce((sum, p) => sum + p.rows, 0)
  const mean = populations.reduce((sum, p) => sum + benefit(p), 0) / rows
  const squares = populations.reduce((sum, p) => sum + 4 * p.falsePositive + p.truePositive + p.trueNegative, 0) / rows
  const between = populations.reduce((sum, p) => sum + (p.rows / rows) * ((benefit(p) / p.rows / mean) ** 2 - 1), 0) / 2
  return { whole: orNull((squares / (mean * mean) - 1) / 2), between: orNull(between) }
}
