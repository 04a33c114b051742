import * as z from 'zod'
import { servedBy } from '../../ports/inference/signature.ts'
import { Iso, Ref, Resource, ResourceInput } from '../auth/schema.ts'
import { UncertaintyWish } from '../evaluation/uncertainty/schema.ts'
import { ExplainOutput, Explanation, Nearest } from '../explanations/schema.ts'
import { Signature } from '../registry/schema.ts'
import { besideFields } from './contract/beside.ts'
import { Variant } from './traffic/schema.ts'
import { GenerateSettings, Written } from './writing-schema.ts'

export const CapturePolicy = z.object({
  share: z.number().min(0).max(1).default(1),
  hide: z.array(z.string()).default([]).describe('inputs whose values are not stored'),
  hash: z
    .array(z.string())
    .default([])
    .describe('inputs (or the key) of whose values only a keyed hash is stored: equal values stay equal'),
  thumbnails: z.boolean().default(false).describe('keep a small picture of each image beside its hash'),
  filesMegabytes: z
    .number()
    .int()
    .min(0)
    .max(1_000_000)
    .default(0)
    .describe('keep the bytes of images and sounds too, the newest of so much: loops learn from them'),
  key: z
    .string()
    .min(1)
    .max(200)
    .nullable()
    .default(null)
    .describe('an input, or a further field of each row that the model is not given, by which truth may be told later'),
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
  state: z.enum(['starting', 'ready', 'asleep', 'stopped', 'failed']),
  message: z.string().nullable(),
  model: z.string(),
  modelName: z.string(),
  version: z.string(),
  versionNumber: z.number(),
  served: z.enum(servedBy),
  signature: Signature,
  capture: CapturePolicy,
  variants: z.array(Variant).describe('main first'),
  url: z.string(),
  history: z.array(z.object({ version: z.string(), versionNumber: z.number(), at: Iso, by: z.string() })),
})
export type Endpoint = z.infer<typeof Endpoint>

const predictWishes = {
  uncertainty: UncertaintyWish.optional(),
  ...besideFields,
  generation: GenerateSettings.optional().describe('language models only'),
}

/** `{ rows: [{…}] }`, or one row as `{ row: {…} }`. */
export const PredictInput = z.union([
  z.object({ rows: z.array(z.record(z.string(), z.unknown())).min(1).max(10_000), ...predictWishes }),
  z.object({ row: z.record(z.string(), z.unknown()), ...predictWishes }),
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
  objects: z
    .array(
      z.object({
        label: z.string(),
        score: z.number(),
        box: z.tuple([z.number(), z.number(), z.number(), z.number()]).describe('x, y, width, height'),
      }),
    )
    .optional()
    .describe('detection: what is where, in pixels of the upright image, the surest first'),
  mask: z
    .string()
    .optional()
    .describe('segmentation: a PNG of the image’s size as a data URL; a pixel is the number of its class'),
  areas: z.record(z.string(), z.number()).optional().describe('segmentation: the share of the image that each class takes'),
  spans: z
    .array(z.object({ start: z.number(), end: z.number(), label: z.string(), text: z.string(), score: z.number() }))
    .optional()
    .describe('token classification: marked places, in characters (Unicode code points)'),
  text: z.string().optional().describe('transcription, sequence to sequence, generation: what was written'),
  segments: z
    .array(z.object({ start: z.number(), end: z.number(), text: z.string() }))
    .optional()
    .describe('transcription: the text in parts, with their seconds'),
  turns: z
    .array(z.object({ start: z.number(), end: z.number(), speaker: z.string() }))
    .optional()
    .describe('diarisation: who speaks when, in seconds'),
  set: z.array(z.string()).optional().describe('asked for: classes that hold the true one with the coverage'),
  interval: z
    .object({ low: z.number().nullable(), high: z.number().nullable() })
    .optional()
    .describe('asked for: numbers that hold the true one with the coverage'),
  coverage: z.number().optional(),
  abstain: z.boolean().optional().describe('asked for: less sure than the share of rows that is to be answered'),
  explanation: Explanation.omit({ label: true, probabilities: true, value: true }).optional().describe('asked for: why'),
  nearest: Nearest.shape.rows.optional().describe('asked for: training rows nearest to it, and what was true of them'),
  outputs: z
    .record(z.string(), z.union([z.number(), z.array(z.number())]))
    .optional()
    .describe('what else the graph says, by name'),
  ...Written.omit({ text: true }).partial().shape,
})
export const PredictOutput = z.object({
  endpoint: z.string(),
  model: z.string(),
  version: z.number(),
  variant: z.string().optional().describe('where the endpoint has several'),
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
  latencies: z
    .array(z.object({ fromMs: z.number(), toMs: z.number(), requests: z.number() }))
    .describe('how many took how long, four steps an octave'),
  workMs: z.number().describe('time that requests were in work, all together: over the time it is how many were at once'),
  series: z.object({
    at: z.array(z.number()),
    requests: z.array(z.number()),
    errors: z.array(z.number()),
    p50: z.array(z.number().nullable()),
    p99: z.array(z.number().nullable()),
  }),
  generation: z
    .object({
      promptTokens: z.number(),
      generatedTokens: z.number(),
      firstTokenMs: z.object({ p50: z.number(), p95: z.number() }).nullable().describe('of the last answers, waiting included'),
      tokensPerSecond: z.object({ p5: z.number(), p50: z.number() }).nullable(),
    })
    .nullable()
    .describe('of a language model, since this server began'),
})
export const Capture = z.object({
  id: z.string(),
  at: Iso,
  version: z.string(),
  row: z.record(z.string(), z.unknown()),
  prediction: z.record(z.string(), z.unknown()),
})
