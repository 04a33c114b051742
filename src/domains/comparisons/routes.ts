import { type RouteRecord, route } from '../../kernel/route.ts'
import { ComparisonCreated, ComparisonInput } from './schema.ts'
import type { ComparisonsService } from './service.ts'

export const comparisonsRoutes = (comparisons: ComparisonsService): RouteRecord[] => [
  route({
    method: 'POST',
    path: '/v1/comparisons',
    permission: 'training:create',
    tag: 'models',
    summary: 'Which algorithm or version is better: repeated folds, corrected paired tests; the job’s result is the verdict',
    body: ComparisonInput,
    returns: ComparisonCreated,
    status: 202,
    idempotent: true,
    handle: ({ principal, body }) => comparisons.create(principal, body),
  }),
]
