import type { Population } from './population.ts'
import { type Proportion, shareOf } from './statistics/proportions.ts'

export const dataMeasures = [
  'class_imbalance',
  'label_difference',
  'kl_divergence',
  'js_divergence',
  'lp_norm',
  'total_variation',
  'kolmogorov_smirnov',
  'conditional_disparity_labels',
] as const
export const modelMeasures = [
  'disparate_impact',
  'positive_difference',
  'accuracy_difference',
  'recall_difference',
  'specificity_difference',
  'acceptance_rate_difference',
  'rejection_rate_difference',
  'conditional_acceptance_difference',
  'conditional_rejection_difference',
  'treatment_equality',
  'equalised_odds_difference',
  'generalised_entropy',
  'conditional_disparity_predicted',
  'flip_test',
] as const
export type DataMeasure = (typeof dataMeasures)[number]
export type ModelMeasure = (typeof modelMeasures)[number]
export type Measure = DataMeasure | ModelMeasure

/**
 * A measure of two populations: a, the one compared with, and d, the one asked about. Names, signs and formulae are those of Amazon SageMaker Clarify
 * (Hardt et al. 2021, KDD, "Amazon SageMaker Clarify"), but what divides by zero is not a number here, never zero or infinity.
 */
export interface Definition {
  /** As Clarify abbreviates it. */
  symbol: string
  title: string
  /** In plain words: what a value away from the neutral one means. */
  means: string
  value(a: Population, d: Population): number
  /** The value is the share of the first minus that of the second. */
  difference?(a: Population, d: Population): [Proportion, Proportion]
  /** The value is the share of the first divided by that of the second. */
  ratio?(a: Population, d: Population): [Proportion, Proportion]
  /** How many rows it rests on, in each population. */
  rests(a: Population, d: Population): [number, number]
  /** Where the populations are treated alike. */
  neutral: number
  /** What is commonly held to be fair; null where nothing is. */
  usual: { low: number; high: number } | null
}

const rows = (a: Population, d: Population): [number, number] => [a.rows, d.rows]
const favourable = (p: Population): Proportion => ({ hits: p.truePositive + p.falseNegative, of: p.rows })
const predicted = (p: Population): Proportion => ({ hits: p.truePositive + p.falsePositive, of: p.rows })
const right = (p: Population): Proportion => ({ hits: p.truePositive + p.trueNegative, of: p.rows })
const recall = (p: Population): Proportion => ({ hits: p.truePositive, of: p.truePositive + p.falseNegative })
const specificity = (p: Population): Proportion => ({ hits: p.trueNegative, of: p.trueNegative + p.falsePositive })
const accepted = (p: Population): Proportion => ({ hits: p.truePositive, of: p.truePositive + p.falsePositive })
const rejected = (p: Population): Proportion => ({ hits: p.trueNegative, of: p.trueNegative + p.falseNegative })

/** The rates of one group, each with what it is a share of. */
export const rateOf = { favourable, predicted, accuracy: right, recall, specificity, acceptance: accepted, rejection: rejected }

const tenPoints = { low: -0.1, high: 0.1 }

/** A difference of one rate between the populations; `sign` 1: a minus d, -1: d minus a. */
function rateDifference(
  rate: (p: Population) => Proportion,
  sign: 1 | -1,
  about: Pick<Definition, 'symbol' | 'title' | 'means'>,
): Definition {
  const pair = (a: Population, d: Population): [Proportion, Proportion] => (sign === 1 ? [rate(a), rate(d)] : [rate(d), rate(a)])
  return {
    ...about,
    value: (a, d) => {
      const [first, second] = pair(a, d)
      return shareOf(first) - shareOf(second)
    },
    difference: pair,
    rests: (a, d) => [rate(a).of, rate(d).of],
    neutral: 0,
    usual: tenPoints,
  }
}

function plain(
  about: Pick<Definition, 'symbol' | 'title' | 'means'>,
  value: Definition['value'],
  rests: Definition['rests'] = rows,
): Definition {
  return { ...about, value, rests, neutral: 0, usual: null }
}

/** Sums f over the shares of each label value among a and among d. */
function overLabels(a: Population, d: Population, f: (p: number, q: number) => number): number {
  let sum = 0
  for (let k = 0; k < a.labels.length; k++) sum += f(a.labels[k]! / a.rows, d.labels[k]! / d.rows)
  return sum
}

