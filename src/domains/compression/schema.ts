import * as z from 'zod'
import { Name, Ref } from '../auth/schema.ts'
import { Metric } from '../goals/schema.ts'
import { Estimate, Job } from '../jobs/schema.ts'
import { Derived, versionStates } from '../registry/schema.ts'

export const methods = ['quantise', 'prune', 'distil', 'trim'] as const
export const schemes = ['int8_dynamic', 'int8_static', 'int8_weights', 'float16'] as const

export const CompressionInput = z.object({
  method: z.enum(methods),
  scheme: z
    .enum(schemes)
    .default('int8_static')
    .describe('quantise: 8-bit integers scaled as rows come, scaled by training rows, for the weights alone, or 16-bit weights'),
  algorithms: z.array(z.string().max(60)).max(10).default([]).describe('distil: what the student may be'),
  temperature: z.number().min(0.1).max(100).default(2).describe('distil: the larger, the more the unlikely classes teach'),
  alpha: z.number().min(0).max(1).default(0.3).describe('distil: the share of the true labels in what the student learns from'),
  space: z
    .record(z.string().max(60), z.record(z.string().max(60), z.unknown()))
    .default({})
    .describe("distil: the students' settings, as in the search of a training; small ones when absent"),
  budgetSeconds: z.number().int().min(5).max(86_400).default(60).describe('distil: how long the search among students may take'),
  sparsity: z.number().min(0.05).max(0.95).default(0.5).describe('prune: the share of weights or channels that goes'),
  structured: z.boolean().default(true).describe('prune: whole channels, so that the graph is smaller; else single weights'),
  standardErrors: z.number().min(0).max(5).default(1).describe('trim: how far below the best the metric may fall'),
  options: z
    .record(z.string().max(60), z.unknown())
    .default({})
    .describe('What the engine knows besides: calibrationRows, epochs…'),
  model: Name.nullable().default(null).describe('the model that gets the new version; the same when absent'),
  seed: z
    .number()
    .int()
    .min(0)
    .max(2 ** 31 - 1)
    .default(7),
})
export type CompressionInput = z.infer<typeof CompressionInput>

export const CompressionCreated = z.object({ job: Job, run: z.string(), estimate: Estimate.nullable() })

export const LadderInput = z.object({
  repetitions: z.number().int().min(20).max(2000).default(200).describe('requests of one row for each rung'),
  seed: z.number().int().min(0).default(7),
})

const Spread = z.object({ p50Ms: z.number(), p95Ms: z.number() })

/** How fast a version answers on this machine, from rows to what a client is told, and what it takes. */
export const Measured = z.object({
  one: Spread.describe('requests of one row'),
  many: Spread.extend({ rows: z.number(), rowsPerSecond: z.number() }).describe('requests of so many rows'),
  place: z.string(),
  peakMemoryBytes: z.number().nullable(),
  energyWhPerThousandRows: z.number().nullable().describe('null where the counters of the processor cannot be read'),
  repetitions: z.number(),
  rounds: z.number(),
  machine: z.object({ processor: z.string(), cores: z.number(), memoryBytes: z.number(), node: z.string(), load: z.number() }),
  job: z.string(),
  at: z.string(),
})
export type Measured = z.infer<typeof Measured>

export const Rung = z.object({
  version: z.string(),
  name: z.string(),
  model: z.string(),
  number: z.number(),
  state: z.enum(versionStates),
  algorithm: z.string(),
  served: z.enum(['onnx', 'python', 'gguf']),
  derived: Derived.nullable(),
  quality: z.object({ value: z.number(), low: z.number(), high: z.number() }).nullable(),
  difference: z
    .object({ value: z.number(), low: z.number(), high: z.number(), significant: z.boolean(), sentence: z.string() })
    .nullable()
    .describe('to the first rung, on the same sealed rows'),
  loss: z.number().nullable().describe('how much worse than the first rung; negative where it is better'),
  sizeBytes: z.number().describe('of what serves: the graph, or the native files'),
  inputs: z.number(),
  measured: Measured.nullable(),
  isOnFront: z.boolean().describe('no other rung is better and faster'),
})
export type Rung = z.infer<typeof Rung>

export const wishes = ['size', 'latency', 'throughput', 'energy'] as const

export const LadderQuery = z.object({
  project: Ref.optional(),
  maxLoss: z.coerce.number().min(0).default(0.01).describe('how much of the metric may be lost'),
  maxP95Ms: z.coerce.number().min(0).default(20),
  optimise: z.enum(wishes).default('size'),
})

export const Choice = z.object({
  version: z.string().nullable(),
  name: z.string().nullable(),
  sentence: z.string(),
  refused: z.array(z.object({ name: z.string(), why: z.string() })),
})

export const Ladder = z.object({
  metric: Metric,
  lowerIsBetter: z.boolean(),
  rungs: z.array(Rung),
  choice: Choice,
})
export type Ladder = z.infer<typeof Ladder>
