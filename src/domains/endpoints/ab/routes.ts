import { type RouteRecord, route } from '../../../kernel/route.ts'
import { InProject } from '../../auth/schema.ts'
import { AbQuery, AbTest } from './schema.ts'
import type { AbService } from './service.ts'

export const abRoutes = (ab: AbService): RouteRecord[] => [
  route({
    method: 'GET',
    path: '/v1/endpoints/:endpoint/ab',
    permission: 'endpoints:read',
    tag: 'endpoints',
    summary: 'Which variant does better by what turned out to be true; looking often does not make it lie',
    query: InProject.extend(AbQuery.shape),
    returns: AbTest,
    handle: ({ principal, params, query }) => ab(principal, params.endpoint, query, query.project),
  }),
]
