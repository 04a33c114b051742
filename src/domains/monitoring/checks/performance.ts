import { metricOf } from '../../evaluation/statistics/metric.ts'
import type { Predictions } from '../../evaluation/statistics/predictions.ts'
import { randomFrom } from '../../evaluation/statistics/random.ts'
import { defaultMetric, metricTitle } from '../../goals/metrics.ts'
import { lowerIsBetter, type Metric } from '../../goals/schema.ts'
import type { ModelVersion } from '../../registry/schema.ts'
import { judgedAnswers, rowsOf } from '../answers.ts'
import { bootstrapMetric } from '../statistics/bootstrap-metric.ts'
import { outcomeGivenPrediction } from '../statistics/concept-drift.ts'
import { normalUpperTail } from '../statistics/rank-auc.ts'
import type { Check } from './check.ts'
import { notJudged } from './not-judged.ts'
import { chance, figure, percent } from './words.ts'

/** A change of the outcome at the same prediction that matters: ten of a hundred rows, or a tenth of a standard deviation. */
const conceptWarning = 0.1

/** How right the model is where the truth is known by now, against what it was on the sealed rows; and whether the same answer still means the same. */
export const performance: Check<'performance'> = {
  kind: 'performance',
  title: 'Performance',
  needsRows: false,
  async look({ version, labelled, sealed }, { metric: wanted, warning, alert, minimumRows }) {
    const metric = metricFor(version, wanted)
    const before = await sealed()
    const now = judgedAnswers(version.signature, await labelled())
    const rows = rowsOf(now)
    if (rows < minimumRows)
      throw notJudged(`The truth of ${rows} predictions of this version is known in the window; ${minimumRows} are needed.`)
    const random = randomFrom(7)
    const was = await bootstrapMetric(metricOf(metric, before), rowsOf(before), random)
    const is = await bootstrapMetric(metricOf(metric, now), rows, random)
    if (!Number.isFinite(is.value))
      throw notJudged(`${metricTitle[metric]} cannot be computed: the known truths are all of one class.`)
    const loss = lowerIsBetter.has(metric) ? is.value - was.value : was.value - is.value
    const share = loss / Math.max(Math.abs(was.value), 1e-12)
    const concept = outcomeGivenPrediction(before, now)
    return {
      pValues: [normalUpperTail(loss / Math.hypot(is.error, was.error)), concept.pValue],
      judge([worse, changed], level) {
        const isWorse = worse! < level && share >= warning
        const isOther = changed! < level && concept.change >= conceptWarning
        const state = isWorse && share >= alert ? 'alert' : isWorse || isOther ? 'warning' : 'quiet'
        const title = metricTitle[metric]
        const figures = `${title} ${figure(is.value)} (95 % interval ${figure(is.low)} to ${figure(is.high)}) of ${rows} rows whose truth is known; ${figure(was.value)} on the sealed test rows`
        const said = isWorse
          ? `The model has become worse: ${figures} (${chance(worse!)}).`
          : `${capital(figures)} (${chance(worse!)}).`
        return {
          state,
          sentence: isOther
            ? `${said} The same answer no longer means the same: what turns out differs by ${now.kind === 'classes' ? percent(concept.change) : `${figure(concept.change)} standard deviations`} at equal predictions (${chance(changed!)}).`
            : said,
          recommendation:
            'Train a version on rows with the new truths, judge it against this one on recent rows that neither learnt from, and deploy the better one.',
          evidence: {
            figures: [
              {
                name: title,
                value: is.value,
                low: is.low,
                high: is.high,
                baseline: was.value,
                warning: bound(metric, was.value, warning),
                alert: bound(metric, was.value, alert),
                pValue: worse,
              },
              {
                name: 'change of the outcome at equal predictions',
                value: concept.change,
                warning: conceptWarning,
                pValue: changed,
              },
              { name: 'rows with a known truth', value: rows, unit: 'rows' },
            ],
            plots: [
              {
                title: titleOf(now, version),
                kind: 'line',
                labels: binNames(concept.edges),
                series: [
                  { name: 'sealed test rows', values: concept.before },
                  { name: 'now', values: concept.now },
                ],
              },
            ],
            columns: [],
            notes: [],
          },
        }
      },
    }
  },
}

const capital = (text: string): string => text[0]!.toUpperCase() + text.slice(1)

const bound = (metric: Metric, value: number, share: number): number =>
  lowerIsBetter.has(metric) ? value + share * Math.abs(value) : value - share * Math.abs(value)

function titleOf(now: Predictions, { signature, target }: ModelVersion): string {
  if (now.kind === 'numbers') return `Truth less prediction of ${target}, by what was predicted`
  return now.classes === 2
    ? `How often it was ${signature.classes![1]}, by the probability that was answered`
    : 'How often the answer was right, by how sure it was'
}

function binNames(edges: readonly number[]): string[] {
  if (edges.length === 0) return ['all']
  return [
    `below ${figure(edges[0]!)}`,
    ...edges.slice(0, -1).map((edge, i) => `${figure(edge)} to ${figure(edges[i + 1]!)}`),
    `from ${figure(edges.at(-1)!)}`,
  ]
}

const countable: ReadonlySet<string> = new Set([
  'accuracy',
  'balanced_accuracy',
  'precision',
  'recall',
  'f1',
  'f1_macro',
  'f1_weighted',
  'mcc',
  'roc_auc',
  'pr_auc',
  'log_loss',
  'brier',
])
const ofNumbers: ReadonlySet<string> = new Set(['mae', 'rmse', 'r2', 'mape'])

/** The metric that is asked for, else that of the goal, else the usual one; refused where it cannot be computed row by row. */
export function metricFor(version: Pick<ModelVersion, 'task' | 'goalOutcome' | 'signature'>, wanted: Metric | null): Metric {
  const metric = wanted ?? version.goalOutcome?.metric ?? defaultMetric(version.task)
  const fits = version.signature.classes === null ? ofNumbers : countable
  if (version.task !== 'regression' && version.task !== 'binary' && version.task !== 'multiclass')
    throw notJudged(`Answers of the task ${version.task} are not held against a truth row by row.`)
  if (!fits.has(metric)) throw notJudged(`${metricTitle[metric]} does not fit the task ${version.task}.`)
  return metric
}
