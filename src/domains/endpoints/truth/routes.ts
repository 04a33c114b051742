import * as z from 'zod'
import { type RouteRecord, route } from '../../../kernel/route.ts'
import { InProject } from '../../auth/schema.ts'
import { TruthInput, TruthStored, TruthSummary } from './schema.ts'
import type { TruthService } from './service.ts'

const tag = 'endpoints'

export const truthRoutes = (truth: TruthService): RouteRecord[] => [
  route({
    method: 'POST',
    path: '/v1/endpoints/:endpoint/truth',
    permission: 'endpoints:truth',
    tag,
    summary: 'Tell what turned out to be true of predictions, by their id or by a key; as items or as an uploaded file',
    query: InProject,
    body: TruthInput,
    returns: TruthStored,
    maxBodyBytes: 16 * 1024 * 1024,
    handle: ({ principal, params, query, body }) => truth.give(principal, params.endpoint, body, query.project),
  }),
  route({
    method: 'GET',
    path: '/v1/endpoints/:endpoint/truth/summary',
    permission: 'endpoints:read',
    tag,
    summary: 'How many predictions have their truth, by day, and how right they were',
    query: InProject.extend({ days: z.coerce.number().min(0.01).max(3650).default(30) }),
    returns: TruthSummary,
    handle: ({ principal, params, query }) => truth.summary(principal, params.endpoint, query),
  }),
]
