import { pageOf } from '../../kernel/paging.ts'
import { type RouteRecord, route } from '../../kernel/route.ts'
import { InProject } from '../auth/schema.ts'
import { Job, JobEventsQuery, JobListQuery, JobLog, JobLogQuery, RuntimeList } from './schema.ts'
import type { JobsService } from './service.ts'

/** `/v1/jobs` and `/v1/runtimes`. */
export const jobsRoutes = (jobs: JobsService): RouteRecord[] => [
  route({
    method: 'GET',
    path: '/v1/jobs',
    permission: 'jobs:read',
    tag: 'jobs',
    summary: 'Jobs, newest first',
    query: JobListQuery,
    returns: pageOf(Job),
    handle: ({ principal, query }) => jobs.list(principal, query),
  }),
  route({
    method: 'GET',
    path: '/v1/jobs/:job',
    permission: 'jobs:read',
    tag: 'jobs',
    summary: 'One job, with its progress, estimate and cost',
    returns: Job,
    handle: ({ principal, params }) => jobs.get(principal, params.job),
  }),
  route({
    method: 'GET',
    path: '/v1/jobs/:job/events',
    permission: 'jobs:read',
    tag: 'jobs',
    summary: "A job's events as they happen (server-sent); goes on after Last-Event-ID",
    query: JobEventsQuery,
    returns: 'events',
    handle: ({ principal, params, query, request }) =>
      jobs.follow(principal, params.job, query.after ?? lastEventId(request.headers), request.signal),
  }),
  route({
    method: 'GET',
    path: '/v1/jobs/:job/log',
    permission: 'jobs:read',
    tag: 'jobs',
    summary: "A job's events from a number on",
    query: JobLogQuery,
    returns: JobLog,
    handle: ({ principal, params, query }) => jobs.log(principal, params.job, query),
  }),
  route({
    method: 'POST',
    path: '/v1/jobs/:job/cancel',
    permission: 'jobs:cancel',
    tag: 'jobs',
    summary: 'Cancel a job: at once when it waits, within 120 seconds when it runs',
    returns: Job,
    handle: ({ principal, params }) => jobs.cancel(principal, params.job),
  }),
  route({
    method: 'POST',
    path: '/v1/jobs/:job/retry',
    permission: 'jobs:cancel',
    tag: 'jobs',
    summary: 'Put a failed or cancelled job back into the queue',
    returns: Job,
    handle: ({ principal, params }) => jobs.retry(principal, params.job),
  }),
  route({
    method: 'GET',
    path: '/v1/runtimes',
    permission: 'runtimes:read',
    tag: 'jobs',
    summary: 'Python environments, and how far jobs are confined on this machine',
    returns: RuntimeList,
    handle: ({ principal }) => jobs.runtimes.list(principal),
  }),
  route({
    method: 'POST',
    path: '/v1/runtimes/:runtime',
    permission: 'runtimes:build',
    tag: 'jobs',
    summary: 'Build a Python environment now, as a job',
    query: InProject,
    returns: Job,
    status: 202,
    idempotent: true,
    handle: async ({ principal, params, query }) =>
      jobs.get(principal, await jobs.runtimes.build(principal, params.runtime, query.project)),
  }),
]

/** A browser that lost the connection says where it was. */
function lastEventId(headers: Record<string, string | string[] | undefined>): number {
  const id = Number(headers['last-event-id'])
  return Number.isInteger(id) && id > 0 ? id : 0
}
