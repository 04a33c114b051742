import * as z from 'zod'
import { Iso, Ref, Resource, ResourceInput, ResourcePatch } from '../auth/schema.ts'
import { CheckInput, checkKinds } from './checks/settings.ts'

/** Whether the false-alarm rate is that of all runs between two alarms, or of each run. */
export const repeatedRuns = ['lord', 'none'] as const
export type RepeatedRuns = (typeof repeatedRuns)[number]

/** What now is compared with. */
export const BaselineInput = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('training') }).describe('the rows that the version learnt from'),
  z.strictObject({ kind: z.literal('dataset'), dataset: Ref, version: z.string().max(200).nullable().default(null) }),
  z
    .strictObject({
      kind: z.literal('window'),
      from: z.iso.datetime({ offset: true }),
      to: z.iso.datetime({ offset: true }),
    })
    .describe('captured traffic of a past time'),
  z
    .strictObject({
      kind: z.literal('seasonal'),
      period: z.enum(['day', 'week']).default('week'),
      back: z.number().int().min(1).max(12).default(4),
    })
    .describe('captured traffic of the same hours of so many days, or weeks, before'),
])
export type BaselineInput = z.output<typeof BaselineInput>

export const MonitorInput = ResourceInput.partial({ name: true }).extend({
  endpoint: Ref,
  checks: z.array(CheckInput).min(1).max(checkKinds.length).optional().describe('absent: those that suit the task of the model'),
  baseline: BaselineInput.prefault({ kind: 'training' }),
  schedule: z.string().max(120).nullable().default(null).describe('cron, UTC; null: on demand'),
  windowHours: z.number().min(0.1).max(8760).default(168),
  minimumRows: z.number().int().min(10).default(200),
  psiWarning: z.number().min(0).default(0.1),
  psiAlert: z.number().min(0).default(0.25),
  falseAlarmRate: z
    .number()
    .min(0.0001)
    .max(0.5)
    .default(0.01)
    .describe('the chance of any false alarm: over all checks and columns of a run (Holm), and over its runs (repeatedRuns)'),
  repeatedRuns: z
    .enum(repeatedRuns)
    .default('lord')
    .describe(
      'lord: the rate holds over all runs from one alarm to the next, however many (LORD: Javanmard and Montanari 2018); none: of each run by itself',
    ),
  webhookUrl: z
    .url({ protocol: /^https?$/, error: 'an address that begins with https:// or http://' })
    .max(2000)
    .nullable()
    .default(null),
  emails: z
    .array(z.email().max(320))
    .max(20)
    .default([])
    .describe('whom alerts are mailed to, where an administrator named a mail server'),
})
export const MonitorPatch = MonitorInput.omit({ endpoint: true, project: true })
  .extend({
    checks: MonitorInput.shape.checks.unwrap(),
    baseline: BaselineInput,
    visibility: ResourcePatch.shape.visibility.unwrap(),
    description: ResourcePatch.shape.description.unwrap(),
    tags: ResourcePatch.shape.tags.unwrap(),
    schedule: MonitorInput.shape.schedule.unwrap(),
    windowHours: MonitorInput.shape.windowHours.unwrap(),
    minimumRows: MonitorInput.shape.minimumRows.unwrap(),
    psiWarning: z.number().min(0),
    psiAlert: z.number().min(0),
    falseAlarmRate: MonitorInput.shape.falseAlarmRate.unwrap(),
    repeatedRuns: z.enum(repeatedRuns),
    webhookUrl: MonitorInput.shape.webhookUrl.unwrap(),
    emails: MonitorInput.shape.emails.unwrap(),
  })
  .partial()
