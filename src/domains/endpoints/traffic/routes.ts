import * as z from 'zod'
import { type RouteRecord, route } from '../../../kernel/route.ts'
import { InProject } from '../../auth/schema.ts'
import type { EndpointsService } from '../service.ts'
import { Rollout, RolloutInput, ShadowQuery, ShadowSummary, Traffic, TrafficInput, VariantName } from './schema.ts'

const tag = 'endpoints'

export const trafficRoutes = (endpoints: EndpointsService): RouteRecord[] => [
  route({
    method: 'GET',
    path: '/v1/endpoints/:endpoint/traffic',
    permission: 'endpoints:read',
    tag,
    summary: 'The variants of an endpoint: shares, shadows, what each did in the last hour, and the latest rollout',
    query: InProject,
    returns: Traffic,
    handle: ({ principal, params, query }) => endpoints.traffic(principal, params.endpoint, query.project),
  }),
  route({
    method: 'PUT',
    path: '/v1/endpoints/:endpoint/traffic',
    permission: 'endpoints:write',
    tag,
    summary: 'Set all variants besides main: their shares and shadows; main gets what is left',
    query: InProject,
    body: TrafficInput,
    returns: Traffic,
    handle: ({ principal, params, query, body }) => endpoints.setTraffic(principal, params.endpoint, body, query.project),
  }),
  route({
    method: 'POST',
    path: '/v1/endpoints/:endpoint/promote',
    permission: 'endpoints:write',
    tag,
    summary: 'Make a variant main at once; what main was stays loaded as "previous"',
    query: InProject,
    body: z.strictObject({
      variant: VariantName,
      overrideReason: z.string().trim().min(10).max(4000).nullable().default(null),
    }),
    returns: Traffic,
    handle: ({ principal, params, query, body }) => endpoints.promoteVariant(principal, params.endpoint, body, query.project),
  }),
  route({
    method: 'POST',
    path: '/v1/endpoints/:endpoint/rollout',
    permission: 'endpoints:write',
    tag,
    summary: 'Give a variant more of the requests step by step, and make it main after the last',
    query: InProject,
    body: RolloutInput,
    returns: Rollout,
    status: 201,
    handle: ({ principal, params, query, body }) => endpoints.startRollout(principal, params.endpoint, body, query.project),
  }),
  route({
    method: 'POST',
    path: '/v1/endpoints/:endpoint/rollout/end',
    permission: 'endpoints:write',
    tag,
    summary: 'End a rollout now: complete it or roll it back',
    query: InProject,
    body: z.strictObject({ how: z.enum(['complete', 'roll_back']) }),
    returns: Rollout,
    handle: ({ principal, params, query, body }) => endpoints.endRollout(principal, params.endpoint, body, query.project),
  }),
  route({
    method: 'GET',
    path: '/v1/endpoints/:endpoint/shadows',
    permission: 'endpoints:read',
    tag,
    summary: 'How shadows differed from what answered',
    query: InProject.extend(ShadowQuery.shape),
    returns: ShadowSummary,
    handle: ({ principal, params, query: { project, variant, from, to } }) =>
      endpoints.shadowSummary(
        principal,
        params.endpoint,
        { variant, fromMs: from ? Date.parse(from) : undefined, toMs: to ? Date.parse(to) : undefined },
        project,
      ),
  }),
]
