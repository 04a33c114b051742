import * as z from 'zod'
import { Metric } from '../../goals/schema.ts'

export const checkKinds = [
  'data_quality',
  'data_drift',
  'multivariate_drift',
  'prediction_drift',
  'performance',
  'performance_estimate',
  'bias',
  'explanation_drift',
  'embedding_drift',
  'operations',
] as const
export type CheckKind = (typeof checkKinds)[number]

const bounds = (warning: number, alert: number, most: number, what: string) => ({
  warning: z.number().min(0).max(most).default(warning).describe(`${what} from which on it warns`),
  alert: z.number().min(0).max(most).default(alert).describe(`${what} from which on it alarms`),
})
const share = 'share of rows beyond the baseline’s'
export const driftMeasures = ['psi', 'jensen_shannon', 'total_variation', 'wasserstein'] as const
const drift = {
  measure: z
    .enum(driftMeasures)
    .default('psi')
    .describe(
      'what is held against the bounds; wasserstein is in standard deviations of the baseline, and of categories the total variation',
    ),
  warning: z.number().min(0).nullable().default(null).describe('null: the monitor’s own bound for psi, 0.1 for the others'),
  alert: z.number().min(0).nullable().default(null).describe('null: the monitor’s own bound for psi, 0.2 for the others'),
}
const losses = {
  metric: Metric.nullable().default(null).describe('null: that of the goal, or the usual one of the task'),
  ...bounds(0.02, 0.05, 1, 'loss against the sealed test rows, as a share of the metric’s value there,'),
}

export const DataQualitySettings = z.strictObject(bounds(0.01, 0.05, 1, share))
export const DataDriftSettings = z.strictObject({
  ...drift,
  columns: z.array(z.string().max(200)).min(1).max(1000).nullable().default(null).describe('null: all'),
})
export const MultivariateDriftSettings = z.strictObject({
  ...bounds(0.6, 0.7, 1, 'area under the curve of a classifier that tells now from before,'),
  rows: z.number().int().min(200).max(5000).default(2000).describe('rows of each side, at most'),
})
export const PredictionDriftSettings = z.strictObject(drift)
export const PerformanceSettings = z.strictObject({
  ...losses,
  minimumRows: z.number().int().min(20).max(100_000).default(100).describe('with a known truth'),
})
export const PerformanceEstimateSettings = z.strictObject(losses)
export const BiasSettings = z.strictObject({
  facets: z
    .array(z.string().max(200))
    .min(1)
    .max(6)
    .nullable()
    .default(null)
    .describe('columns of groups; null: those of the policies'),
  favourable: z.string().max(200).nullable().default(null).describe('the good outcome; null: the positive class'),
  minimumRows: z.number().int().min(10).max(100_000).default(30).describe('of a group'),
  ...bounds(0.1, 0.2, 1, 'difference between two groups, where no policy says,'),
})
export const ExplanationDriftSettings = z.strictObject({
  warning: z.number().min(0).max(1).default(0.95).describe('agreement of the order of importance (NDCG) below which it warns'),
  alert: z.number().min(0).max(1).default(0.9).describe('below which it alarms'),
  movedWarning: z
    .number()
    .min(0)
    .max(1)
    .default(0.1)
    .describe('share of what decides the answers that came to other columns, from which on it warns'),
  movedAlert: z.number().min(0).max(1).default(0.2).describe('the same share from which on it alarms'),
  rows: z.number().int().min(30).max(500).default(100).describe('that are explained, of each side'),
})
export const EmbeddingDriftSettings = z.strictObject({
  ...bounds(0.6, 0.7, 1, 'area under the curve of a classifier that tells now from before,'),
  rows: z.number().int().min(100).max(1000).default(400).describe('of each side, at most'),
})
export const OperationsSettings = z.strictObject({
  minutes: z.number().int().min(1).max(60).default(60).describe('looked back'),
  errorRate: z.number().min(0).max(1).default(0.01).describe('share of requests that may fail'),
  p95Ms: z.number().gt(0).nullable().default(null).describe('within which 95 % of requests are to be answered'),
  busy: z.number().gt(0).max(1).nullable().default(null).describe('share of the time in which requests may be in work'),
  costPerThousand: z.number().gt(0).nullable().default(null).describe('of requests'),
  costPerHour: z.number().min(0).default(0).describe('what the machine costs, for the cost of requests'),
})

const of = <Kind extends CheckKind, Settings extends z.ZodType>(kind: Kind, settings: Settings) =>
  z.strictObject({ kind: z.literal(kind), settings })

export const CheckInput = z.discriminatedUnion('kind', [
  of('data_quality', DataQualitySettings.prefault({})),
  of('data_drift', DataDriftSettings.prefault({})),
  of('multivariate_drift', MultivariateDriftSettings.prefault({})),
  of('prediction_drift', PredictionDriftSettings.prefault({})),
  of('performance', PerformanceSettings.prefault({})),
  of('performance_estimate', PerformanceEstimateSettings.prefault({})),
  of('bias', BiasSettings.prefault({})),
  of('explanation_drift', ExplanationDriftSettings.prefault({})),
  of('embedding_drift', EmbeddingDriftSettings.prefault({})),
  of('operations', OperationsSettings.prefault({})),
])
export type CheckInput = z.output<typeof CheckInput>
export type SettingsOf<Kind extends CheckKind> = Extract<CheckInput, { kind: Kind }>['settings']
