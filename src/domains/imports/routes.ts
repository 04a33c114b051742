import { type RouteRecord, route } from '../../kernel/route.ts'
import { ImportCreated, ImportInput, InspectInput, Inspection } from './schema.ts'
import type { ImportsService } from './service.ts'

export const importsRoutes = (imports: ImportsService): RouteRecord[] => [
  route({
    method: 'POST',
    path: '/v1/imports/inspect',
    permission: 'models:write',
    tag: 'models',
    summary: 'Say what an uploaded model is and what must be said before it can be imported; nothing of it is run',
    body: InspectInput,
    returns: Inspection,
    handle: ({ principal, body }) => imports.inspect(principal, body),
  }),
  route({
    method: 'POST',
    path: '/v1/imports',
    permission: 'models:write',
    tag: 'models',
    summary:
      'Import a model from an upload or a folder of the server: a job converts it, compares it with the original and registers it',
    body: ImportInput,
    returns: ImportCreated,
    status: 202,
    idempotent: true,
    handle: ({ principal, body }) => imports.create(principal, body),
  }),
]
