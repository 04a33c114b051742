import * as z from 'zod'

/** What a run gathered: the data on which the challenger learns and both are judged. */
export const GatherEvidence = z.object({
  enough: z.boolean(),
  sentence: z.string(),
  fromMs: z.number(),
  toMs: z.number(),
  labelled: z.number().describe('captured rows of the window whose truth is known'),
  unknownTruth: z.number().describe('of these, rows whose truth is no class that the champion knows'),
  withoutFile: z.number().default(0).describe('of these, rows whose image or sound was not kept'),
  live: z.number().describe('rows from live traffic that join the training'),
  original: z.number().describe('rows that the champion learnt from, which join'),
  sealed: z.number().describe('the newest rows, on which champion and challenger are judged'),
  sealedFromMs: z.number().nullable().describe('all rows from then on are sealed'),
  newestMs: z.number().nullable(),
  seenByChampion: z
    .object({
      before: z.number().describe('rows of the window that were gathered already when the champion was made'),
      alike: z.number().describe('rows that are, in every column, rows that the champion learnt from'),
      alikeIsUsual: z.boolean().describe('rows repeat themselves in this data anyway, so that likeness says nothing'),
    })
    .describe('left out of the judging'),
  classes: z.array(z.object({ value: z.string(), original: z.number(), live: z.number(), sealed: z.number() })),
  timeline: z.array(z.object({ fromMs: z.number(), live: z.number(), sealed: z.number() })),
  dataset: z.string(),
  version: z.string().nullable().describe('the data set version that was made'),
  versionNumber: z.number().nullable(),
  split: z.string().nullable(),
})
export type GatherEvidence = z.infer<typeof GatherEvidence>
