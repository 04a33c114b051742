import * as z from 'zod'
import { Iso, Ref, Resource, ResourceInput } from '../auth/schema.ts'
import { UncertaintyWish } from '../evaluation/uncertainty/schema.ts'
import { ExplainOutput } from '../explanations/schema.ts'
import { Signature } from '../registry/schema.ts'

export const CapturePolicy = z.object({
  share: z.number().min(0).max(1).default(1),
  hide: z.array(z.string()).default([]).describe('inputs whose values are not stored'),
  thumbnails: z.boolean().default(false).describe('keep a small picture of each image beside its hash'),
  keepDays: z.number().int().min(1).max(3650).default(90),
})

export const EndpointInput = ResourceInput.extend({
  model: Ref.describe('name, name:version, or id of a model version'),
  capture: CapturePolicy.prefault({}),
  overrideReason: z.string().trim().min(10).max(4000).nullable().default(null),
})
export const EndpointPatch = z
  .object({
    model: Ref,
    capture: CapturePolicy,
    description: z.string(),
    running: z.boolean(),
    overrideReason: z.string().trim().min(10).max(4000).nullable(),
  })
  .partial()

export const Endpoint = Resource.extend({
  state: z.enum(['starting', 'ready', 'stopped', 'failed']),
  message: z.string().nullable(),
  model: z.string(),
  modelName: z.string(),
  version: z.string(),
  versionNumber: z.number(),
  served: z.enum(['onnx', 'python']),
  signature: Signature,
  capture: CapturePolicy,
  url: z.string(),
  history: z.array(z.object({ version: z.string(), versionNumber: z.number(), at: Iso, by: z.string() })),
})
export type Endpoint = z.infer<typeof Endpoint>

/** `{ rows: [{…}] }`, or one row as `{ row: {…} }`. */
export const PredictInput = z.union([
  z.object({ rows: z.array(z.record(z.string(), z.unknown())).min(1).max(10_000), uncertainty: UncertaintyWish.optional() }),
  z.object({ row: z.record(z.string(), z.unknown()), uncertainty: UncertaintyWish.optional() }),
])
export const Prediction = z.object({
  id: z.string(),
  label: z.string().optional(),
  probabilities: z.record(z.string(), z.number()).optional(),
  value: z.number().optional(),
  values: z.array(z.number()).optional(),
  labels: z.array(z.string()).optional().describe('multi-label: every class at or above its threshold'),
  cluster: z.number().optional().describe('-1 is none of the groups'),
  distances: z.array(z.number()).optional().describe('from each group'),
  score: z.number().optional().describe('how strange the row is'),
  isAnomaly: z.boolean().optional(),
  vector: z.array(z.number()).optional(),
  set: z.array(z.string()).optional().describe('asked for: classes that hold the true one with the coverage'),
  interval: z
    .object({ low: z.number().nullable(), high: z.number().nullable() })
    .optional()
    .describe('asked for: numbers that hold the true one with the coverage'),
  coverage: z.number().optional(),
  abstain: z.boolean().optional().describe('asked for: less sure than the share of rows that is to be answered'),
  outputs: z
    .record(z.string(), z.union([z.number(), z.array(z.number())]))
    .optional()
    .describe('what else the graph says, by name'),
})
export const PredictOutput = z.object({
  endpoint: z.string(),
  model: z.string(),
  version: z.number(),
  predictions: z.array(Prediction),
  warnings: z.array(z.string()).describe('values outside what training saw'),
})

export const EndpointExplanations = ExplainOutput.extend({ endpoint: z.string() })

export const EndpointMetrics = z.object({
  since: Iso,
  requests: z.number(),
  rows: z.number(),
  errors: z.number(),
  requestsPerSecond: z.number(),
  latencyMs: z.object({ p50: z.number(), p95: z.number(), p99: z.number() }).nullable(),
  series: z.object({
    at: z.array(z.number()),
    requests: z.array(z.number()),
    errors: z.array(z.number()),
    p50: z.array(z.number().nullable()),
    p99: z.array(z.number().nullable()),
  }),
})
export const Capture = z.object({
  id: z.string(),
  at: Iso,
  version: z.string(),
  row: z.record(z.string(), z.unknown()),
  prediction: z.record(z.string(), z.unknown()),
})
