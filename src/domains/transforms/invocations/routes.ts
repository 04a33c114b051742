import { pageOf } from '../../../kernel/paging.ts'
import { type RouteRecord, route } from '../../../kernel/route.ts'
import { InProject } from '../../auth/schema.ts'
import { Invocation, InvocationList, InvocationQuery, Queue, QueueInput, QueueSecret } from './schema.ts'
import type { InvocationsService } from './service.ts'

const tag = 'invocations'

export const invocationsRoutes = (invocations: InvocationsService): RouteRecord[] => [
  route({
    method: 'POST',
    path: '/v1/endpoints/:endpoint/invocations',
    permission: 'endpoints:predict',
    tag,
    summary: 'Ask an endpoint and fetch the answer later: the body of /predict, or a file. Takes an Idempotency-Key',
    query: InvocationQuery,
    body: 'bytes',
    returns: Invocation,
    status: 202,
    handle: ({ principal, params, query, body, request }) =>
      invocations.submit(principal, params.endpoint, { body, query, headers: request.headers }),
  }),
  route({
    method: 'GET',
    path: '/v1/endpoints/:endpoint/invocations',
    permission: 'endpoints:predict',
    tag,
    summary: 'Your invocations of an endpoint, newest first; for editors everybody’s',
    query: InvocationList,
    returns: pageOf(Invocation),
    handle: ({ principal, params, query }) => invocations.list(principal, params.endpoint, query),
  }),
  route({
    method: 'GET',
    path: '/v1/endpoints/:endpoint/queue',
    permission: 'endpoints:read',
    tag,
    summary: 'How invocations of an endpoint are worked off, and how many wait',
    query: InProject,
    returns: Queue,
    handle: ({ principal, params, query }) => invocations.queue(principal, params.endpoint, query.project),
  }),
  route({
    method: 'PUT',
    path: '/v1/endpoints/:endpoint/queue',
    permission: 'endpoints:write',
    tag,
    summary: 'How many at once, how often tried, how long they wait and are kept',
    query: InProject,
    body: QueueInput,
    returns: Queue,
    handle: ({ principal, params, query, body }) => invocations.setQueue(principal, params.endpoint, body, query.project),
  }),
  route({
    method: 'POST',
    path: '/v1/endpoints/:endpoint/queue/secret',
    permission: 'endpoints:write',
    tag,
    summary: 'A new secret that webhooks are signed with; told this once',
    query: InProject,
    returns: QueueSecret,
    handle: ({ principal, params, query }) => invocations.newSecret(principal, params.endpoint, query.project),
  }),
  route({
    method: 'GET',
    path: '/v1/invocations/:invocation',
    permission: 'endpoints:predict',
    tag,
    summary: 'One invocation: where it stands, and its result',
    returns: Invocation,
    handle: ({ principal, params }) => invocations.get(principal, params.invocation),
  }),
  route({
    method: 'GET',
    path: '/v1/invocations/:invocation/result',
    permission: 'endpoints:predict',
    tag,
    summary: 'What /predict would have answered, as a file',
    returns: 'stream',
    handle: ({ principal, params }) => invocations.result(principal, params.invocation),
  }),
  route({
    method: 'POST',
    path: '/v1/invocations/:invocation/cancel',
    permission: 'endpoints:predict',
    tag,
    summary: 'End an invocation that waits or runs',
    returns: Invocation,
    handle: ({ principal, params }) => invocations.cancel(principal, params.invocation),
  }),
]
