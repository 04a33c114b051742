import { type RouteRecord, route } from '../../../kernel/route.ts'
import { LogExportQuery, LogPage, LogQuery } from './schema.ts'
import type { PredictionLog } from './service.ts'

const tag = 'endpoints'

export const logRoutes = (log: PredictionLog): RouteRecord[] => [
  route({
    method: 'GET',
    path: '/v1/endpoints/:endpoint/log',
    permission: 'endpoints:read',
    tag,
    summary: 'Captured predictions that meet a filter, newest first, with what turned out',
    query: LogQuery,
    returns: LogPage,
    handle: ({ principal, params, query }) => log.search(principal, params.endpoint, query),
  }),
  route({
    method: 'GET',
    path: '/v1/endpoints/:endpoint/log/export',
    permission: 'endpoints:read',
    tag,
    summary: 'All captured predictions that meet a filter, with what turned out, as CSV or Parquet',
    query: LogExportQuery,
    returns: 'stream',
    handle: ({ principal, params, query, request }) => log.exportLog(principal, params.endpoint, query, request.signal),
  }),
]
