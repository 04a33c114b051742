import * as z from 'zod'
import { Iso } from '../../auth/schema.ts'
import { VariantName } from '../traffic/schema.ts'

export const outcomes = ['right', 'error', 'truth'] as const

export const AbQuery = z.object({
  from: z.iso.datetime({ offset: true }).optional().describe('predictions from then on; the last 30 days unless told'),
  to: z.iso.datetime({ offset: true }).optional(),
  outcome: z
    .enum(outcomes)
    .optional()
    .describe(
      'right: the answer was true; error: how far a number was off; truth: what was told itself (a class as yes or no, or a number)',
    ),
  value: z
    .string()
    .max(200)
    .optional()
    .describe('with truth of classes: the class that counts as yes; the positive one unless told'),
  alpha: z.coerce.number().min(0.0001).max(0.3).default(0.05),
})

const Mean = z.object({ value: z.number(), low: z.number(), high: z.number() })
export const AbComparison = z.object({
  a: VariantName,
  b: VariantName,
  value: z.number().describe('mean of b less mean of a'),
  low: z.number().nullable(),
  high: z.number().nullable().describe('holds the true difference at every look at once; null: too few rows to say anything'),
  pValue: z.number(),
  alpha: z.number().describe('shared out over the comparisons'),
  decision: z.enum(['b_higher', 'a_higher', 'undecided']),
  better: VariantName.nullable().describe('where higher or lower is better, and one is'),
  looks: z
    .array(z.object({ at: Iso, rows: z.number(), value: z.number(), low: z.number(), high: z.number() }))
    .describe('as it stood after so many rows'),
  sentence: z.string(),
})
export const AbTest = z.object({
  endpoint: z.string(),
  outcome: z.enum(outcomes),
  counts: z.string().describe('what is counted, in words'),
  isShare: z.boolean().describe('means are shares of rows, from 0 to 1'),
  greaterIsBetter: z.boolean().nullable(),
  from: Iso,
  to: Iso,
  variants: z.array(
    z.object({
      name: VariantName,
      version: z.string(),
      versionName: z.string(),
      weight: z.number(),
      rows: z.number().describe('answered by it, with their truth'),
      mean: Mean.nullable(),
    }),
  ),
  comparisons: z.array(AbComparison).describe('each variant with main'),
})
export type AbTest = z.infer<typeof AbTest>
