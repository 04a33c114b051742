import type * as z from 'zod'
import { pairedBootstrap } from '../../evaluation/statistics/bootstrap.ts'
import { delong } from '../../evaluation/statistics/delong.ts'
import { metricOf } from '../../evaluation/statistics/metric.ts'
import type { ClassPredictions, Predictions, WeightedMetric } from '../../evaluation/statistics/predictions.ts'
import { metricTitle } from '../../goals/metrics.ts'
import { short } from '../../goals/outcome.ts'
import { lowerIsBetter, type Metric } from '../../goals/schema.ts'
import type { JudgeRules } from '../schema.ts'
import type { JudgeEvidence } from './evidence.ts'
import { lossesOf } from './losses.ts'
import { mcnemarExact, type PairedTest, pairedT } from './paired-tests.ts'

export interface Pair {
  champion: Predictions
  challenger: Predictions
  names: { champion: string; challenger: string }
  metric: Metric
  rules: Pick<z.output<typeof JudgeRules>, 'rule' | 'alpha' | 'margin' | 'fairness'>
  sizeBytes: { champion: number; challenger: number }
  microsecondsPerRow: { champion: number; challenger: number }
  /** The group of each row, where groups are compared. */
  groups: Int32Array | null
  positive: number | null
  leftOut: number
}

/** Less than this share of the champion's cost is cheaper, and not the noise of the clock. */
const clearlyCheaper = 0.9
const seed = 7

/** Whether a challenger may take the champion's place, from what both said of the same rows. "No significant difference" is an answer too. */
export async function judgePair(pair: Pair): Promise<JudgeEvidence> {
  const { champion, challenger, metric, rules } = pair
  const { alpha, margin } = rules
  const rows = champion.actual.length
  const sign = lowerIsBetter.has(metric) ? -1 : 1
  const of = { a: metricOf(metric, champion), b: metricOf(metric, challenger) }
  const bootstrap = await pairedBootstrap({ ...of, rows, seed, alpha })
  const difference = {
    value: sign * bootstrap.value,
    low: sign > 0 ? bootstrap.low : -bootstrap.high,
    high: sign > 0 ? bootstrap.high : -bootstrap.low,
    method: `${100 * (1 - alpha)} % interval by paired bootstrap, ${bootstrap.resamples} resamples`,
  }
  const also = otherTests(champion, challenger, alpha)
  const { test, pValue } = primary(pair, bootstrap.pValue, also)
  const isSignificant = pValue < alpha && difference.value !== 0
  const verdict = !isSignificant ? 'no_difference' : difference.value > 0 ? 'better' : 'worse'
  const isNotWorse = difference.low >= -margin
  const fairness = await fairnessOf(pair)
  const found = {
    rows,
    metric,
    greaterIsBetter: sign > 0,
    champion: of.a(),
    challenger: of.b(),
    difference,
    pValue,
    test,
    alpha,
    margin,
    rule: rules.rule,
    verdict,
    isNotWorse,
    also,
    size: pair.sizeBytes,
    cost: pair.microsecondsPerRow,
    fairness,
    leftOut: pair.leftOut,
    loss: lossesOf(champion).name,
    curve: curveOf(champion, challenger),
  } satisfies Omit<JudgeEvidence, 'passed' | 'sentence'>
  const passed = passes(found)
  return { ...found, passed, sentence: sentenceOf({ ...found, passed }, pair.names) }
}

/** McNemar's for accuracy, DeLong's for the area under the ROC curve of two classes, the bootstrap's own for all other metrics. */
function primary(
  { champion, challenger, metric }: Pair,
  pValue: number,
  also: JudgeEvidence['also'],
): { test: string; pValue: number } {
  if (metric === 'accuracy' && also[0]?.name.startsWith('McNemar')) return { test: also[0].name, pValue: also[0].pValue }
  if (metric === 'roc_auc' && champion.kind === 'classes' && challenger.kind === 'classes' && champion.classes === 2) {
    const scores = (said: ClassPredictions) => Float64Array.from(said.actual, (_, i) => said.probabilities[i * 2 + 1]!)
    const compared = delong(Uint8Array.from(champion.actual), scores(champion), scores(challenger))
    return { test: 'DeLong', pValue: compared.pValue }
  }
  return { test: 'paired bootstrap', pValue }
}

function otherTests(champion: Predictions, challenger: Predictions, alpha: number): JudgeEvidence['also'] {
  const tests: (PairedTest & { of: string })[] = []
  if (champion.kind === 'classes' && challenger.kind === 'classes') {
    let onlyChampion = 0
    let onlyChallenger = 0
    champion.actual.forEach((actual, i) => {
      const one = champion.label[i] === actual
      const other = challenger.label[i] === actual
      if (one && !other) onlyChampion++
      if (other && !one) onlyChallenger++
    })
    tests.push({ ...mcnemarExact(onlyChampion, onlyChallenger, champion.actual.length, alpha), of: 'share of right labels' })
  }
  const [one, other] = [lossesOf(champion), lossesOf(challenger)]
  tests.push({ ...pairedT(one.values, other.values, alpha, 'paired t'), of: `mean ${one.name} (less is better)` })
  return tests
}

