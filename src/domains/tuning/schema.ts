import * as z from 'zod'

export const SearchSpec = z.object({
  strategy: z.enum(['tpe', 'gp', 'asha', 'hyperband', 'random', 'grid', 'none']).default('tpe'),
  trials: z.number().int().min(1).max(5000).nullable().default(null),
  budgetSeconds: z.number().min(1).max(604_800).nullable().default(null),
  space: z.record(z.string(), z.record(z.string(), z.unknown())).nullable().default(null),
  warmStartFrom: z.string().nullable().default(null).describe('id of an earlier search'),
})
export type SearchSpec = z.infer<typeof SearchSpec>

export const Trial = z.object({
  trial: z.number(),
  algorithm: z.string(),
  params: z.record(z.string(), z.unknown()),
  state: z.enum(['running', 'complete', 'pruned', 'failed']),
  score: z.number().nullable(),
  std: z.number().nullable(),
  folds: z.array(z.number()),
  seconds: z.number().nullable(),
  reason: z.string().nullable(),
})
export type Trial = z.infer<typeof Trial>

export const Search = z.object({
  id: z.string(),
  job: z.string(),
  run: z.string(),
  metric: z.string(),
  greaterIsBetter: z.boolean(),
  strategy: z.string(),
  trials: z.array(Trial),
  best: Trial.nullable(),
  createdAt: z.string(),
})
export type Search = z.infer<typeof Search>
