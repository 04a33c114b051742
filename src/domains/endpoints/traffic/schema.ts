import * as z from 'zod'
import { Iso, Ref } from '../../auth/schema.ts'

/** The variant that an endpoint's own version is. */
export const mainVariant = 'main'
/** What served before a variant was promoted: kept loaded, so that the way back takes no time. */
export const previousVariant = 'previous'

export const VariantName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,39}$/, 'small letters, digits, - and _, at most 40')
  .describe('of a variant')

export const VariantInput = z.strictObject({
  name: VariantName,
  model: Ref.describe('name, name:version, or id of a model version'),
  weight: z.number().min(0).max(100).default(0).describe('per cent of the requests; what is left goes to main'),
  shadow: z.boolean().default(false).describe('is asked beside the one that answers; only the difference is kept'),
})

export const Sticky = z.strictObject({
  by: z.enum(['caller', 'header', 'field']),
  name: z.string().min(1).max(100).default('').describe('of the header, or of the field of a row'),
})

export const TrafficInput = z.strictObject({
  variants: z.array(VariantInput).max(8).describe('besides main; those not named are taken away'),
  sticky: Sticky.nullable().default(null).describe('whoever has the same key gets the same variant'),
  overrideReason: z.string().trim().min(10).max(4000).nullable().default(null),
})

export const VariantFigures = z.object({
  requests: z.number(),
  errors: z.number(),
  latencyMs: z.object({ p50: z.number(), p95: z.number(), p99: z.number() }).nullable(),
})

export const Variant = z.object({
  name: z.string(),
  model: z.string(),
  modelName: z.string(),
  version: z.string(),
  versionNumber: z.number(),
  served: z.string(),
  weight: z.number(),
  shadow: z.boolean(),
  state: z.enum(['starting', 'ready', 'asleep', 'stopped', 'failed']),
  message: z.string().nullable(),
})
export type Variant = z.infer<typeof Variant>

export const RolloutGuard = z.strictObject({
  maxErrorRate: z
    .number()
    .min(0)
    .max(1)
    .default(0.02)
    .describe('by how much more of the variant’s requests may fail in a step than of main’s'),
  maxLatencyFactor: z.number().min(1).max(100).default(2).describe('p95 of the variant against that of main'),
  minimumRequests: z.number().int().min(0).max(1_000_000).default(50).describe('a step does not end before'),
})
export const RolloutInput = z.strictObject({
  variant: VariantName,
  steps: z
    .array(z.strictObject({ weight: z.number().gt(0).max(100), minutes: z.number().min(0).max(10_080) }))
    .min(1)
    .max(20)
    .default([
      { weight: 5, minutes: 10 },
      { weight: 25, minutes: 10 },
      { weight: 50, minutes: 10 },
    ])
    .describe('after the last the variant becomes main'),
  guard: RolloutGuard.prefault({}),
  overrideReason: z.string().trim().min(10).max(4000).nullable().default(null),
})
export const Rollout = z.object({
  id: z.string(),
  variant: z.string(),
  version: z.string(),
  versionNumber: z.number(),
  steps: z.array(z.object({ weight: z.number(), minutes: z.number() })),
  guard: z.object({ maxErrorRate: z.number(), maxLatencyFactor: z.number(), minimumRequests: z.number() }),
  step: z.number(),
  stepSince: Iso,
  state: z.enum(['running', 'completed', 'rolled_back']),
  reason: z.string().nullable(),
  startedAt: Iso,
  endedAt: Iso.nullable(),
  by: z.string(),
  log: z.array(z.object({ at: Iso, text: z.string() })),
})
export type Rollout = z.infer<typeof Rollout>

export const Traffic = z.object({
  sticky: Sticky.nullable(),
  variants: z.array(Variant.extend({ live: VariantFigures, breaker: z.enum(['closed', 'open', 'half_open']) })),
  rollout: Rollout.nullable().describe('the latest'),
})

export const ShadowQuery = z.object({
  variant: VariantName.optional(),
  from: z.iso.datetime({ offset: true }).optional(),
  to: z.iso.datetime({ offset: true }).optional(),
})
const Times = z.object({ p50: z.number(), p95: z.number() }).nullable()
export const ShadowSummary = z.object({
  requests: z.number(),
  rows: z.number(),
  differing: z.number().describe('rows whose label, or whose value by more than a thousandth, differs'),
  errors: z.number(),
  skipped: z.number().describe('requests that the shadow was too busy for, since this server began'),
  meanAbsDifference: z.number().nullable().describe('of the value, or of the probability that differs most'),
  maxAbsDifference: z.number().nullable(),
  mainMs: Times,
  shadowMs: Times,
  examples: z
    .array(
      z.object({
        at: Iso,
        variant: z.string(),
        id: z.string(),
        main: z.record(z.string(), z.unknown()),
        shadow: z.record(z.string(), z.unknown()),
      }),
    )
    .describe('rows that differ, newest first'),
})
export type ShadowSummary = z.infer<typeof ShadowSummary>
