import * as z from 'zod'
import type { Trial } from './schema.ts'

/** Engines write what is not finite as text; a score that is not finite is none. */
const Score = z
  .union([z.number(), z.string(), z.null()])
  .optional()
  .transform((value) => (typeof value === 'number' && Number.isFinite(value) ? value : null))

const TrialEvent = z.object({
  trial: z.number().int().min(0),
  algorithm: z.string().max(100),
  params: z.record(z.string(), z.unknown()).default({}),
  state: z.enum(['running', 'complete', 'pruned', 'failed']),
  score: Score,
  std: Score,
  folds: z.array(Score).default([]),
  seconds: Score,
  reason: z.string().max(4000).nullish(),
  objectives: z.record(z.string().max(60), Score).nullish(),
})

/** A trial from an engine's event (docs/job-contract.md), or null when it is not one. */
export function readTrial(data: Record<string, unknown>): Trial | null {
  const { success, data: event } = TrialEvent.safeParse(data)
  if (!success) return null
  const objectives = Object.entries(event.objectives ?? {}).filter((one): one is [string, number] => one[1] !== null)
  return {
    ...event,
    folds: event.folds.filter((score) => score !== null),
    reason: event.reason ?? null,
    objectives: objectives.length > 0 ? Object.fromEntries(objectives) : null,
  }
}
