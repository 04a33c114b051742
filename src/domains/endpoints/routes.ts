import * as z from 'zod'
import { PageQuery, pageOf } from '../../kernel/paging.ts'
import { type RouteRecord, route } from '../../kernel/route.ts'
import { InProject, Ref } from '../auth/schema.ts'
import { UncertaintyWish } from '../evaluation/uncertainty/schema.ts'
import { ExplainInput, Gradients, GradientsInput } from '../explanations/schema.ts'
import { PredictCall } from './predict-call.ts'
import { scalingRoutes } from './scaling/routes.ts'
import {
  Capture,
  Endpoint,
  EndpointExplanations,
  EndpointInput,
  EndpointMetrics,
  EndpointPatch,
  PredictInput,
  PredictOutput,
} from './schema.ts'
import type { EndpointsService } from './service.ts'
import { trafficRoutes } from './traffic/routes.ts'
import { GenerateInput } from './writing-schema.ts'

const tag = 'endpoints'

export const endpointsRoutes = (endpoints: EndpointsService): RouteRecord[] => [
  route({
    method: 'GET',
    path: '/v1/endpoints',
    permission: 'endpoints:read',
    tag,
    summary: 'Endpoints, newest first',
    query: PageQuery.extend({ project: Ref.optional(), model: Ref.optional(), q: z.string().trim().min(1).max(200).optional() }),
    returns: pageOf(Endpoint),
    handle: ({ principal, query }) => endpoints.list(principal, query),
  }),
  route({
    method: 'POST',
    path: '/v1/endpoints',
    permission: 'endpoints:write',
    tag,
    summary: 'Deploy a model version as an endpoint',
    body: EndpointInput,
    returns: Endpoint,
    status: 201,
    idempotent: true,
    handle: ({ principal, body }) => endpoints.create(principal, body),
  }),
  route({
    method: 'GET',
    path: '/v1/endpoints/:endpoint',
    permission: 'endpoints:read',
    tag,
    summary: 'One endpoint, with what it served before',
    query: InProject,
    returns: Endpoint,
    handle: ({ principal, params, query }) => endpoints.get(principal, params.endpoint, query.project),
  }),
  route({
    method: 'PATCH',
    path: '/v1/endpoints/:endpoint',
    permission: 'endpoints:write',
    tag,
    summary: 'Deploy another version, start, stop, or change what is captured',
    query: InProject,
    body: EndpointPatch,
    returns: Endpoint,
    handle: ({ principal, params, query, body }) => endpoints.patch(principal, params.endpoint, body, query.project),
  }),
  route({
    method: 'DELETE',
    path: '/v1/endpoints/:endpoint',
    permission: 'endpoints:write',
    tag,
    summary: 'Stop an endpoint and put it in the bin',
    query: InProject,
    returns: 'nothing',
    status: 204,
    handle: ({ principal, params, query }) => endpoints.remove(principal, params.endpoint, query.project),
  }),
  route({
    method: 'POST',
    path: '/v1/endpoints/:endpoint/rollback',
    permission: 'endpoints:write',
    tag,
    summary: 'Serve the version before this one again',
    query: InProject,
    returns: Endpoint,
    handle: ({ principal, params, query }) => endpoints.rollback(principal, params.endpoint, query.project),
  }),
  route({
    method: 'POST',
    path: '/v1/endpoints/:endpoint/predict',
    permission: 'endpoints:predict',
    tag,
    summary: 'Predict rows of raw columns, or one file (an image, a sound) as it is',
    query: InProject.extend(UncertaintyWish.shape),
    body: PredictInput,
    returns: PredictOutput,
    maxBodyBytes: 32 * 1024 * 1024,
    takesFiles: true,
    handleText: (input) => endpoints.answerText(input.principal, input.params.endpoint, new PredictCall(input)),
  }),
  route({
    method: 'POST',
    path: '/v1/endpoints/:endpoint/generate',
    permission: 'endpoints:predict',
    tag,
    summary:
      'Let a language model go on from a prompt or answer in a conversation, as it writes: events text and call, then done or error',
    query: InProject,
    body: GenerateInput,
    returns: 'events',
    maxBodyBytes: 4 * 1024 * 1024,
    handle: ({ principal, params, query, body, request }) =>
      endpoints.generate(principal, params.endpoint, {
        input: body,
        project: query.project,
        requestId: request.id,
        header: (name) => [request.headers[name]].flat()[0],
        signal: request.signal,
      }),
  }),
  route({
    method: 'POST',
    path: '/v1/endpoints/:endpoint/explain',
    permission: 'endpoints:predict',
    tag,
    summary: 'Why the endpoint answers as it does for rows: contributions of the columns',
    query: InProject,
    body: ExplainInput,
    returns: EndpointExplanations,
    handle: ({ principal, params, query, body }) => endpoints.explain(principal, params.endpoint, body, query.project),
  }),
  route({
    method: 'POST',
    path: '/v1/endpoints/:endpoint/gradients',
    permission: 'endpoints:predict',
    tag,
    summary: 'What the served network answers for, by its gradients: columns, words or pixels',
    query: InProject,
    body: GradientsInput,
    returns: Gradients.extend({ endpoint: z.string() }),
    handle: ({ principal, params, query, body }) => endpoints.gradients(principal, params.endpoint, body, query.project),
  }),
  route({
    method: 'GET',
    path: '/v1/endpoints/:endpoint/metrics',
    permission: 'endpoints:read',
    tag,
    summary: 'Requests, errors and latency of this server, live',
    query: InProject.extend({ minutes: z.coerce.number().min(0.1).max(60).default(15) }),
    returns: EndpointMetrics,
    handle: ({ principal, params, query }) => endpoints.metrics(principal, params.endpoint, query.minutes * 60, query.project),
  }),
  route({
    method: 'GET',
    path: '/v1/endpoints/:endpoint/captures',
    permission: 'endpoints:read',
    tag,
    summary: 'Captured rows and their predictions, newest first',
    query: PageQuery.extend({ project: Ref.optional() }),
    returns: pageOf(Capture),
    handle: ({ principal, params, query }) => endpoints.listCaptures(principal, params.endpoint, query, query.project),
  }),
  ...trafficRoutes(endpoints),
  ...scalingRoutes(endpoints),
]
