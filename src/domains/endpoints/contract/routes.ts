import type * as z from 'zod'
import { PlatformError } from '../../../kernel/errors.ts'
import { type RouteRecord, route } from '../../../kernel/route.ts'
import { InProject } from '../../auth/schema.ts'
import type { Endpoint } from '../schema.ts'
import type { EndpointsService } from '../service.ts'
import { answerFields } from './answer-fields.ts'
import { endpointOpenApi } from './openapi.ts'
import { EndpointMetadata, Health } from './schema.ts'

const tag = 'endpoints'

/** What an endpoint says of itself to programs. */
export const contractRoutes = (endpoints: Pick<EndpointsService, 'get'>): RouteRecord[] => [
  route({
    method: 'GET',
    path: '/v1/endpoints/:endpoint/openapi.json',
    permission: 'endpoints:read',
    tag,
    summary: 'The OpenAPI description of this one endpoint: its columns, their types, its answers',
    query: InProject,
    returns: 'stream',
    handle: async ({ principal, params, query }) => ({
      contentType: 'application/json; charset=utf-8',
      body: JSON.stringify(endpointOpenApi(await endpoints.get(principal, params.endpoint, query.project))),
    }),
  }),
  route({
    method: 'GET',
    path: '/v1/endpoints/:endpoint/health',
    permission: 'endpoints:read',
    tag,
    summary: 'Whether the endpoint answers: 200, or 503 with the reason',
    query: InProject,
    returns: Health,
    handle: async ({ principal, params, query }) => healthOf(await endpoints.get(principal, params.endpoint, query.project)),
  }),
  route({
    method: 'GET',
    path: '/v1/endpoints/:endpoint/metadata',
    permission: 'endpoints:read',
    tag,
    summary: 'What the endpoint serves, takes and answers',
    query: InProject,
    returns: EndpointMetadata,
    handle: async ({ principal, params, query }) => metadataOf(await endpoints.get(principal, params.endpoint, query.project)),
  }),
]

/** Refuses with `unavailable` where the endpoint does not answer. */
export function healthOf({ name, modelName, versionNumber, state, message }: Endpoint): z.infer<typeof Health> {
  if (state !== 'ready')
    throw new PlatformError('unavailable', `The endpoint "${name}" is ${state}${message ? `: ${message}` : '.'}`, { state })
  return { status: 'ok', endpoint: name, model: modelName, version: versionNumber }
}

function metadataOf(endpoint: Endpoint): z.infer<typeof EndpointMetadata> {
  const { id, name, description, state, modelName, versionNumber, served, signature } = endpoint
  const path = `/v1/endpoints/${id}`
  return {
    id,
    name,
    description,
    state,
    model: modelName,
    version: versionNumber,
    task: signature.task,
    served,
    classes: signature.classes,
    positive: signature.positive,
    threshold: signature.threshold,
    inputs: signature.inputs,
    outputs: answerFields(signature).map(({ name, kind, width }) => ({ name, kind, ...(width !== undefined && { width }) })),
    links: {
      predict: `${path}/predict`,
      openapi: `${path}/openapi.json`,
      health: `${path}/health`,
      inferenceProtocol: `/v2/models/${id}`,
    },
  }
}
