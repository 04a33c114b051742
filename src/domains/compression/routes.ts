import * as z from 'zod'
import { type RouteRecord, route } from '../../kernel/route.ts'
import { InProject } from '../auth/schema.ts'
import { Job } from '../jobs/schema.ts'
import { versionRef } from '../registry/routes.ts'
import type { LadderService } from './ladder/service.ts'
import { CompressionCreated, CompressionInput, Ladder, LadderInput, LadderQuery } from './schema.ts'
import type { CompressionService } from './service.ts'

export const compressionRoutes = ({
  compression,
  ladders,
}: {
  compression: CompressionService
  ladders: LadderService
}): RouteRecord[] => [
  route({
    method: 'POST',
    path: '/v1/models/:model/versions/:version/compressions',
    permission: 'training:create',
    tag: 'models',
    summary: 'Make a smaller or faster version from a version: quantise, prune, distil, trim',
    query: InProject,
    body: CompressionInput,
    returns: CompressionCreated,
    status: 202,
    idempotent: true,
    handle: ({ principal, params, query, body }) => compression.create(principal, versionRef(params), body, query.project),
  }),
  route({
    method: 'GET',
    path: '/v1/models/:model/versions/:version/ladder',
    permission: 'models:read',
    tag: 'models',
    summary: 'A version and what was made from it: quality, speed, size, and which one a rule picks',
    query: LadderQuery,
    returns: Ladder,
    handle: ({ principal, params, query }) => ladders.get(principal, versionRef(params), query),
  }),
  route({
    method: 'POST',
    path: '/v1/models/:model/versions/:version/ladder',
    permission: 'training:create',
    tag: 'models',
    summary: 'Measure how fast a version and what was made from it answer on this machine',
    query: InProject,
    body: LadderInput,
    returns: z.object({ job: Job }),
    status: 202,
    handle: async ({ principal, params, query, body }) => ({
      job: await ladders.measure(principal, versionRef(params), body, query.project),
    }),
  }),
]
