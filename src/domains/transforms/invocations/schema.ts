import * as z from 'zod'
import { PageQuery } from '../../../kernel/paging.ts'
import { Iso, Ref } from '../../auth/schema.ts'

export const invocationStates = ['queued', 'running', 'succeeded', 'failed', 'cancelled', 'expired'] as const

/** What may be said beside the body: in the address, so that the body is that of `/predict`, or a file as it is. */
export const InvocationQuery = z.object({
  project: Ref.optional(),
  expiresInSeconds: z.coerce
    .number()
    .int()
    .min(1)
    .max(7 * 86_400)
    .optional()
    .describe('not begun by then: expired; what the queue says (an hour) when absent'),
  webhook: z.url().max(2000).optional().describe('called when it is over; the host must be allowed, and the queue have a secret'),
})

export const Invocation = z.object({
  id: z.string(),
  endpoint: z.string(),
  endpointName: z.string(),
  state: z.enum(invocationStates),
  attempt: z.number(),
  statusUrl: z.string(),
  createdAt: Iso,
  startedAt: Iso.nullable(),
  finishedAt: Iso.nullable(),
  expiresAt: Iso,
  bodyBytes: z.number(),
  contentType: z.string(),
  result: z.unknown().optional().describe('what /predict answers; absent where it is large, or is not there'),
  resultUrl: z.string().nullable(),
  resultBytes: z.number().nullable(),
  failure: z.object({ code: z.string(), message: z.string(), facts: z.record(z.string(), z.unknown()) }).nullable(),
  waiting: z.string().nullable().describe('why it waits longer than for its turn'),
  webhook: z
    .object({ url: z.string(), state: z.enum(['waiting', 'delivered', 'failed']), said: z.string().nullable() })
    .nullable(),
})
export type Invocation = z.infer<typeof Invocation>

export const InvocationList = PageQuery.extend({ project: Ref.optional(), state: z.enum(invocationStates).optional() })

export const QueueInput = z
  .strictObject({
    concurrency: z.number().int().min(1).max(64).describe('invocations at once'),
    maxAttempts: z.number().int().min(1).max(20).describe('of one that fails for no fault of its own'),
    expiresInSeconds: z
      .number()
      .int()
      .min(1)
      .max(7 * 86_400),
    keepDays: z.number().int().min(1).max(365).describe('bodies and results of what is over'),
  })
  .partial()

export const Queue = z.object({
  endpoint: z.string(),
  concurrency: z.number(),
  maxAttempts: z.number(),
  expiresInSeconds: z.number(),
  keepDays: z.number(),
  hasSecret: z.boolean().describe('webhooks can be asked for'),
  waiting: z.number(),
  running: z.number(),
  oldestWaitsSeconds: z.number().nullable(),
})
export type Queue = z.infer<typeof Queue>

export const QueueSecret = z.object({ secret: z.string().describe('told this once') })
