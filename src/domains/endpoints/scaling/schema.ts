import * as z from 'zod'
import { Ref } from '../../auth/schema.ts'
import { VariantName } from '../traffic/schema.ts'

export const PerCaller = z.strictObject({
  perSecond: z.number().gt(0).max(100_000).nullable().default(null).describe('requests; a burst of twice as many passes'),
  perDay: z.number().int().min(1).nullable().default(null).describe('requests from midnight UTC on'),
})

export const ScalingPolicy = z.strictObject({
  minWorkers: z.number().int().min(0).max(64).default(1).describe('0: it sleeps when nobody asks, and the next request wakes it'),
  maxWorkers: z.number().int().min(1).max(64).nullable().default(null).describe('null: as many as the machine has cores'),
  idleSeconds: z.number().int().min(1).max(604_800).default(900).describe('with no workers at least: how long until it sleeps'),
  queueMs: z.number().min(1).max(60_000).default(50).describe('a request that waits longer calls for another worker'),
  maxInFlight: z.number().int().min(1).max(100_000).default(1024).describe('requests at once; those beyond get 429'),
  timeoutSeconds: z.number().min(0.1).max(600).default(60).describe('for an answer to rows'),
  memoryMb: z
    .number()
    .int()
    .min(64)
    .max(1_048_576)
    .nullable()
    .default(null)
    .describe('of one worker; a model that takes more is not loaded'),
  perCaller: PerCaller.prefault({}),
})
export type ScalingPolicy = z.output<typeof ScalingPolicy>

export const ScalingFigures = z.object({
  policy: ScalingPolicy,
  state: z.enum(['starting', 'ready', 'asleep', 'stopped', 'failed']),
  place: z.enum(['inline', 'threads', 'process', 'language']).nullable().describe('where main runs'),
  workers: z.number(),
  busy: z.number(),
  waiting: z.number(),
  inFlight: z.number(),
  rejected: z.number().describe('for want of room, since this server began'),
  throttled: z.number().describe('callers over their limit'),
  memoryBytes: z.number().describe('of all variants and models that are loaded'),
  coldStarts: z.object({ count: z.number(), lastMs: z.number().nullable(), medianMs: z.number().nullable() }),
  changes: z.array(z.object({ at: z.number(), text: z.string() })).describe('workers that came and went, newest first'),
})
export type ScalingFigures = z.infer<typeof ScalingFigures>

export const UsageOut = z.object({
  days: z.array(z.object({ day: z.string(), caller: z.string(), name: z.string(), requests: z.number(), rows: z.number() })),
})

export const ModelsInput = z.strictObject({
  models: z
    .array(z.strictObject({ name: VariantName, model: Ref }))
    .max(1000)
    .describe('each answers requests with the header x-atoll-model: NAME'),
  maxLoaded: z.number().int().min(1).max(1000).default(16).describe('at once; who was not asked for longest leaves'),
})
export const HostedModels = z.object({
  maxLoaded: z.number(),
  models: z.array(
    z.object({
      name: z.string(),
      model: z.string(),
      modelName: z.string(),
      version: z.string(),
      versionNumber: z.number(),
      loaded: z.boolean(),
      requests: z.number(),
      errors: z.number(),
      lastMs: z.number().nullable().describe('how long it took to load last'),
      message: z.string().nullable(),
    }),
  ),
})
