import { invalidInput } from '../../kernel/errors.ts'
import { classificationMetrics, lowerIsBetter, type Metric, regressionMetrics, type Task } from './schema.ts'

/** The metrics that each task reports; the first is what it is judged by when nobody says which. */
const metricsByTask: Record<Task, readonly Metric[]> = {
  binary: ['roc_auc', ...classificationMetrics.filter((metric) => metric !== 'roc_auc')],
  multiclass: ['f1_macro', ...classificationMetrics.filter((metric) => metric !== 'f1_macro')],
  regression: ['rmse', ...regressionMetrics.filter((metric) => metric !== 'rmse')],
  multilabel: ['f1_macro', 'f1_micro', 'exact_match', 'hamming_loss', 'roc_auc', 'pr_auc'],
  clustering: [
    'silhouette',
    'davies_bouldin',
    'calinski_harabasz',
    'noise_share',
    'stability',
    'adjusted_rand',
    'normalized_mutual_information',
  ],
  anomaly: ['stability', 'anomaly_share', 'roc_auc', 'pr_auc', 'precision', 'recall', 'f1'],
  projection: ['trustworthiness', 'explained_variance'],
  topics: ['coherence', 'perplexity', 'diversity', 'normalized_mutual_information'],
  embedding: ['roc_auc'],
  forecast: ['mase', 'quantile_loss', 'coverage_80', 'mae', 'rmse', 'smape'],
  tokens: ['f1', 'precision', 'recall', 'accuracy'],
  seq2seq: ['chrf', 'rouge_l', 'exact_match', 'perplexity'],
  detection: ['mean_average_precision', 'average_precision_50', 'average_precision_75', 'precision', 'recall', 'f1'],
  segmentation: ['mean_iou', 'dice', 'pixel_accuracy'],
  transcription: ['word_error_rate', 'character_error_rate', 'exact_match', 'perplexity'],
  diarisation: ['diarisation_error_rate', 'missed_speech', 'added_speech', 'speaker_confusion', 'speaker_count_error'],
  generation: ['perplexity', 'exact_match', 'accuracy', 'preference_accuracy', 'preference_margin'],
}

export const metricsOf = (task: Task): readonly Metric[] => metricsByTask[task]

/** What a metric is called in a sentence. */
export const metricTitle: Record<Metric, string> = {
  accuracy: 'accuracy',
  balanced_accuracy: 'balanced accuracy',
  precision: 'precision',
  recall: 'recall',
  f1: 'F1',
  f1_macro: 'macro F1',
  f1_weighted: 'weighted F1',
  roc_auc: 'ROC AUC',
  pr_auc: 'PR AUC',
  log_loss: 'log loss',
  brier: 'Brier score',
  mcc: 'MCC',
  mae: 'MAE',
  rmse: 'RMSE',
  r2: 'R2',
  mape: 'MAPE',
  f1_micro: 'micro F1',
  hamming_loss: 'Hamming loss',
  exact_match: 'exact match',
  silhouette: 'silhouette',
  davies_bouldin: 'Davies-Bouldin index',
  calinski_harabasz: 'Calinski-Harabasz index',
  noise_share: 'share of noise',
  anomaly_share: 'share of anomalies',
  stability: 'stability',
  adjusted_rand: 'adjusted Rand index',
  normalized_mutual_information: 'normalised mutual information',
  explained_variance: 'explained variance',
  trustworthiness: 'trustworthiness',
  coherence: 'coherence',
  diversity: 'diversity of topics',
  perplexity: 'perplexity',
  preference_accuracy: 'preference accuracy',
  preference_margin: 'preference margin',
  mase: 'MASE',
  smape: 'sMAPE',
  quantile_loss: 'weighted quantile loss',
  coverage_80: 'coverage of the 80 % interval',
  chrf: 'chrF',
  rouge_l: 'ROUGE-L',
  word_error_rate: 'word error rate',
  character_error_rate: 'character error rate',
  diarisation_error_rate: 'diarisation error rate',
  missed_speech: 'missed speech',
  added_speech: 'added speech',
  speaker_confusion: 'speaker confusion',
  speaker_count_error: 'error of the number of speakers',
  equal_error_rate: 'equal error rate',
  mean_average_precision: 'mean average precision',
  average_precision_50: 'average precision at an overlap of 0.5',
  average_precision_75: 'average precision at an overlap of 0.75',
  mean_iou: 'mean IoU',
  dice: 'Dice',
  pixel_accuracy: 'pixel accuracy',
}

