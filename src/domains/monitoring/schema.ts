import * as z from 'zod'
import { Iso, Ref, Resource, ResourceInput, ResourcePatch } from '../auth/schema.ts'

export const MonitorInput = ResourceInput.partial({ name: true }).extend({
  endpoint: Ref,
  schedule: z.string().max(120).nullable().default(null).describe('cron, UTC; null: on demand'),
  windowHours: z.number().min(0.1).max(8760).default(168),
  minimumRows: z.number().int().min(10).default(200),
  psiWarning: z.number().min(0).default(0.1),
  psiAlert: z.number().min(0).default(0.25),
  falseAlarmRate: z.number().min(0.0001).max(0.5).default(0.01).describe('per run, over all columns (Holm)'),
  webhookUrl: z
    .url({ protocol: /^https?$/, error: 'an address that begins with https:// or http://' })
    .max(2000)
    .nullable()
    .default(null),
})
export const MonitorPatch = MonitorInput.omit({ endpoint: true, project: true })
  .extend({
    visibility: ResourcePatch.shape.visibility.unwrap(),
    description: ResourcePatch.shape.description.unwrap(),
    tags: ResourcePatch.shape.tags.unwrap(),
    schedule: MonitorInput.shape.schedule.unwrap(),
    windowHours: MonitorInput.shape.windowHours.unwrap(),
    minimumRows: MonitorInput.shape.minimumRows.unwrap(),
    psiWarning: z.number().min(0),
    psiAlert: z.number().min(0),
    falseAlarmRate: MonitorInput.shape.falseAlarmRate.unwrap(),
    webhookUrl: MonitorInput.shape.webhookUrl.unwrap(),
  })
  .partial()
export const AlertPatch = z.object({ state: z.enum(['open', 'acknowledged', 'closed']) })
export const Monitor = Resource.extend({
  endpoint: z.string(),
  endpointName: z.string(),
  schedule: z.string().nullable(),
  windowHours: z.number(),
  minimumRows: z.number(),
  psiWarning: z.number(),
  psiAlert: z.number(),
  falseAlarmRate: z.number(),
  webhookUrl: z.string().nullable(),
  lastReport: z.string().nullable(),
  lastState: z.enum(['quiet', 'warning', 'alert', 'too_few_rows']).nullable(),
  nextRunAt: Iso.nullable(),
})
export type Monitor = z.infer<typeof Monitor>

/** Run on captured traffic (the window), or on a data set version as "now". */
export const MonitorRunInput = z.object({
  dataset: Ref.nullable().default(null),
  version: z.string().nullable().default(null),
  from: z.iso.datetime({ offset: true }).nullable().default(null),
  to: z.iso.datetime({ offset: true }).nullable().default(null),
})

const Histogram = z
  .object({
    labels: z.array(z.string()),
    edges: z.array(z.number()).nullable(),
    baseline: z.array(z.number()),
    now: z.array(z.number()),
  })
  .describe('shares of rows')
export const ColumnDrift = z.object({
  column: z.string(),
  kind: z.enum(['number', 'category', 'prediction']),
  psi: z.number(),
  jensenShannon: z.number(),
  test: z.object({ name: z.enum(['ks', 'chi_square']), statistic: z.number(), pValue: z.number(), adjustedPValue: z.number() }),
  missing: z.object({ baseline: z.number(), now: z.number() }),
  unseen: z.array(z.object({ value: z.string(), count: z.number() })),
  state: z.enum(['quiet', 'warning', 'alert']),
  sentence: z.string(),
  histogram: Histogram,
})
export const DriftReport = z.object({
  id: z.string(),
  monitor: z.string(),
  endpoint: z.string(),
  version: z.string(),
  at: Iso,
  source: z.string(),
  baselineRows: z.number(),
  rows: z.number(),
  state: z.enum(['quiet', 'warning', 'alert', 'too_few_rows']),
  columns: z.array(ColumnDrift),
  sentence: z.string(),
  seconds: z.number(),
})
export type DriftReport = z.infer<typeof DriftReport>

export const Alert = z.object({
  id: z.string(),
  monitor: z.string(),
  monitorName: z.string(),
  report: z.string(),
  project: z.string(),
  severity: z.enum(['warning', 'alert']),
  message: z.string(),
  recommendation: z.string(),
  state: z.enum(['open', 'acknowledged', 'closed']),
  count: z.number(),
  at: Iso,
  webhook: z.string().nullable().describe('how the delivery went'),
})
export type Alert = z.infer<typeof Alert>
