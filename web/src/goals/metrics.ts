import type { Goal } from '@atoll/sdk'

export type Metric = Goal['metric']

export const binaryMetrics: readonly Metric[] = [
  'f1',
  'roc_auc',
  'pr_auc',
  'recall',
  'precision',
  'balanced_accuracy',
  'accuracy',
  'mcc',
  'log_loss',
  'brier',
]
export const multiclassMetrics: readonly Metric[] = [
  'accuracy',
  'balanced_accuracy',
  'f1_macro',
  'f1_weighted',
  'roc_auc',
  'mcc',
  'log_loss',
]
export const regressionMetrics: readonly Metric[] = ['rmse', 'mae', 'r2', 'mape']

/** Metrics of which less is better. */
export const lessIsBetter: ReadonlySet<string> = new Set([
  'log_loss',
  'brier',
  'mae',
  'rmse',
  'mape',
  'davies_bouldin',
  'hamming_loss',
  'mase',
  'smape',
  'quantile_loss',
  'noise_share',
  'perplexity',
  'word_error_rate',
  'character_error_rate',
])

/** The least and the greatest value that a metric can have; null where there is none. */
export const limitsOf = (metric: string): [number | null, number | null] =>
  lessIsBetter.has(metric)
    ? [0, metric === 'brier' || metric === 'noise_share' ? 1 : null]
    : metric === 'r2'
      ? [null, 1]
      : metric === 'calinski_harabasz'
        ? [0, null]
        : [belowZero.has(metric) ? -1 : 0, 1]
const belowZero: ReadonlySet<string> = new Set(['mcc', 'silhouette', 'adjusted_rand', 'stability', 'coherence'])

/** What a metric asks, in the words of somebody who will use the model. */
export const metricAsks: Record<string, string> = {
  accuracy: 'Share of rows that are right.',
  balanced_accuracy: 'Mean share that is right, over the classes: rare classes count as much as common ones.',
  precision: 'Of those it points at, how many are right.',
  recall: 'Of those that matter, how many it finds.',
  f1: 'Precision and recall together (their harmonic mean).',
  f1_macro: 'F1 of each class, averaged.',
  f1_weighted: 'F1 of each class, weighted by its rows.',
  roc_auc: 'How often a random positive is ranked above a random negative.',
  pr_auc: 'Precision over all recalls: for rare positives.',
  log_loss: 'How surprised the probabilities are by what happened.',
  brier: 'Squared error of the probabilities.',
  mcc: 'Correlation of prediction and truth.',
  mae: 'Mean distance from the truth, in the unit of the target.',
  rmse: 'Like MAE, but large errors count more.',
  r2: 'Share of the variation that is explained.',
  mape: 'Mean distance in percent of the truth.',
  silhouette: 'How much nearer rows are to their own group than to the next; rows left out as noise count 0.',
  davies_bouldin: 'How wide groups are against how far apart they lie.',
  calinski_harabasz: 'Variance between groups against variance within them.',
  noise_share: 'Rows that belong to no group.',
  stability: 'How far models of other rows agree.',
  anomaly_share: 'Rows at or above the threshold.',
  adjusted_rand: 'Agreement with the known labels, 0 by chance.',
  normalized_mutual_information: 'What the result says of the known labels.',
  trustworthiness: 'Whether neighbours on the map are neighbours among the columns.',
  explained_variance: 'Share of the variance that the components keep.',
  coherence: 'How often the words of a topic come together.',
  perplexity: 'How surprised the model is by each next word.',
  word_error_rate: 'Words to change, add or take away, by words said. Case and signs do not count.',
  character_error_rate: 'The same by characters: milder with long words.',
  chrf: 'Pieces of one to six characters that both texts have (chrF).',
  rouge_l: 'The longest run of words in common, in order.',
  exact_match: 'Share of rows that are right as a whole.',
  mean_average_precision: 'Precision over all recalls, averaged over classes and over how well boxes must fit (0.5 to 0.95).',
  average_precision_50: 'The same where a box that overlaps by a half is right.',
  average_precision_75: 'The same where a box must overlap by three quarters.',
  mean_iou: 'Of the pixels that are or are called a class, how many are both; averaged over the classes.',
  dice: 'Like mean IoU, but kinder to small regions.',
  pixel_accuracy: 'Share of pixels that are right; large regions decide it.',
  diversity: 'Share of different words among the topics’ first ones.',
}
