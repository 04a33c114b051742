import { type RouteRecord, route } from '../../kernel/route.ts'
import { InProject, Ref } from '../auth/schema.ts'
import type { PoliciesService } from './policies.ts'
import {
  BiasReport,
  DataBiasInput,
  KeptReports,
  ModelBiasInput,
  Policies,
  Policy,
  PolicyInput,
  PolicyOutcomes,
} from './schema.ts'
import type { FairnessService } from './service.ts'

const tag = 'bias'

const OfModel = InProject.extend({ model: Ref })

export const fairnessRoutes = ({
  fairness,
  policies,
}: {
  fairness: FairnessService
  policies: PoliciesService
}): RouteRecord[] => [
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
  route({
    method: 'GET',
    path: '/v1/bias/reports',
    permission: 'models:read',
    tag,
    summary: 'Reports that were kept with a version, newest first',
    query: OfModel,
    returns: KeptReports,
    handle: ({ principal, query }) => fairness.kept(principal, query.model, query.project),
  }),
  route({
    method: 'DELETE',
    path: '/v1/bias/reports/:report',
    permission: 'models:write',
    tag,
    summary: 'Forget a kept report',
    returns: 'nothing',
    status: 204,
    handle: ({ principal, params }) => fairness.removeKept(principal, params.report),
  }),
  route({
    method: 'GET',
    path: '/v1/bias/policies',
    permission: 'models:read',
    tag,
    summary: 'What the project demands of its models',
    query: InProject,
    returns: Policies,
    handle: ({ principal, query }) => policies.list(principal, query.project),
  }),
  route({
    method: 'POST',
    path: '/v1/bias/policies',
    permission: 'models:approve',
    tag,
    summary: 'Demand bounds on how models treat groups; looked at when a version is promoted or deployed',
    body: PolicyInput,
    returns: Policy,
    status: 201,
    idempotent: true,
    handle: ({ principal, body }) => policies.create(principal, body),
  }),
  route({
    method: 'DELETE',
    path: '/v1/bias/policies/:policy',
    permission: 'models:approve',
    tag,
    summary: 'Demand it no longer',
    returns: 'nothing',
    status: 204,
    handle: ({ principal, params }) => policies.remove(principal, params.policy),
  }),
  route({
    method: 'GET',
    path: '/v1/bias/check',
    permission: 'models:read',
    tag,
    summary: 'How a version stands with the policies that bind it',
    query: OfModel,
    returns: PolicyOutcomes,
    handle: ({ principal, query }) => policies.check(principal, query.model, query.project),
  }),
]
