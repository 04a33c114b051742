import * as z from 'zod'
import { PageQuery, pageOf } from '../../kernel/paging.ts'
import { type RouteRecord, route } from '../../kernel/route.ts'
import { InProject, Ref, ResourcePatch } from '../auth/schema.ts'
import type { RegisterWeightsService } from './register-weights.ts'
import { CellRows, GoalProgress, Model, ModelVersion, Promotion, RegisterWeights, VersionDetails } from './schema.ts'
import type { RegistryService } from './service.ts'
import type { VersionFiles } from './version-files.ts'

/** A version in a path: by number within its model, or by its own id. */
export const versionRef = ({ model, version }: { model: string; version: string }) =>
  version.startsWith('mdv_') ? version : `${model}:${version}`

export const registryRoutes = ({
  registry,
  files,
  brought,
}: {
  registry: RegistryService
  files: VersionFiles
  brought: RegisterWeightsService
}): RouteRecord[] => [
  route({
    method: 'GET',
    path: '/v1/models',
    permission: 'models:read',
    tag: 'models',
    summary: 'Models, newest first',
    query: PageQuery.extend({ project: Ref.optional(), target: Ref.optional(), q: z.string().trim().min(1).max(200).optional() }),
    returns: pageOf(Model),
    handle: ({ principal, query }) => registry.list(principal, query),
  }),
  route({
    method: 'GET',
    path: '/v1/models/:model',
    permission: 'models:read',
    tag: 'models',
    summary: 'One model with its newest version and its champion',
    query: InProject,
    returns: Model,
    handle: ({ principal, params, query }) => registry.get(principal, params.model, query.project),
  }),
  route({
    method: 'PATCH',
    path: '/v1/models/:model',
    permission: 'models:write',
    tag: 'models',
    summary: 'Change what a model says of itself',
    query: InProject,
    body: ResourcePatch,
    returns: Model,
    handle: ({ principal, params, query, body }) => registry.patch(principal, params.model, body, query.project),
  }),
  route({
    method: 'DELETE',
    path: '/v1/models/:model',
    permission: 'models:write',
    tag: 'models',
    summary: 'Put a model in the bin',
    query: InProject,
    returns: 'nothing',
    status: 204,
    handle: ({ principal, params, query }) => registry.remove(principal, params.model, query.project),
  }),
  route({
    method: 'GET',
    path: '/v1/models/:model/versions',
    permission: 'models:read',
    tag: 'models',
    summary: 'Versions of a model, newest first',
    query: PageQuery.extend({ project: Ref.optional() }),
    returns: pageOf(ModelVersion),
    handle: ({ principal, params, query }) => registry.versions(principal, params.model, query, query.project),
  }),
  route({
    method: 'GET',
    path: '/v1/models/:model/versions/:version',
    permission: 'models:read',
    tag: 'models',
    summary: 'One version: evidence, package, state',
    query: InProject,
    returns: ModelVersion,
    handle: ({ principal, params, query }) => registry.resolveVersion(principal, versionRef(params), query.project),
  }),
  route({
    method: 'GET',
    path: '/v1/models/:model/versions/:version/details',
    permission: 'models:read',
    tag: 'models',
    summary: 'Evaluation, training, explanation and recipe of a version',
    query: InProject,
    returns: VersionDetails,
    handle: ({ principal, params, query }) => files.details(principal, versionRef(params), query.project),
  }),
  route({
    method: 'GET',
    path: '/v1/models/:model/versions/:version/card',
    permission: 'models:read',
    tag: 'models',
    summary: 'The model card, in Markdown',
    query: InProject,
    returns: 'stream',
    handle: async ({ principal, params, query }) => ({
      contentType: 'text/markdown; charset=utf-8',
      body: await files.card(principal, versionRef(params), query.project),
    }),
  }),
  route({
    method: 'GET',
    path: '/v1/models/:model/versions/:version/files/:path',
    permission: 'models:read',
    tag: 'models',
    summary: 'Download a file of the package',
    query: InProject,
    returns: 'stream',
    handle: ({ principal, params, query }) => files.file(principal, versionRef(params), params.path, query.project),
  }),
  route({
    method: 'GET',
    path: '/v1/models/:model/versions/:version/package',
    permission: 'models:read',
    tag: 'models',
    summary: 'Download the package as one tar archive',
    query: InProject,
    returns: 'stream',
    handle: ({ principal, params, query }) => files.archive(principal, versionRef(params), query.project),
  }),
  route({
    method: 'GET',
    path: '/v1/models/:model/versions/:version/rows',
    permission: 'datasets:read',
    tag: 'models',
    summary: 'Sealed rows in one cell of the confusion matrix',
    query: InProject.extend({ actual: z.string().max(200), predicted: z.string().max(200) }),
    returns: CellRows,
    handle: ({ principal, params, query }) => files.rowsOfCell(principal, versionRef(params), query, query.project),
  }),
  route({
    method: 'POST',
    path: '/v1/models/:model/versions/:version/promote',
    permission: 'models:write',
    tag: 'models',
    summary: 'Approve, deprecate or archive a version; refused while the evidence speaks against it',
    query: InProject,
    body: Promotion,
    returns: ModelVersion,
    handle: ({ principal, params, query, body }) => registry.promote(principal, versionRef(params), body, query.project),
  }),
  route({
    method: 'POST',
    path: '/v1/weights/:weights/register',
    permission: 'models:write',
    tag: 'models',
    summary: 'Make a version of a model of weights that were brought, to serve them as they are (GGUF)',
    query: InProject,
    body: RegisterWeights,
    returns: ModelVersion,
    status: 201,
    idempotent: true,
    handle: ({ principal, params, query, body }) => brought.register(principal, params.weights, body, query.project),
  }),
  route({
    method: 'GET',
    path: '/v1/goals/:goal/progress',
    permission: 'goals:read',
    tag: 'goals',
    summary: 'How far every model of a goal is from it',
    query: InProject,
    returns: GoalProgress,
    handle: ({ principal, params, query }) => registry.goalProgress(principal, params.goal, query.project),
  }),
]
