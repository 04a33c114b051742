import * as z from 'zod'
import { type RouteRecord, route } from '../../../kernel/route.ts'
import { InProject } from '../../auth/schema.ts'
import type { EndpointsService } from '../service.ts'
import { HostedModels, ModelsInput, ScalingFigures, ScalingPolicy, UsageOut } from './schema.ts'

const tag = 'endpoints'

export const scalingRoutes = (endpoints: EndpointsService): RouteRecord[] => [
  route({
    method: 'GET',
    path: '/v1/endpoints/:endpoint/scaling',
    permission: 'endpoints:read',
    tag,
    summary: 'Room of an endpoint: its policy, workers, memory, cold starts, requests refused',
    query: InProject,
    returns: ScalingFigures,
    handle: ({ principal, params, query }) => endpoints.scaling(principal, params.endpoint, query.project),
  }),
  route({
    method: 'PUT',
    path: '/v1/endpoints/:endpoint/scaling',
    permission: 'endpoints:write',
    tag,
    summary: 'Set workers, sleep, limits at once and by caller, and the time an answer may take',
    query: InProject,
    body: ScalingPolicy,
    returns: ScalingFigures,
    handle: ({ principal, params, query, body }) => endpoints.setScaling(principal, params.endpoint, body, query.project),
  }),
  route({
    method: 'GET',
    path: '/v1/endpoints/:endpoint/usage',
    permission: 'endpoints:read',
    tag,
    summary: 'Who asked how much, by day',
    query: InProject.extend({ days: z.coerce.number().int().min(1).max(366).default(30) }),
    returns: UsageOut,
    handle: ({ principal, params, query }) => endpoints.usage(principal, params.endpoint, query.days, query.project),
  }),
  route({
    method: 'GET',
    path: '/v1/endpoints/:endpoint/models',
    permission: 'endpoints:read',
    tag,
    summary: 'The models that share this endpoint, besides what it serves itself',
    query: InProject,
    returns: HostedModels,
    handle: ({ principal, params, query }) => endpoints.hostedModels(principal, params.endpoint, query.project),
  }),
  route({
    method: 'PUT',
    path: '/v1/endpoints/:endpoint/models',
    permission: 'endpoints:write',
    tag,
    summary: 'Set the models that share this endpoint; a request names one in the header x-atoll-model',
    query: InProject,
    body: ModelsInput,
    returns: HostedModels,
    handle: ({ principal, params, query, body }) => endpoints.setHostedModels(principal, params.endpoint, body, query.project),
  }),
]