/** p log(p / q), in nats; nothing where p is 0. */
const divergence = (p: number, q: number): number => (p === 0 ? 0 : p * Math.log(p / q))

function largestGap(a: Population, d: Population): number {
  let most = 0
  for (let k = 0; k < a.labels.length; k++) most = Math.max(most, Math.abs(a.labels[k]! / a.rows - d.labels[k]! / d.rows))
  return a.rows === 0 || d.rows === 0 ? Number.NaN : most
}

/**
 * Conditional demographic disparity of d (Wachter et al. 2021): in each stratum the share of d among the rejected minus its share among the accepted;
 * the mean over strata, weighted by rows. A stratum where all are accepted, or all rejected, shows no disparity.
 */
function conditionalDisparity(a: Population, d: Population, at: 0 | 2): number {
  let sum = 0
  let all = 0
  for (let s = at; s < a.strata.length; s += 4) {
    const accepts = a.strata[s]! + d.strata[s]!
    const rejects = a.strata[s + 1]! + d.strata[s + 1]!
    if (accepts > 0 && rejects > 0) sum += (accepts + rejects) * (d.strata[s + 1]! / rejects - d.strata[s]! / accepts)
    all += accepts + rejects
  }
  return all === 0 ? Number.NaN : sum / all
}

/** Generalised entropy of benefits (predicted - actual + 1), alpha 2 (Speicher et al. 2018): half the squared coefficient of variation. */
export function generalisedEntropy(p: Population): number {
  const mean = (2 * p.falsePositive + p.truePositive + p.trueNegative) / p.rows
  if (!(mean > 0)) return Number.NaN
  const squares = (4 * p.falsePositive + p.truePositive + p.trueNegative) / p.rows
  return (squares / (mean * mean) - 1) / 2
}

const sum = (a: Population, d: Population): Population => ({
  rows: a.rows + d.rows,
  labels: a.labels,
  strata: a.strata,
  truePositive: a.truePositive + d.truePositive,
  falsePositive: a.falsePositive + d.falsePositive,
  falseNegative: a.falseNegative + d.falseNegative,
  trueNegative: a.trueNegative + d.trueNegative,
})

const quotient = (above: number, below: number): number => (below === 0 ? Number.NaN : above / below)
const conditionalAcceptance = (p: Population) => quotient(p.truePositive + p.falseNegative, p.truePositive + p.falsePositive)
const conditionalRejection = (p: Population) => quotient(p.falsePositive + p.trueNegative, p.falseNegative + p.trueNegative)
const errorRatio = (p: Population) => quotient(p.falseNegative, p.falsePositive)

