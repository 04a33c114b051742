import { type RouteRecord, route } from '../../../kernel/route.ts'
import { InProject } from '../../auth/schema.ts'
import { ModelVersion } from '../../registry/schema.ts'
import { PipelineCheck, PipelineChecked, PipelineInput, PipelineOfEndpoint } from './schema.ts'
import type { PipelinesService } from './service.ts'

const tag = 'pipelines'

export const pipelinesRoutes = (pipelines: PipelinesService): RouteRecord[] => [
  route({
    method: 'POST',
    path: '/v1/pipelines',
    permission: 'models:write',
    tag,
    summary: 'Register a pipeline of models as a version of a model',
    body: PipelineInput,
    returns: ModelVersion,
    status: 201,
    idempotent: true,
    handle: ({ principal, body }) => pipelines.create(principal, body),
  }),
  route({
    method: 'POST',
    path: '/v1/pipelines/check',
    permission: 'models:read',
    tag,
    summary: 'What a pipeline takes and says, and what it says of some rows; nothing is kept',
    body: PipelineCheck,
    returns: PipelineChecked,
    handle: ({ principal, body }) => pipelines.check(principal, body),
  }),
  route({
    method: 'GET',
    path: '/v1/endpoints/:endpoint/pipeline',
    permission: 'endpoints:read',
    tag,
    summary: 'The pipeline that an endpoint serves, and how long its steps take',
    query: InProject,
    returns: PipelineOfEndpoint,
    handle: ({ principal, params, query }) => pipelines.ofEndpoint(principal, params.endpoint, query.project),
  }),
]
