import { invalidInput } from '../../kernel/errors.ts'
import { classificationMetrics, lowerIsBetter, type Metric, regressionMetrics, type Task } from './schema.ts'

/** The metrics that a task reports. */
export const metricsOf = (task: Task): readonly Metric[] => (task === 'regression' ? regressionMetrics : classificationMetrics)

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
}

export const isClassification = (metric: Metric): boolean => (classificationMetrics as readonly string[]).includes(metric)

/** The metric a task is judged by when nobody says which. */
export const defaultMetric: Record<Task, Metric> = { binary: 'roc_auc', multiclass: 'f1_macro', regression: 'rmse' }

export function refuseMetricOfOtherTask(metric: Metric, task: Task, target: string): void {
  if (metricsOf(task).includes(metric)) return
  const kind = { binary: 'has two classes', multiclass: 'has several classes', regression: 'is a number' }[task]
  throw invalidInput(
    `The metric ${metricTitle[metric]} does not fit the target "${target}", which ${kind}. Choose one of ${metricsOf(task).join(', ')}.`,
    { field: 'metric', metric, task },
  )
}

const withinOne = new Set<Metric>([...classificationMetrics.filter((metric) => metric !== 'log_loss'), 'r2'])

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
