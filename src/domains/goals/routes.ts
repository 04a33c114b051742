import * as z from 'zod'
import { PageQuery, pageOf } from '../../kernel/paging.ts'
import { type RouteRecord, route } from '../../kernel/route.ts'
import { InProject, Ref } from '../auth/schema.ts'
import { Goal, GoalInput, GoalPatch } from './schema.ts'
import type { GoalsService } from './service.ts'

export const goalsRoutes = (goals: GoalsService): RouteRecord[] => [
  route({
    method: 'GET',
    path: '/v1/goals',
    permission: 'goals:read',
    tag: 'goals',
    summary: 'Goals, newest first',
    query: PageQuery.extend({ project: Ref.optional(), dataset: Ref.optional() }),
    returns: pageOf(Goal),
    handle: ({ principal, query }) => goals.list(principal, query),
  }),
  route({
    method: 'POST',
    path: '/v1/goals',
    permission: 'goals:write',
    tag: 'goals',
    summary: 'State a goal: target, metric, how much of it, what mistakes cost',
    body: GoalInput,
    returns: Goal,
    status: 201,
    idempotent: true,
    handle: ({ principal, body }) => goals.create(principal, body),
  }),
  route({
    method: 'GET',
    path: '/v1/goals/:goal',
    permission: 'goals:read',
    tag: 'goals',
    summary: 'One goal',
    query: InProject,
    returns: Goal,
    handle: ({ principal, params, query }) => goals.get(principal, params.goal, query.project),
  }),
  route({
    method: 'PATCH',
    path: '/v1/goals/:goal',
    permission: 'goals:write',
    tag: 'goals',
    summary: 'Change the name, metric, bound or costs of a goal',
    query: InProject,
    body: GoalPatch,
    returns: Goal,
    handle: ({ principal, params, query, body }) => goals.patch(principal, params.goal, body, query.project),
  }),
  route({
    method: 'DELETE',
    path: '/v1/goals/:goal',
    permission: 'goals:write',
    tag: 'goals',
    summary: 'Put a goal in the bin',
    query: z.object({ project: Ref.optional() }),
    returns: 'nothing',
    status: 204,
    handle: ({ principal, params, query }) => goals.remove(principal, params.goal, query.project),
  }),
]
