import { type RouteRecord, route } from '../../kernel/route.ts'
import { InProject } from '../auth/schema.ts'
import type { ServingExportService } from './service.ts'

export const servingExportRoutes = ({ archive }: ServingExportService): RouteRecord[] => [
  route({
    method: 'GET',
    path: '/v1/endpoints/:endpoint/export',
    permission: 'models:read',
    tag: 'endpoints',
    summary: 'The endpoint as a folder (tar) that answers without this platform: server, Dockerfile, Kubernetes manifests',
    query: InProject,
    returns: 'stream',
    handle: ({ principal, params, query }) => archive(principal, params.endpoint, query.project),
  }),
]
