import * as z from 'zod'
import { Ref } from '../auth/schema.ts'
import { VersionComparison } from '../evaluation/schema.ts'
import { Metric, Task } from '../goals/schema.ts'
import { Estimate, Job } from '../jobs/schema.ts'

/** Which of several algorithms or versions is better, by the folds of repeated cross-validation (docs/evaluation.md). */
export const ComparisonInput = z.object({
  candidates: z
    .array(z.string().min(1).max(200))
    .min(2)
    .max(10)
    .describe('Versions (model:number or id), which bring data and settings; or names of algorithms, with their defaults.'),
  dataset: Ref.nullable().default(null).describe('Where no version is among the candidates.'),
  version: z.string().optional().describe('of the data set'),
  project: Ref.optional(),
  goal: Ref.nullable().default(null),
  target: z.string().max(200).nullable().default(null),
  task: Task.nullable().default(null),
  positive: z.string().max(200).nullable().default(null),
  metric: Metric.nullable().default(null),
  split: z.string().nullable().default(null),
  repeats: z.number().int().min(1).max(100).default(5),
  folds: z.number().int().min(2).max(20).default(5),
  delta: z
    .number()
    .positive()
    .nullable()
    .default(null)
    .describe('Differences of the metric below this do not matter: two may then be found equivalent.'),
  seed: z
    .number()
    .int()
    .min(0)
    .max(2 ** 31 - 1)
    .default(7),
})
export type ComparisonInput = z.infer<typeof ComparisonInput>

export const ComparisonCreated = z.object({ job: Job, estimate: Estimate.nullable() })

const Interval = z.object({ value: z.number(), low: z.number(), high: z.number() })

/** Two candidates, fold by fold: `b` against `a`. Differences are turned so that more is better for `b`. */
export const PairVerdict = z.object({
  a: z.string(),
  b: z.string(),
  verdict: z.enum(['better', 'worse', 'equivalent', 'not_shown']).describe('of b'),
  difference: Interval.extend({ method: z.string() }),
  effect: Interval.nullable().describe('The mean difference over the standard deviation of the differences.'),
  t: z.number().nullable(),
  degrees: z.number(),
  pValue: z.number(),
  adjustedPValue: z.number().describe('Holm, over all pairs.'),
  equivalence: z.object({ delta: z.number(), pValue: z.number(), adjustedPValue: z.number() }).nullable(),
  differences: z.array(z.number()).describe('One for each fold of each repeat, in order.'),
  sentence: z.string(),
})
export type PairVerdict = z.infer<typeof PairVerdict>

/** What a finished comparison answers (the result of its job). */
export const ComparisonResult = z.object({
  metric: Metric,
  greaterIsBetter: z.boolean(),
  rows: z.number(),
  repeats: z.number(),
  folds: z.number(),
  seed: z.number(),
  division: z.string(),
  candidates: z.array(
    z.object({
      name: z.string(),
      algorithm: z.string(),
      params: z.record(z.string(), z.unknown()),
      mean: z.number(),
      std: z.number(),
      scores: z.array(z.array(z.number())).describe('By repeat and fold.'),
      seconds: z.number(),
    }),
  ),
  pairs: z.array(PairVerdict),
  sealed: z
    .array(VersionComparison)
    .describe('Versions against each other on the sealed rows, from what they said when these were opened.'),
  sentence: z.string(),
})
export type ComparisonResult = z.infer<typeof ComparisonResult>