export const isClassification = (metric: Metric): boolean => (classificationMetrics as readonly string[]).includes(metric)

/** The metric a task is judged by when nobody says which. */
export const defaultMetric = (task: Task): Metric => metricsByTask[task][0]!

export function refuseMetricOfOtherTask(metric: Metric, task: Task, target: string | null): void {
  if (metricsOf(task).includes(metric)) return
  const kinds: Partial<Record<Task, string>> = {
    binary: 'has two classes',
    multiclass: 'has several classes',
    regression: 'is a number',
  }
  const kind = kinds[task]
  const what = kind && target !== null ? `the target "${target}", which ${kind}` : `a ${task} task`
  throw invalidInput(`The metric ${metricTitle[metric]} does not fit ${what}. Choose one of ${metricsOf(task).join(', ')}.`, {
    field: 'metric',
    metric,
    task,
  })
}

const withinOne = new Set<Metric>([
  ...classificationMetrics.filter((metric) => metric !== 'log_loss'),
  'r2',
  'f1_micro',
  'exact_match',
  'silhouette',
  'stability',
  'adjusted_rand',
  'normalized_mutual_information',
  'explained_variance',
  'trustworthiness',
  'coherence',
  'diversity',
  'preference_accuracy',
  'noise_share',
  'anomaly_share',
  'coverage_80',
  'chrf',
  'rouge_l',
  'mean_average_precision',
  'average_precision_50',
  'average_precision_75',
  'dice',
  'mean_iou',
  'pixel_accuracy',
])

/** A bound must be on the side where the metric improves, and within what the metric can be. */
export function refuseHopelessBound(
  metric: Metric,
  { atLeast, atMost }: { atLeast: number | null; atMost: number | null },
): void {
  const title = metricTitle[metric]
  if (lowerIsBetter.has(metric) && atLeast !== null)
    throw invalidInput(`Less ${title} is better, so a goal for it says "at most", not "at least".`, { field: 'atLeast', metric })
  if (!lowerIsBetter.has(metric) && atMost !== null)
    throw invalidInput(`More ${title} is better, so a goal for it says "at least", not "at most".`, { field: 'atMost', metric })
  if (atLeast === null && atMost === null)
    throw invalidInput(`Say how much ${title} is wanted: ${lowerIsBetter.has(metric) ? 'atMost' : 'atLeast'}.`, {
      field: lowerIsBetter.has(metric) ? 'atMost' : 'atLeast',
      metric,
    })
  if (atLeast !== null && withinOne.has(metric) && atLeast > 1)
    throw invalidInput(`${title} is never above 1, so at least ${atLeast} cannot be met. Did you mean ${atLeast / 100}?`, {
      field: 'atLeast',
      metric,
    })
  if (atMost !== null && atMost < 0)
    throw invalidInput(`${title} is never below 0, so at most ${atMost} cannot be met.`, { field: 'atMost', metric })
}

/** What a needless alarm and a miss cost can be said of two classes only; both costs of nothing say nothing. */
export function refuseCostsWithoutPositive(
  task: Task,
  { costFalsePositive, costFalseNegative }: { costFalsePositive?: number | null; costFalseNegative?: number | null },
): void {
  const given = [costFalsePositive, costFalseNegative].filter((cost) => cost !== null && cost !== undefined)
  if (given.length === 0) return
  const field = costFalsePositive != null ? 'costFalsePositive' : 'costFalseNegative'
  if (task !== 'binary')
    throw invalidInput('Costs of needless alarms and misses can be said of a target with two classes only. Leave them out.', {
      field,
      task,
    })
  if (given.length === 2 && given.every((cost) => cost === 0))
    throw invalidInput('A needless alarm and a miss cannot both cost nothing.', { field })
}
