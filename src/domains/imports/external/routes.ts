import { type RouteRecord, route } from '../../../kernel/route.ts'
import { ModelVersion } from '../../registry/schema.ts'
import { ExternalInput } from './schema.ts'
import type { ExternalsService } from './service.ts'

export const externalsRoutes = (externals: ExternalsService): RouteRecord[] => [
  route({
    method: 'POST',
    path: '/v1/imports/external',
    permission: 'models:write',
    tag: 'models',
    summary:
      'Register a model that answers elsewhere (OpenAI-compatible, or rows over HTTP), once an administrator allows its host',
    body: ExternalInput,
    returns: ModelVersion,
    status: 201,
    idempotent: true,
    handle: ({ principal, body }) => externals.register(principal, body),
  }),
]
