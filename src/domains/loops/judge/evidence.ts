import * as z from 'zod'
import { Metric } from '../../goals/schema.ts'
import { rules } from '../schema.ts'

const Test = z.object({
  name: z.string(),
  of: z.string().describe('what was compared'),
  value: z.number(),
  low: z.number(),
  high: z.number(),
  statistic: z.number().nullable(),
  pValue: z.number(),
})

/** What the judge found: champion and challenger on the same sealed rows. */
export const JudgeEvidence = z.object({
  rows: z.number(),
  metric: Metric,
  greaterIsBetter: z.boolean(),
  champion: z.number(),
  challenger: z.number(),
  difference: z
    .object({ value: z.number(), low: z.number(), high: z.number(), method: z.string() })
    .describe('positive: the challenger is better'),
  pValue: z.number(),
  test: z.string(),
  alpha: z.number(),
  margin: z.number(),
  rule: z.enum(rules),
  verdict: z.enum(['better', 'worse', 'no_difference']),
  isNotWorse: z.boolean(),
  passed: z.boolean(),
  also: z.array(Test).describe('other paired tests of the same rows'),
  size: z.object({ champion: z.number(), challenger: z.number() }).describe('bytes of what is served'),
  cost: z
    .object({ champion: z.number(), challenger: z.number() })
    .describe('microseconds a row, median of turns taken alternately'),
  fairness: z
    .object({
      column: z.string(),
      rate: z.string(),
      champion: z.number(),
      challenger: z.number(),
      low: z.number(),
      high: z.number(),
    })
    .nullable()
    .describe('the largest gap between groups; the interval is of the change'),
  leftOut: z.number().describe('sealed rows with a class that neither knows'),
  curve: z
    .object({ champion: z.array(z.number()), challenger: z.array(z.number()), at: z.array(z.number()) })
    .describe('mean loss of both over the sealed rows in the order of time, in up to 40 parts'),
  loss: z.string(),
  sentence: z.string(),
})
export type JudgeEvidence = z.infer<typeof JudgeEvidence>
