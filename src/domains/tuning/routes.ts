import { type RouteRecord, route } from '../../kernel/route.ts'
import { Search } from './schema.ts'
import type { TuningService } from './service.ts'

export const tuningRoutes = (tuning: TuningService): RouteRecord[] => [
  route({
    method: 'GET',
    path: '/v1/searches/:search',
    permission: 'training:read',
    tag: 'training',
    summary: 'A search for parameters with its trials, by its id or the id of its job',
    returns: Search,
    handle: ({ principal, params }) => tuning.get(principal, params.search),
  }),
]
