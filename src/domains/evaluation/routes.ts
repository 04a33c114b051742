import { type RouteRecord, route } from '../../kernel/route.ts'
import { InProject } from '../auth/schema.ts'
import { CompareInput, VersionComparison } from './schema.ts'
import type { EvaluationService } from './service.ts'

export const evaluationRoutes = (evaluation: EvaluationService): RouteRecord[] => [
  route({
    method: 'POST',
    path: '/v1/evaluations/compare',
    permission: 'models:read',
    tag: 'models',
    summary: 'Two versions on the same sealed rows: difference, interval, paired test',
    query: InProject,
    body: CompareInput,
    returns: VersionComparison,
    handle: ({ principal, query, body }) => evaluation.compare(principal, body, query.project),
  }),
]
