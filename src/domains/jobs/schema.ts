import * as z from 'zod'
import { PageQuery } from '../../kernel/paging.ts'
import { Iso, Ref } from '../auth/schema.ts'

export const jobStates = ['queued', 'running', 'succeeded', 'failed', 'cancelled'] as const

export const Estimate = z.object({
  seconds: z.object({ low: z.number(), high: z.number() }).nullable(),
  memoryBytes: z.number().nullable(),
  energyWh: z.number().nullable(),
  basis: z.string().describe('What the estimate rests on, in a sentence.'),
})
export type Estimate = z.infer<typeof Estimate>

export const Cost = z.object({
  wallSeconds: z.number(),
  cpuSeconds: z.number(),
  peakMemoryBytes: z.number(),
  energyWh: z.number().nullable(),
})
export type Cost = z.infer<typeof Cost>

export const Progress = z.object({
  stage: z.string(),
  done: z.number(),
  of: z.number().nullable(),
  etaSeconds: z.number().nullable(),
  message: z.string(),
})
export type Progress = z.infer<typeof Progress>

export const Job = z.object({
  id: z.string(),
  kind: z.string().describe('dataset.import, dataset.profile, dataset.split, training, recipe.preview, …'),
  name: z.string(),
  project: z.string(),
  owner: z.string(),
  ownerName: z.string(),
  state: z.enum(jobStates),
  cancelRequested: z.boolean(),
  attempt: z.number(),
  maxAttempts: z.number(),
  spec: z.record(z.string(), z.unknown()),
  progress: Progress.nullable(),
  estimate: Estimate.nullable(),
  cost: Cost.nullable(),
  result: z.record(z.string(), z.unknown()).nullable(),
  failure: z.object({ code: z.string(), message: z.string(), facts: z.record(z.string(), z.unknown()) }).nullable(),
  sandbox: z.string().nullable(),
  createdAt: Iso,
  startedAt: Iso.nullable(),
  finishedAt: Iso.nullable(),
})
export type Job = z.infer<typeof Job>

/** The events of an engine (docs/job-contract.md), numbered by the platform. */
export const JobEvent = z.object({
  seq: z.number(),
  attempt: z.number(),
  at: Iso,
  type: z.enum([
    'state',
    'log',
    'progress',
    'metric',
    'param',
    'trial',
    'checkpoint',
    'warning',
    'artifact',
    'result',
    'rules',
    'evidence',
  ]),
  data: z.record(z.string(), z.unknown()),
})
export type JobEvent = z.infer<typeof JobEvent>

export const JobListQuery = PageQuery.extend({
  kind: z.string().max(100).optional(),
  state: z.enum(jobStates).optional(),
  lane: z
    .enum(['batch', 'interactive'])
    .optional()
    .describe('interactive: what somebody waits for on a page, such as the preview of a recipe'),
  project: Ref.optional(),
})
export type JobListQuery = z.infer<typeof JobListQuery>

const After = z.coerce.number().int().min(0).describe('the number of the last event that you have')
export const JobEventsQuery = z.object({ after: After.optional() })
export const JobLogQuery = z.object({
  after: After.default(0),
  limit: z.coerce.number().int().min(1).max(1000).default(200),
  type: JobEvent.shape.type.optional(),
})
export type JobLogQuery = z.infer<typeof JobLogQuery>
export const JobLog = z.object({
  items: z.array(JobEvent),
  /** Ask again with this as `after`. */
  last: z.number(),
  ended: z.boolean().describe('the job is over and these are its last events'),
})
export type JobLog = z.infer<typeof JobLog>

export const RuntimeInfo = z.object({
  name: z.string(),
  lockHash: z.string(),
  state: z.enum(['absent', 'building', 'ready', 'failed']),
  sizeBytes: z.number().nullable(),
  builtAt: Iso.nullable(),
  message: z.string().nullable(),
  warm: z.boolean().describe('a process with its libraries loaded waits for the next job'),
})
export const RuntimeList = z.object({
  items: z.array(RuntimeInfo),
  executor: z.object({ name: z.string(), sandbox: z.enum(['full', 'limits-only', 'off']), reason: z.string() }),
})
export type RuntimeList = z.infer<typeof RuntimeList>
