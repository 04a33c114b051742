import * as z from 'zod'

/** One look at what turned out to be true of live rows since the swap. */
export const WatchLook = z.object({
  at: z.number(),
  rows: z.number(),
  loss: z.string(),
  value: z.number().describe('mean loss of the new version less what that of the old one would have been, on the same rows'),
  low: z.number(),
  high: z.number().describe('holds at all looks at once'),
  pValue: z.number().describe('of "the new version is no worse"; looking often does not make it lie'),
})
export type WatchLook = z.infer<typeof WatchLook>

export const WatchEvidence = z.object({
  sinceMs: z.number().nullable(),
  wantedMinutes: z.number(),
  alpha: z.number(),
  looks: z.array(WatchLook),
  last: WatchLook.nullable(),
  requests: z.number(),
  errors: z.number(),
  maxErrorRate: z.number(),
  errorsPValue: z.number().describe('of "no more than so many fail"'),
})
export type WatchEvidence = z.infer<typeof WatchEvidence>

export interface WatchSpec extends Record<string, unknown> {
  run: string
  endpointId: string
  champion: string
  challenger: string
  goal: string
  fromMs: number
  toMs: number
  alpha: number
}
