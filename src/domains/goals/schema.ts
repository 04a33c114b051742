import * as z from 'zod'
import { Ref, Resource, ResourceInput, ResourcePatch } from '../auth/schema.ts'

export const tasks = ['binary', 'multiclass', 'regression'] as const
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
export const Metric = z.enum([...classificationMetrics, ...regressionMetrics])
export type Metric = z.infer<typeof Metric>

/** Metrics of which less is better. */
export const lowerIsBetter: ReadonlySet<string> = new Set(['log_loss', 'brier', 'mae', 'rmse', 'mape'])

/** What the project wants of a model: the contract that training optimises, evaluation reports, promotion and alerts enforce. */
export const GoalInput = ResourceInput.partial({ name: true }).extend({
  dataset: Ref,
  target: z.string().min(1).max(200),
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
  target: z.string(),
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
