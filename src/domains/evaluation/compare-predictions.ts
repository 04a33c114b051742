import { metricTitle } from '../goals/metrics.ts'
import { short } from '../goals/outcome.ts'
import { lowerIsBetter, type Metric } from '../goals/schema.ts'
import type { PairedPredictions } from './paired-predictions.ts'
import { type PairedDifference, pairedBootstrap } from './statistics/bootstrap.ts'
import { delong } from './statistics/delong.ts'
import { mcnemar } from './statistics/mcnemar.ts'
import { metricOf } from './statistics/metric.ts'

export interface ComparedPredictions {
  a: number
  b: number
  rows: number
  difference: { value: number; low: number; high: number; method: string }
  test: { name: string; statistic: number | null; pValue: number }
  significant: boolean
}

/** Beyond this, chance alone would seldom show such a difference. */
const level = 0.05

/**
 * Whether one of two versions is better on the same rows. The interval of the difference is by paired bootstrap; the test is DeLong's
 * for the area under the ROC curve of two classes, McNemar's for accuracy, and the bootstrap's own for everything else.
 */
export async function comparePredictions(
  { a, b, rows }: PairedPredictions,
  metric: Metric,
  seed = 7,
): Promise<ComparedPredictions> {
  const of = { a: metricOf(metric, a), b: metricOf(metric, b) }
  const bootstrap = await pairedBootstrap({ ...of, rows, seed })
  const test = testOf({ a, b, rows }, metric, bootstrap)
  return {
    a: of.a(),
    b: of.b(),
    rows,
    difference: {
      value: bootstrap.value,
      low: bootstrap.low,
      high: bootstrap.high,
      method: `paired bootstrap percentile, ${bootstrap.resamples} resamples, seed ${seed}`,
    },
    test,
    significant: test.pValue < level,
  }
}

function testOf({ a, b }: PairedPredictions, metric: Metric, bootstrap: PairedDifference): ComparedPredictions['test'] {
  if (a.kind === 'classes' && b.kind === 'classes') {
    if (metric === 'accuracy') {
      let onlyA = 0
      let onlyB = 0
      for (let i = 0; i < a.actual.length; i++) {
        const isRightA = a.label[i] === a.actual[i]
        const isRightB = b.label[i] === a.actual[i]
        if (isRightA && !isRightB) onlyA++
        if (isRightB && !isRightA) onlyB++
      }
      return mcnemar(onlyA, onlyB)
    }
    if (metric === 'roc_auc' && a.classes === 2) {
      const scores = (of: typeof a) => Float64Array.from(of.actual, (_, i) => of.probabilities[i * 2 + 1]!)
      const { z, pValue } = delong(Uint8Array.from(a.actual), scores(a), scores(b))
      return { name: 'DeLong', statistic: Number.isFinite(z) ? z : null, pValue }
    }
  }
  return { name: 'paired bootstrap', statistic: null, pValue: bootstrap.pValue }
}

/** The comparison in words; "no significant difference" is an answer too. */
export function comparisonSentence(names: { a: string; b: string }, metric: Metric, compared: ComparedPredictions): string {
  const { a, b, rows, difference, test } = compared
  const title = metricTitle[metric]
  const figures = `${title} is ${short(a)} for ${names.a} and ${short(b)} for ${names.b} on the same ${rows} sealed rows`
  const evidence = `difference ${short(difference.value)}, 95 % interval ${short(difference.low)} to ${short(difference.high)}; ${test.name}, p = ${test.pValue < 0.001 ? '< 0.001' : test.pValue.toFixed(3)}`
  const said = evidence.replace('p = <', 'p <')
  if (!compared.significant) return `No significant difference: ${figures} (${said}).`
  const isBBetter = lowerIsBetter.has(metric) ? b < a : b > a
  return `${isBBetter ? names.b : names.a} is significantly better: ${figures} (${said}).`
}