export const alertStates = ['open', 'acknowledged', 'snoozed', 'closed'] as const
export const AlertPatch = z.object({
  state: z.enum(alertStates),
  until: z.iso.datetime({ offset: true }).optional().describe('of a snoozed one: until then it is silent unless it gets worse'),
})
export const Monitor = Resource.extend({
  endpoint: z.string(),
  endpointName: z.string(),
  checks: z.array(CheckInput),
  baseline: BaselineInput,
  schedule: z.string().nullable(),
  windowHours: z.number(),
  minimumRows: z.number(),
  psiWarning: z.number(),
  psiAlert: z.number(),
  falseAlarmRate: z.number(),
  repeatedRuns: z.enum(repeatedRuns),
  webhookUrl: z.string().nullable(),
  webhookSigned: z.boolean(),
  emails: z.array(z.string()),
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
  totalVariation: z.number().nullable().default(null).describe('over the same bins; null in reports from before it was measured'),
  wasserstein: z
    .number()
    .nullable()
    .default(null)
    .describe('in standard deviations of the baseline; of numbers, from samples of both'),
  test: z.object({
    name: z.enum(['ks', 'chi_square', 'wasserstein']),
    statistic: z.number(),
    pValue: z.number(),
    adjustedPValue: z.number(),
  }),
  missing: z.object({ baseline: z.number(), now: z.number() }),
  unseen: z.array(z.object({ value: z.string(), count: z.number() })),
  state: z.enum(['quiet', 'warning', 'alert']),
  sentence: z.string(),
  histogram: Histogram,
})
export const checkStates = ['quiet', 'warning', 'alert', 'not_judged'] as const
/** A figure that a check rests on. */
const Figure = z.object({
  name: z.string(),
  value: z.number().nullable(),
  low: z.number().nullish(),
  high: z.number().nullish().describe('with low: the 95 % interval'),
  baseline: z.number().nullish(),
  warning: z.number().nullish(),
  alert: z.number().nullish(),
  pValue: z.number().nullish().describe('corrected over all checks of the run'),
  unit: z.enum(['share', 'ms', 'rows', 'money']).nullish(),
})
const Plot = z.object({
  title: z.string(),
  kind: z.enum(['bars', 'line']),
  labels: z.array(z.string()),
  series: z.array(z.object({ name: z.string(), values: z.array(z.number().nullable()) })),
})
export const CheckReport = z.object({
  kind: z.enum(checkKinds),
  state: z.enum(checkStates),
  sentence: z.string(),
  evidence: z.object({
    figures: z.array(Figure),
    plots: z.array(Plot),
    columns: z.array(z.string()).describe('that alarm, the worst first'),
    notes: z.array(z.string()),
  }),
})
export type CheckReport = z.infer<typeof CheckReport>

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
  checks: z.array(CheckReport).default([]).describe('none in reports from before there were any'),
  columns: z.array(ColumnDrift).describe('drift of each watched column'),
  tests: z.number().default(0).describe('questions asked, corrected together (Holm)'),
  control: z
    .object({
      method: z.enum(repeatedRuns),
      rate: z.number().describe('that the monitor promises'),
      run: z.number().describe('so many runs since the last alarm, this one with them'),
      level: z.number().describe('below which a corrected p-value alarms in this run'),
    })
    .nullable()
    .default(null)
    .describe('over repeated runs; null where nothing was asked, and in reports from before'),
  sentence: z.string(),
  seconds: z.number(),
})
export type DriftReport = z.infer<typeof DriftReport>

const AlertEvidence = z.object({
  kind: z.enum(checkKinds),
  state: z.enum(['warning', 'alert']),
  sentence: z.string(),
  figures: z.array(Figure),
})
export type AlertEvidence = z.infer<typeof AlertEvidence>

export const Alert = z.object({
  id: z.string(),
  monitor: z.string(),
  monitorName: z.string(),
  report: z.string().describe('the latest that it is about'),
  project: z.string(),
  severity: z.enum(['warning', 'alert']).describe('the worst since it was opened'),
  kinds: z.array(z.enum(checkKinds)).describe('checks that alarmed since it was opened'),
  message: z.string().describe('the reason'),
  evidence: z.array(AlertEvidence).describe('of the latest report'),
  recommendation: z.string(),
  state: z.enum(alertStates),
  snoozedUntil: Iso.nullable(),
  handledBy: z.string().nullable().describe('who acknowledged, snoozed, closed or reopened it last'),
  handledAt: Iso.nullable(),
  count: z.number().describe('reports that it is about'),
  at: Iso,
  webhook: z.string().nullable().describe('how the last delivery went'),
})
export type Alert = z.infer<typeof Alert>

/** An alert and whom it was told. */
export const AlertDetails = Alert.extend({
  deliveries: z.array(
    z.object({
      id: z.string(),
      channel: z.enum(['webhook', 'email']),
      target: z.string(),
      state: z.enum(['owed', 'delivered', 'failed']),
      attempts: z.number(),
      said: z.string().nullable().describe('how the last try went'),
      at: Iso,
      nextAt: Iso.nullable(),
    }),
  ),
})
export type AlertDetails = z.infer<typeof AlertDetails>

/** Told once: it is not shown again. */
export const WebhookSecret = z.object({ secret: z.string() })
