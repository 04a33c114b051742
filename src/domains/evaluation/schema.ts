import * as z from 'zod'
import { Metric } from '../goals/schema.ts'

export const CompareInput = z
  .object({ a: z.string(), b: z.string(), metric: Metric.optional() })
  .describe('Two model versions (name:version or id) judged on the same sealed rows.')

/** A paired comparison on the same rows. */
export const VersionComparison = z.object({
  a: z.object({ version: z.string(), name: z.string(), value: z.number() }),
  b: z.object({ version: z.string(), name: z.string(), value: z.number() }),
  metric: Metric,
  rows: z.number(),
  difference: z.object({ value: z.number(), low: z.number(), high: z.number(), method: z.string() }),
  test: z.object({ name: z.string(), statistic: z.number().nullable(), pValue: z.number() }),
  significant: z.boolean(),
  sentence: z.string(),
})
