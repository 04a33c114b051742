import * as z from 'zod'
import { Name, Ref, ResourceInput } from '../../auth/schema.ts'
import { Signature } from '../../registry/schema.ts'

const StepName = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]{0,39}$/, 'A step is named by letters, digits and _, beginning with no digit.')
const Column = z.string().min(1).max(200)
const Expression = z.string().min(1).max(4000)

export const ModelStep = z.strictObject({
  name: StepName,
  model: Ref.describe(
    'name, name:version or id; its answers become columns: name.label, name.probabilities.X, name.value, name.text …',
  ),
  inputs: z.record(Column, Column).default({}).describe('the column for an input of the model that is called otherwise'),
  when: Expression.optional().describe('asked only for the rows for which this is true'),
})
export const PrepareStep = z.strictObject({
  name: StepName,
  rename: z.record(Column, Column).optional().describe('new name: column'),
  set: z.record(Column, z.union([z.number(), z.string().max(10_000), z.boolean(), z.null()])).optional(),
  compute: z.record(Column, Expression).optional().describe('new column: expression, in the language of recipes'),
})
export const combinations = ['average', 'weighted', 'vote', 'max', 'first_confident'] as const
export const CombineStep = z.strictObject({
  name: StepName,
  combine: z.strictObject({
    how: z
      .enum(combinations)
      .describe(
        'average, weighted: of probabilities or values; vote: the label that most say; max: the surest, or the largest value; first_confident: the first that is sure enough, the next is asked only where none before it was',
      ),
    of: z.array(StepName).min(1).max(20),
    weights: z.array(z.number().min(0).max(1e6)).max(20).optional(),
    confidence: z.number().min(0).max(1).default(0.8).describe('first_confident: from this probability on'),
  }),
})
export const ThresholdStep = z.strictObject({
  name: StepName,
  threshold: z.strictObject({
    of: StepName,
    at: z.number().min(0).max(1),
    class: z.string().max(200).optional().describe('of two classes the one that must reach it; the positive one unless told'),
  }),
})

export const PipelineSpec = z.strictObject({
  inputs: z
    .array(
      z.strictObject({
        name: Column,
        type: z.enum(['number', 'integer', 'boolean', 'datetime', 'category', 'text']),
        nullable: z.boolean().default(true),
      }),
    )
    .max(500)
    .default([])
    .describe('columns of the rows that only expressions read; what models read is known'),
  steps: z
    .array(z.union([ModelStep, CombineStep, ThresholdStep, PrepareStep]))
    .min(1)
    .max(50),
  output: z.strictObject({
    from: StepName.describe('the step whose answer is the pipeline’s'),
    columns: z
      .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,59}$/), Column)
      .default({})
      .describe('further columns to tell, in `outputs`: name there: column'),
  }),
  trace: z.boolean().default(true).describe('tell with each prediction what every step said, and how long it took'),
})
export type PipelineSpec = z.output<typeof PipelineSpec>

export const PipelineInput = ResourceInput.pick({ project: true, visibility: true }).extend({
  name: Name.describe('of the model whose version it becomes'),
  pipeline: PipelineSpec,
})
export const PipelineCheck = z.strictObject({
  project: Ref.optional(),
  pipeline: PipelineSpec,
  rows: z.array(z.record(z.string(), z.unknown())).max(20).default([]),
})
export const PipelineStepFigures = z.object({
  name: z.string(),
  does: z.string(),
  calls: z.number(),
  rows: z.number(),
  p50Ms: z.number().nullable(),
  p95Ms: z.number().nullable(),
})
export const PipelineChecked = z.object({
  signature: Signature,
  columns: z.array(z.object({ name: z.string(), type: z.string(), step: z.string().nullable() })),
  predictions: z.array(z.record(z.string(), z.unknown())),
  steps: z.array(PipelineStepFigures),
})
export const PipelineOfEndpoint = z.object({
  endpoint: z.string(),
  pipeline: PipelineSpec,
  members: z.array(z.object({ step: z.string(), version: z.string(), name: z.string() })),
  steps: z.array(PipelineStepFigures),
})
