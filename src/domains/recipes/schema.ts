import * as z from 'zod'
import { Iso, Ref, Resource, ResourceInput, ResourcePatch } from '../auth/schema.ts'

/** One typed step; its parameters are checked against the catalogue (docs/recipes.md). */
export const RecipeStep = z.looseObject({
  step: z.string().max(60),
  columns: z.union([z.array(z.string().max(200)).max(20_000), z.string().max(40)]).optional(),
})
export type RecipeStep = z.infer<typeof RecipeStep>
export const RecipeInput = ResourceInput.extend({
  dataset: Ref.nullable().default(null),
  target: z.string().max(200).nullable().default(null),
  steps: z.array(RecipeStep).max(200),
  reasons: z.array(z.string().max(2000)).max(500).default([]),
})
export const RecipePatch = ResourcePatch.extend({
  dataset: Ref.nullable(),
  target: z.string().max(200).nullable(),
  steps: z.array(RecipeStep).max(200),
  reasons: z.array(z.string().max(2000)).max(500),
}).partial()
export const Recipe = Resource.extend({
  dataset: z.string().nullable(),
  target: z.string().nullable(),
  steps: z.array(RecipeStep),
  reasons: z.array(z.string()),
  revision: z.number(),
})
export type Recipe = z.infer<typeof Recipe>

export const RecipeRevision = z.object({
  revision: z.number(),
  steps: z.array(RecipeStep),
  reasons: z.array(z.string()),
  by: z.string(),
  at: Iso,
})

export const StepInfo = z.object({
  step: z.string(),
  title: z.string(),
  subject: z.string(),
  does: z.string(),
  accepts: z.array(z.string()),
  missing: z.string().describe('What it does with a missing value when serving.'),
  unseen: z.string().describe('What it does with a value not seen in training.'),
  trainingOnly: z.boolean(),
  parameters: z.record(z.string(), z.unknown()).describe('JSON Schema'),
})
export const PreviewInput = z.object({
  dataset: Ref,
  version: z.string().optional(),
  target: z.string().max(200).nullable().default(null),
  steps: z.array(RecipeStep).max(200),
  rows: z.number().int().min(1).max(100).default(20),
})
const Sample = z.object({ columns: z.array(z.string()), rows: z.array(z.array(z.unknown())) })
export const Preview = z.object({
  before: Sample,
  after: Sample,
  perStep: z.array(
    z.object({
      step: z.string(),
      columnsBefore: z.number(),
      columnsAfter: z.number(),
      rowsBefore: z.number(),
      rowsAfter: z.number(),
      note: z.string(),
    }),
  ),
})
export const SuggestInput = z.object({
  dataset: Ref,
  version: z.string().optional(),
  target: z.string().max(200),
  positive: z.string().max(200).nullable().default(null),
})
export const Suggestion = z.object({
  steps: z.array(RecipeStep),
  reasons: z.array(z.string()),
  derived: z.array(z.object({ name: z.string(), expression: z.string(), why: z.string() })),
})
