import * as z from 'zod'
import { PageQuery, pageOf } from '../../kernel/paging.ts'
import { type RouteRecord, route } from '../../kernel/route.ts'
import { InProject, Ref } from '../auth/schema.ts'
import { Transform, TransformInput, TransformPreview } from './schema.ts'
import type { TransformsService } from './service.ts'

const tag = 'transforms'

export const transformsRoutes = (transforms: TransformsService): RouteRecord[] => [
  route({
    method: 'GET',
    path: '/v1/transforms',
    permission: 'transforms:read',
    tag,
    summary: 'Batch transforms, newest first',
    query: PageQuery.extend({ project: Ref.optional(), endpoint: Ref.optional(), model: Ref.optional() }),
    returns: pageOf(Transform),
    handle: ({ principal, query }) => transforms.list(principal, query),
  }),
  route({
    method: 'POST',
    path: '/v1/transforms',
    permission: 'transforms:write',
    tag,
    summary: 'Let a model or an endpoint predict every row of a data set or a file; a job does it',
    body: TransformInput,
    returns: Transform,
    status: 202,
    idempotent: true,
    handle: ({ principal, body }) => transforms.create(principal, body),
  }),
  route({
    method: 'GET',
    path: '/v1/transforms/:transform',
    permission: 'transforms:read',
    tag,
    summary: 'One batch transform: how far it is, what it made',
    query: InProject,
    returns: Transform,
    handle: ({ principal, params, query }) => transforms.get(principal, params.transform, query.project),
  }),
  route({
    method: 'POST',
    path: '/v1/transforms/:transform/cancel',
    permission: 'transforms:write',
    tag,
    summary: 'End a batch transform that waits or runs',
    query: InProject,
    returns: Transform,
    handle: ({ principal, params, query }) => transforms.cancel(principal, params.transform, query.project),
  }),
  route({
    method: 'GET',
    path: '/v1/transforms/:transform/result',
    permission: 'transforms:read',
    tag,
    summary: 'The file of predictions',
    query: InProject,
    returns: 'stream',
    handle: ({ principal, params, query }) => transforms.download(principal, params.transform, query.project),
  }),
  route({
    method: 'GET',
    path: '/v1/transforms/:transform/rows',
    permission: 'transforms:read',
    tag,
    summary: 'Some rows of the predictions',
    query: InProject.extend({
      offset: z.coerce.number().int().min(0).max(1e10).default(0),
      limit: z.coerce.number().int().min(1).max(200).default(20),
    }),
    returns: TransformPreview,
    handle: ({ principal, params, query, request }) => transforms.preview(principal, params.transform, query, request.signal),
  }),
  route({
    method: 'DELETE',
    path: '/v1/transforms/:transform',
    permission: 'transforms:write',
    tag,
    summary: 'Put a batch transform and its file in the bin',
    query: InProject,
    returns: 'nothing',
    status: 204,
    handle: ({ principal, params, query }) => transforms.remove(principal, params.transform, query.project),
  }),
]