/** Every measure but the flip test, which needs the rows themselves. */
export const definitions: Record<Exclude<Measure, 'flip_test'>, Definition> = {
  class_imbalance: plain(
    { symbol: 'CI', title: 'Class imbalance', means: 'above 0: the group has fewer rows than those it is compared with' },
    (a, d) => quotient(a.rows - d.rows, a.rows + d.rows),
  ),
  label_difference: rateDifference(favourable, 1, {
    symbol: 'DPL',
    title: 'Difference in proportions of labels',
    means: 'above 0: the group has the favourable label less often',
  }),
  kl_divergence: plain(
    { symbol: 'KL', title: 'Kullback-Leibler divergence', means: 'how far the labels are distributed apart, in nats' },
    (a, d) => {
      const value = overLabels(a, d, divergence)
      return Number.isFinite(value) ? value : Number.NaN
    },
  ),
  js_divergence: plain(
    { symbol: 'JS', title: 'Jensen-Shannon divergence', means: 'how far the labels are distributed apart, 0 to ln 2' },
    (a, d) => overLabels(a, d, (p, q) => (divergence(p, (p + q) / 2) + divergence(q, (p + q) / 2)) / 2),
  ),
  lp_norm: plain({ symbol: 'LP', title: 'L2 norm', means: 'the length of the difference of the label shares' }, (a, d) =>
    Math.sqrt(overLabels(a, d, (p, q) => (p - q) ** 2)),
  ),
  total_variation: plain(
    { symbol: 'TVD', title: 'Total variation distance', means: 'the share of rows whose label would have to change' },
    (a, d) => overLabels(a, d, (p, q) => Math.abs(p - q)) / 2,
  ),
  kolmogorov_smirnov: plain(
    { symbol: 'KS', title: 'Kolmogorov-Smirnov distance', means: 'the largest difference in the share of one label' },
    largestGap,
  ),
  conditional_disparity_labels: plain(
    {
      symbol: 'CDDL',
      title: 'Conditional demographic disparity of labels',
      means: 'above 0: within strata, the group is more of the rejected than of the accepted',
    },
    (a, d) => conditionalDisparity(a, d, 0),
  ),
  disparate_impact: {
    symbol: 'DI',
    title: 'Disparate impact',
    means: 'below 1: the group is predicted the favourable outcome less often',
    value: (a, d) => quotient(shareOf(predicted(d)), shareOf(predicted(a))),
    ratio: (a, d) => [predicted(d), predicted(a)],
    rests: rows,
    neutral: 1,
    // The four-fifths rule of the US Uniform Guidelines on Employee Selection Procedures (1978), and its inverse.
    usual: { low: 0.8, high: 1.25 },
  },
  positive_difference: rateDifference(predicted, 1, {
    symbol: 'DPPL',
    title: 'Difference in positive proportions',
    means: 'above 0: the group is predicted the favourable outcome less often',
  }),
  accuracy_difference: rateDifference(right, 1, {
    symbol: 'AD',
    title: 'Accuracy difference',
    means: 'above 0: the model errs more often on the group',
  }),
  recall_difference: rateDifference(recall, 1, {
    symbol: 'RD',
    title: 'Recall difference',
    means: 'above 0: of those who deserve the favourable outcome, fewer of the group get it',
  }),
  specificity_difference: rateDifference(specificity, -1, {
    symbol: 'SD',
    title: 'Specificity difference',
    means: 'above 0: of those who do not deserve the favourable outcome, more of the group are refused it',
  }),
  acceptance_rate_difference: rateDifference(accepted, 1, {
    symbol: 'DAR',
    title: 'Difference in acceptance rates',
    means: 'above 0: of those predicted favourably, fewer of the group were so',
  }),
  rejection_rate_difference: rateDifference(rejected, -1, {
    symbol: 'DRR',
    title: 'Difference in rejection rates',
    means: 'above 0: of those predicted unfavourably, more of the group were so',
  }),
  conditional_acceptance_difference: plain(
    {
      symbol: 'DCAcc',
      title: 'Difference in conditional acceptance',
      means: 'above 0: the group has fewer favourable labels for each favourable prediction',
    },
    (a, d) => conditionalAcceptance(a) - conditionalAcceptance(d),
    (a, d) => [predicted(a).hits, predicted(d).hits],
  ),
  conditional_rejection_difference: plain(
    {
      symbol: 'DCR',
      title: 'Difference in conditional rejection',
      means: 'above 0: the group has more unfavourable labels for each unfavourable prediction',
    },
    (a, d) => conditionalRejection(d) - conditionalRejection(a),
    (a, d) => [a.rows - predicted(a).hits, d.rows - predicted(d).hits],
  ),
  treatment_equality: plain(
    {
      symbol: 'TE',
      title: 'Treatment equality',
      means: 'above 0: the errors on the group are more often to its disadvantage',
    },
    (a, d) => errorRatio(d) - errorRatio(a),
    (a, d) => [a.falseNegative + a.falsePositive, d.falseNegative + d.falsePositive],
  ),
  equalised_odds_difference: {
    ...plain(
      {
        symbol: 'EOD',
        title: 'Equalised odds difference',
        means: 'the larger of the gaps in recall and in false alarms (Hardt et al. 2016)',
      },
      (a, d) =>
        Math.max(Math.abs(shareOf(recall(a)) - shareOf(recall(d))), Math.abs(shareOf(specificity(a)) - shareOf(specificity(d)))),
      (a, d) => [Math.min(recall(a).of, specificity(a).of), Math.min(recall(d).of, specificity(d).of)],
    ),
  },
  generalised_entropy: plain(
    {
      symbol: 'GE',
      title: 'Generalised entropy',
      means: 'how unequally errors are shared out among all rows of both, 0 is equally',
    },
    (a, d) => generalisedEntropy(sum(a, d)),
  ),
  conditional_disparity_predicted: plain(
    {
      symbol: 'CDDPL',
      title: 'Conditional demographic disparity of predictions',
      means: 'above 0: within strata, the group is more of the refused than of the accepted',
    },
    (a, d) => conditionalDisparity(a, d, 2),
  ),
}
