import * as z from 'zod'
import { Iso, Ref, Resource, ResourceInput } from '../auth/schema.ts'

export const ExperimentInput = ResourceInput
export const Experiment = Resource.extend({ runs: z.number() })

export const runStates = ['running', 'finished', 'failed', 'cancelled'] as const

export const Run = Resource.extend({
  experiment: z.string(),
  experimentName: z.string(),
  state: z.enum(runStates),
  message: z.string().nullable().describe('why it failed'),
  job: z.string().nullable(),
  parameters: z.record(z.string(), z.unknown()),
  metrics: z.record(z.string(), z.number()).describe('latest value of each'),
  inputs: z.array(z.object({ kind: z.string(), id: z.string(), name: z.string() })),
  artifacts: z.array(z.object({ path: z.string(), sha256: z.string(), sizeBytes: z.number(), kind: z.string() })),
  code: z.record(z.string(), z.unknown()),
  environment: z.record(z.string(), z.unknown()),
  startedAt: Iso,
  endedAt: Iso.nullable(),
})
export type Run = z.infer<typeof Run>

export const RunInput = ResourceInput.partial({ name: true }).extend({
  experiment: Ref,
  parameters: z.record(z.string(), z.unknown()).default({}),
  code: z.record(z.string(), z.unknown()).optional().describe('what ran: repository, commit, command'),
  environment: z.record(z.string(), z.unknown()).optional().describe('where it ran: versions, machine'),
})

/** `plots/roc.png`: the parts of a path inside the run, none of them empty, `.` or `..`. */
export const ArtifactPath = z
  .string()
  .max(500)
  .regex(/^(?!.*(?:^|\/)\.{0,2}(?:\/|$))[^\0-\x1f\\]+$/, 'must be a path inside the run, like plots/roc.png')

export const RunPatch = z
  .object({
    state: z.enum(runStates),
    parameters: z.record(z.string(), z.unknown()),
    name: z.string().max(120),
    description: z.string().max(20_000),
    tags: z.array(z.string()),
  })
  .partial()
export const MetricPoint = z.object({
  name: z.string().min(1).max(250),
  value: z.union([z.number(), z.enum(['NaN', 'Infinity', '-Infinity'])]),
  step: z.number().int().default(0),
  at: Iso.optional(),
})
export const MetricBatch = z.object({ points: z.array(MetricPoint).min(1).max(1000) })
export const MetricSeries = z.object({
  name: z.string(),
  steps: z.array(z.number()),
  values: z.array(z.number().nullable()),
  low: z.array(z.number().nullable()).nullable(),
  high: z.array(z.number().nullable()).nullable(),
  points: z.number(),
})

export const ruleStates = ['watching', 'ok', 'broken', 'not_applicable', 'off'] as const

/** How a rule stands that watches a network learn, and what it was held to (docs/neural-training.md). */
export const RuleStanding = z.object({
  rule: z.string(),
  state: z.enum(ruleStates),
  value: z.number().nullable().describe('what it saw last, or what broke it'),
  threshold: z.number().nullable(),
  place: z.string().nullable().describe('the layer, or what else it saw it in'),
  step: z.number().nullable(),
  epoch: z.number().nullable(),
  message: z.string().nullable(),
})
export const RuleEvidence = z.object({
  rule: z.string(),
  by: z.enum(['step', 'epoch']),
  series: z.array(z.object({ name: z.string(), x: z.array(z.number()), y: z.array(z.number().nullable()) })),
})
/** The rules of one network of a run; a search may train several. */
export const WatchedTraining = z.object({
  training: z.string(),
  algorithm: z.string().nullable(),
  trial: z.number().nullable(),
  stop: z.array(z.string()).describe('rules that end the job when they are broken'),
  ended: z.enum(['done', 'failed']).nullable(),
  rules: z.array(RuleStanding),
  evidence: z.array(RuleEvidence),
})
export type WatchedTraining = z.infer<typeof WatchedTraining>
export const RunRules = z.object({ trainings: z.array(WatchedTraining) })

/** Filter of runs: `metrics.f1 > 0.8 and params.algorithm = 'lightgbm' and state = 'finished'`. */
export const RunQuery = z.object({
  experiment: z.string().optional(),
  filter: z.string().max(2000).optional(),
  order: z.string().max(300).optional().describe('metrics.f1 desc'),
})
export const Comparison = z.object({
  runs: z.array(Run),
  parameters: z.array(z.object({ name: z.string(), values: z.array(z.unknown()), differs: z.boolean() })),
  metrics: z.array(z.object({ name: z.string(), values: z.array(z.number().nullable()), best: z.number().nullable() })),
})