async function fairnessOf({ champion, challenger, groups, positive, rules }: Pair): Promise<JudgeEvidence['fairness']> {
  if (!rules.fairness || !groups) return null
  if (champion.kind !== 'classes' || challenger.kind !== 'classes') return null
  const { rate, column } = rules.fairness
  const of = { a: gapOf(champion, groups, rate, positive), b: gapOf(challenger, groups, rate, positive) }
  const { low, high } = await pairedBootstrap({ ...of, rows: groups.length, seed, alpha: rules.alpha })
  return { column, rate, champion: of.a(), challenger: of.b(), low, high }
}

const fewestInGroup = 20

/** The largest difference of a rate between two groups that have rows enough. */
function gapOf(
  { actual, label }: ClassPredictions,
  groups: Int32Array,
  rate: 'favourable' | 'recall' | 'accuracy',
  positive: number | null,
): WeightedMetric {
  const width = groups.reduce((most, group) => Math.max(most, group + 1), 0)
  return (counts) => {
    const hits = new Float64Array(width)
    const rows = new Float64Array(width)
    for (let i = 0; i < groups.length; i++) {
      if (rate === 'recall' && actual[i] !== positive) continue
      const times = counts ? counts[i]! : 1
      rows[groups[i]!]! += times
      if (rate === 'accuracy' ? label[i] === actual[i] : label[i] === positive) hits[groups[i]!]! += times
    }
    let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
    for (let group = 0; group < width; group++) {
      if (rows[group]! < fewestInGroup) continue
      least = Math.min(least, hits[group]! / rows[group]!)
      most = Math.max(most, hits[group]! / rows[group]!)
    }
    return most >= least ? most - least : 0
  }
}

type Found = Omit<JudgeEvidence, 'passed' | 'sentence'>

function passes(found: Found): boolean {
  if (found.verdict === 'better') return true
  if (found.verdict === 'worse' || !found.isNotWorse) return false
  return gains[found.rule](found)
}

/** What must be won where the metric is not. */
const gains: Record<JudgeEvidence['rule'], (found: Found) => boolean> = {
  better: () => false,
  not_worse_and_smaller: ({ size }) => size.challenger < size.champion,
  not_worse_and_cheaper: ({ cost }) => cost.challenger < clearlyCheaper * cost.champion,
  not_worse_and_fairer: ({ fairness }) => fairness !== null && fairness.high < 0,
}

const parts = 40

/** Mean losses over the rows in their order, for a picture. */
function curveOf(champion: Predictions, challenger: Predictions): JudgeEvidence['curve'] {
  const [one, other] = [lossesOf(champion).values, lossesOf(challenger).values]
  const width = Math.max(1, Math.ceil(one.length / parts))
  const at: number[] = []
  const means = { champion: [] as number[], challenger: [] as number[] }
  const mean = (values: Float64Array) => values.reduce((sum, value) => sum + value, 0) / values.length
  for (let from = 0; from < one.length; from += width) {
    at.push(Math.min(one.length, from + width))
    means.champion.push(mean(one.subarray(from, from + width)))
    means.challenger.push(mean(other.subarray(from, from + width)))
  }
  return { at, ...means }
}

function sentenceOf(found: Found & { passed: boolean }, names: Pair['names']): string {
  const { rows, metric, champion, challenger, difference, pValue, test, margin } = found
  const title = metricTitle[metric]
  const figures = `${title} is ${short(challenger)} for ${names.challenger} and ${short(champion)} for ${names.champion} on the same ${rows} sealed recent rows`
  const evidence = `gain ${short(difference.value)}, interval ${short(difference.low)} to ${short(difference.high)}; ${test}, p ${pValue < 0.001 ? '< 0.001' : `= ${pValue.toFixed(3)}`}`
  if (found.verdict === 'better') return `${names.challenger} is significantly better: ${figures} (${evidence}).`
  if (found.verdict === 'worse') return `${names.challenger} is significantly worse: ${figures} (${evidence}).`
  const said = `No significant difference: ${figures} (${evidence}).`
  if (found.rule === 'better') return `${said} The policy asks for a better one, so the champion stays.`
  if (!found.isNotWorse) return `${said} It could be worse by more than the margin of ${short(margin)}, so the champion stays.`
  return `${said} It is not worse by more than ${short(margin)}, ${gainWords(found)}.`
}

function gainWords({ rule, passed, size, cost, fairness }: Found & { passed: boolean }): string {
  const not = passed ? 'and' : 'but not'
  if (rule === 'not_worse_and_smaller') return `${not} smaller: ${size.challenger} bytes instead of ${size.champion}`
  if (rule === 'not_worse_and_cheaper')
    return `${not} clearly cheaper: ${short(cost.challenger)} microseconds a row instead of ${short(cost.champion)}`
  return fairness
    ? `${not} fairer: the largest gap of ${fairness.rate} between groups of "${fairness.column}" is ${short(fairness.challenger)} instead of ${short(fairness.champion)} (change ${short(fairness.low)} to ${short(fairness.high)})`
    : 'but groups could not be compared'
}
