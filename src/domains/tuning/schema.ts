import * as z from 'zod'

const ObjectiveName = z
  .string()
  .max(60)
  .describe('A metric of the task, latency_ms (one row by the served graph, one thread) or size_bytes (of the graph).')

export const Objective = z.object({ metric: ObjectiveName, direction: z.enum(['minimize', 'maximize']).optional() })

export const SearchSpec = z.object({
  strategy: z.enum(['tpe', 'auto', 'gp', 'asha', 'hyperband', 'random', 'grid', 'none']).default('tpe'),
  trials: z.number().int().min(1).max(5000).nullable().default(null),
  budgetSeconds: z.number().min(1).max(604_800).nullable().default(null),
  space: z.record(z.string(), z.record(z.string(), z.unknown())).nullable().default(null),
  objectives: z
    .array(Objective)
    .max(5)
    .default([])
    .describe('What else matters beside the metric; the metric is always the first objective.'),
  choose: z
    .object({
      rule: z.enum(['knee', 'best']).optional().describe('knee unless there are limits; best: the best metric'),
      within: z.record(z.string().max(60), z.number()).optional().describe('Limits by objective: { "latency_ms": 2 }'),
    })
    .nullable()
    .default(null)
    .describe('Which of the trials that no other beats wins.'),
  parallel: z.number().int().min(1).max(64).default(1).describe('Trials side by side, each with its share of the cores.'),
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
  objectives: z.record(z.string(), z.number()).nullable().describe('The value of each, where the search has several.'),
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
  best: Trial.nullable().describe('by the metric'),
  objectives: z.array(z.object({ metric: z.string(), direction: z.enum(['minimize', 'maximize']) })),
  front: z.array(z.number()).describe('Trials that no other beats in every objective.'),
  createdAt: z.string(),
})
export type Search = z.infer<typeof Search>
