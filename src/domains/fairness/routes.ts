import { type RouteRecord, route } from '../../kernel/route.ts'
import { InProject } from '../auth/schema.ts'
import { BiasReport, DataBiasInput, ModelBiasInput } from './schema.ts'
import type { FairnessService } from './service.ts'

const tag = 'bias'

export const fairnessRoutes = ({ fairness }: { fairness: FairnessService }): RouteRecord[] => [
  route({
    method: 'POST',
    path: '/v1/bias/data',
    permission: 'datasets:read',
    tag,
    summary: 'Before training: how labels are spread over groups',
    query: InProject,
    body: DataBiasInput,
    returns: BiasReport,
    handle: ({ principal, query, body, request }) => fairness.ofData(principal, body, query.project, request.signal),
  }),
  route({
    method: 'POST',
    path: '/v1/bias/models',
    permission: 'models:read',
    tag,
    summary: 'After training: how a version treats groups, on its sealed rows',
    query: InProject,
    body: ModelBiasInput,
    returns: BiasReport,
    handle: ({ principal, query, body, request }) => fairness.ofModel(principal, body, query.project, request.signal),
  }),
]
