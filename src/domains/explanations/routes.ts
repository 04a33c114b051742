import { type RouteRecord, route } from '../../kernel/route.ts'
import { InProject } from '../auth/schema.ts'
import { versionRef } from '../registry/routes.ts'
import type { heldOutRows } from './held-out.ts'
import { ExplainInput, ExplainOutput, HeldOut, HeldOutQuery } from './schema.ts'
import type { ExplanationsService } from './service.ts'

export const explanationsRoutes = ({
  explanations,
  heldOut,
}: {
  explanations: ExplanationsService
  heldOut: ReturnType<typeof heldOutRows>
}): RouteRecord[] => [
  route({
    method: 'GET',
    path: '/v1/models/:model/versions/:version/held-out',
    permission: 'datasets:read',
    tag: 'models',
    summary: 'Sealed rows of a version and what it said of them',
    query: InProject.extend(HeldOutQuery.shape),
    returns: HeldOut,
    handle: ({ principal, params, query }) => heldOut(principal, versionRef(params), query, query.project),
  }),
  route({
    method: 'POST',
    path: '/v1/models/:model/versions/:version/explain',
    permission: 'models:read',
    tag: 'models',
    summary: 'Why a version answers as it does for rows: contributions of the columns',
    query: InProject,
    body: ExplainInput,
    returns: ExplainOutput,
    handle: ({ principal, params, query, body }) => explanations.explain(principal, versionRef(params), body, query.project),
  }),
]
