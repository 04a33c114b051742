import { PageQuery, pageOf } from '../../kernel/paging.ts'
import { type RouteRecord, route } from '../../kernel/route.ts'
import { InProject, Ref } from '../auth/schema.ts'
import { Weights, WeightsCreated, WeightsInput } from './schema.ts'
import type { WeightsService } from './service.ts'

export const weightsRoutes = ({ weights }: { weights: WeightsService }): RouteRecord[] => [
  route({
    method: 'GET',
    path: '/v1/weights',
    permission: 'weights:read',
    tag: 'weights',
    summary: 'Weights that trainings can begin with, newest first',
    query: PageQuery.extend({ project: Ref.optional() }),
    returns: pageOf(Weights),
    handle: ({ principal, query }) => weights.list(principal, query),
  }),
  route({
    method: 'POST',
    path: '/v1/weights',
    permission: 'weights:write',
    tag: 'weights',
    summary: 'Add weights from an upload or a folder of the server; a job unpacks and checks them',
    body: WeightsInput,
    returns: WeightsCreated,
    status: 202,
    idempotent: true,
    handle: ({ principal, body }) => weights.create(principal, body),
  }),
  route({
    method: 'GET',
    path: '/v1/weights/:weights',
    permission: 'weights:read',
    tag: 'weights',
    summary: 'One set of weights: its files, where it is from, its licence',
    query: InProject,
    returns: Weights,
    handle: ({ principal, params, query }) => weights.get(principal, params.weights, query.project),
  }),
  route({
    method: 'DELETE',
    path: '/v1/weights/:weights',
    permission: 'weights:write',
    tag: 'weights',
    summary: 'Put weights in the bin; models that were made with them stay',
    query: InProject,
    returns: 'nothing',
    status: 204,
    handle: ({ principal, params, query }) => weights.remove(principal, params.weights, query.project),
  }),
]
