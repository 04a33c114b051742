import * as z from 'zod'
import { Ref, Resource, ResourceInput, ResourcePatch } from '../auth/schema.ts'

/** Tasks that a target column sets by its values alone. */
export const targetTasks = ['binary', 'multiclass', 'regression'] as const
/** Tasks that learn from the rows alone: they have no target. */
export const tasksWithoutTarget = [
  'clustering',
  'anomaly',
  'projection',
  'topics',
  'embedding',
  'diarisation',
  'generation',
] as const
/** Tasks with a target whose values do not say so: they must be asked for. */
export const askedTasks = ['multilabel', 'forecast', 'tokens', 'seq2seq', 'detection', 'segmentation', 'transcription'] as const
export const tasks = [...targetTasks, ...askedTasks, ...tasksWithoutTarget] as const
export const Task = z.enum(tasks)
export type Task = z.infer<typeof Task>

export const classificationMetrics = [
  'accuracy',
  'balanced_accuracy',
  'precision',
  'recall',
  'f1',
  'f1_macro',
  'f1_weighted',
  'roc_auc',
  'pr_auc',
  'log_loss',
  'brier',
  'mcc',
] as const
export const regressionMetrics = ['mae', 'rmse', 'r2', 'mape'] as const
/** Metrics of tasks beyond classes and numbers; docs/metrics.md says what each is and where it is from. */
export const otherMetrics = [
  'f1_micro',
  'hamming_loss',
  'exact_match',
  'silhouette',
  'davies_bouldin',
  'calinski_harabasz',
  'noise_share',
  'anomaly_share',
  'stability',
  'adjusted_rand',
  'normalized_mutual_information',
  'explained_variance',
  'trustworthiness',
  'coherence',
  'diversity',
  'perplexity',
  'preference_accuracy',
  'preference_margin',
  'mase',
  'smape',
  'quantile_loss',
  'coverage_80',
  'chrf',
  'rouge_l',
  'word_error_rate',
  'character_error_rate',
  'diarisation_error_rate',
  'missed_speech',
  'added_speech',
  'speaker_confusion',
  'speaker_count_error',
  'equal_error_rate',
  'mean_average_precision',
  'average_precision_50',
  'average_precision_75',
  'mean_iou',
  'dice',
  'pixel_accuracy',
] as const
export const Metric = z.enum([...classificationMetrics, ...regressionMetrics, ...otherMetrics])
export type Metric = z.infer<typeof Metric>

/** Metrics of which less is better. */
export const lowerIsBetter: ReadonlySet<string> = new Set([
  'log_loss',
  'brier',
  'mae',
  'rmse',
  'mape',
  'hamming_loss',
  'davies_bouldin',
  'noise_share',
  'perplexity',
  'mase',
  'smape',
  'quantile_loss',
  'word_error_rate',
  'character_error_rate',
  'diarisation_error_rate',
  'missed_speech',
  'added_speech',
  'speaker_confusion',
  'speaker_count_error',
  'equal_error_rate',
])

/** What the project wants of a model: the contract that training optimises, evaluation reports, promotion and alerts enforce. */
export const GoalInput = ResourceInput.partial({ name: true }).extend({
  dataset: Ref,
  target: z.string().min(1).max(200).nullable().default(null).describe('null where the task has none'),
  task: Task.nullable()
    .default(null)
    .describe('Judged from the target when absent; a task that learns from the rows alone must be named.'),
  positive: z.string().max(200).nullable().default(null),
  metric: Metric,
  atLeast: z.number().nullable().default(null),
  atMost: z.number().nullable().default(null),
  costFalsePositive: z.number().min(0).nullable().default(null),
  costFalseNegative: z.number().min(0).nullable().default(null),
  split: z
    .string()
    .max(200)
    .nullable()
    .default(null)
    .describe('A split of the data set that was made before, by time or group for instance; absent: the usual one.'),
})
export type GoalInput = z.infer<typeof GoalInput>

/** What may change of a goal. Another target or data set is another goal. */
export const GoalPatch = ResourcePatch.extend({
  metric: Metric,
  atLeast: z.number().nullable(),
  atMost: z.number().nullable(),
  costFalsePositive: z.number().min(0).nullable(),
  costFalseNegative: z.number().min(0).nullable(),
}).partial()

export const Goal = Resource.extend({
  dataset: z.string(),
  datasetName: z.string(),
  target: z.string().nullable().describe('null where the task has none'),
  task: Task,
  positive: z.string().nullable(),
  metric: Metric,
  atLeast: z.number().nullable(),
  atMost: z.number().nullable(),
  costFalsePositive: z.number().nullable(),
  costFalseNegative: z.number().nullable(),
  split: z.string().nullable().describe('The split on which every model of this goal is judged.'),
  sentence: z.string().describe('The goal in words.'),
})
export type Goal = z.infer<typeof Goal>

/** Whether a measured value (with its interval) meets a goal. `met` looks at the value, `sure` at the worse end of the interval. */
export const GoalOutcome = z.object({
  met: z.boolean(),
  sure: z.boolean(),
  metric: Metric,
  value: z.number(),
  low: z.number().nullable(),
  high: z.number().nullable(),
  wanted: z.string(),
  gap: z.number(),
  sentence: z.string(),
})
export type GoalOutcome = z.infer<typeof GoalOutcome>
