import { type RouteRecord, route } from '../../kernel/route.ts'
import { InProject } from '../auth/schema.ts'
import { versionRef } from '../registry/routes.ts'
import type { GradientsService } from './gradients.ts'
import type { heldOutRows } from './held-out.ts'
import type { nearestRows } from './nearest.ts'
import {
  Dependence,
  DependenceInput,
  ExplainInput,
  ExplainOutput,
  Gradients,
  GradientsInput,
  HeldOut,
  HeldOutQuery,
  Nearest,
  NearestInput,
} from './schema.ts'
import type { ExplanationsService } from './service.ts'

export const explanationsRoutes = ({
  explanations,
  gradients,
  heldOut,
  nearest,
}: {
  explanations: ExplanationsService
  gradients: GradientsService
  heldOut: ReturnType<typeof heldOutRows>
  nearest: ReturnType<typeof nearestRows>
}): RouteRecord[] => [
  route({
    method: 'POST',
    path: '/v1/models/:model/versions/:version/dependence',
    permission: 'models:read',
    tag: 'models',
    summary: 'How the answer moves with a column, row by row and on the mean, or with two columns at once',
    query: InProject,
    body: DependenceInput,
    returns: Dependence,
    handle: ({ principal, params, query, body }) => explanations.dependence(principal, versionRef(params), body, query.project),
  }),
  route({
    method: 'POST',
    path: '/v1/models/:model/versions/:version/nearest',
    permission: 'datasets:read',
    tag: 'models',
    summary: 'Training rows nearest to a row, by the columns that move the answers',
    query: InProject,
    body: NearestInput,
    returns: Nearest,
    handle: ({ principal, params, query, body }) => nearest(principal, versionRef(params), body, query.project),
  }),
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
    path: '/v1/models/:model/versions/:version/gradients',
    permission: 'models:read',
    tag: 'models',
    summary: 'What a network answers for, by its gradients: columns, words or pixels',
    query: InProject,
    body: GradientsInput,
    returns: Gradients,
    handle: ({ principal, params, query, body }) => gradients.gradients(principal, versionRef(params), body, query.project),
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
