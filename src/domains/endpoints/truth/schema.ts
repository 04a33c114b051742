import * as z from 'zod'
import { Iso } from '../../auth/schema.ts'

/** What turned out to be true. */
export const TruthValue = z
  .union([z.string().max(100_000), z.number(), z.boolean(), z.array(z.string().max(1000)).max(10_000), z.null()])
  .describe('a class, a number, classes (multi-label), yes or no (anomalies), a text; null takes back what was said')

export const TruthItem = z
  .strictObject({
    id: z.string().min(1).max(200).optional().describe('of a prediction'),
    key: z
      .union([z.string().min(1).max(1000), z.number()])
      .optional()
      .describe('instead of an id: the value of the field that the capture policy names as key'),
    value: TruthValue,
    at: z.iso.datetime({ offset: true }).optional().describe('when it was known, now unless told: of two, the newer holds'),
  })
  .refine(({ id, key }) => (id === undefined) !== (key === undefined), {
    error: 'Give either the "id" of a prediction or a "key".',
  })
export type TruthItem = z.output<typeof TruthItem>

export const mostItems = 10_000
export const TruthInput = z.union([
  z.strictObject({ items: z.array(TruthItem).min(1).max(mostItems) }),
  z.strictObject({
    upload: z.string().min(1).max(200).describe('a CSV or Parquet file with the columns id or key, value, and at if wanted'),
  }),
])

export const TruthStored = z.object({
  stored: z.number().describe('items that were new or newer than what was known'),
  unchanged: z.number().describe('items that were known already, or older than what was known'),
  empty: z.number().describe('rows of the file without a value, which were left out'),
  unmatched: z.number().describe('items for which no prediction has been captured yet; they are kept and match one that comes'),
  unmatchedExamples: z.array(z.string()).describe('the first few of them'),
})

const Interval = z.object({ value: z.number(), low: z.number(), high: z.number() })

export const TruthSummary = z.object({
  truths: z.number().describe('all that is known, whether or not its prediction was captured'),
  captured: z.number().describe('predictions of the window'),
  labelled: z.number().describe('of these, the ones whose truth is known'),
  days: z.array(z.object({ day: z.string(), captured: z.number(), labelled: z.number() })),
  score: z
    .object({
      rows: z.number(),
      accuracy: Interval.optional(),
      f1: Interval.optional().describe('of the positive class, or the mean over classes'),
      mae: Interval.optional(),
    })
    .nullable()
    .describe(
      'of the labelled predictions, each with its 95 % interval; null where nothing is known, or the task has no such score',
    ),
  variants: z.array(z.object({ variant: z.string(), captured: z.number(), labelled: z.number() })),
  from: Iso,
  to: Iso,
})
export type TruthSummary = z.infer<typeof TruthSummary>
