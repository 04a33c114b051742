import { invalidInput } from '../../../kernel/errors.ts'
import { isLabelMetric, labelMetric, labelMetrics } from './label-metrics.ts'
import { isNumberMetric, numberMetric, numberMetrics } from './number-metrics.ts'
import type { Predictions, WeightedMetric } from './predictions.ts'
import { isProbabilityMetric, probabilityMetric, probabilityMetrics } from './probability-metrics.ts'

/** One metric of a set of predictions. Equal to scikit-learn's figure of the same predictions to 1e-9. */
export function metricOf(metric: string, predictions: Predictions): WeightedMetric {
  if (predictions.kind === 'numbers' && isNumberMetric(metric)) return numberMetric(metric, predictions)
  if (predictions.kind === 'classes' && isLabelMetric(metric)) return labelMetric(metric, predictions)
  if (predictions.kind === 'classes' && isProbabilityMetric(metric)) return probabilityMetric(metric, predictions)
  const fitting = predictions.kind === 'numbers' ? numberMetrics : [...labelMetrics, ...probabilityMetrics]
  throw invalidInput(`The metric "${metric}" does not fit this task. Choose one of ${fitting.join(', ')}.`, {
    field: 'metric',
    metric,
  })
}
