import * as z from 'zod'
import { PageQuery, pageOf } from '../../kernel/paging.ts'
import { type RouteRecord, route } from '../../kernel/route.ts'
import { Member, Name, Project, ProjectInput, RoleName } from './schema.ts'
import type { AuthService } from './service.ts'

const ProjectPatch = z
  .object({ name: Name, description: z.string().max(20_000), visibility: z.enum(['team', 'institution']) })
  .partial()
const Members = z.object({ items: z.array(Member) })

export const projectRoutes = (auth: AuthService): RouteRecord[] => [
  route({
    method: 'GET',
    path: '/v1/projects',
    permission: 'projects:list',
    summary: 'Projects that you see',
    tag: 'projects',
    query: PageQuery,
    returns: pageOf(Project),
    handle: ({ principal, query }) => auth.projects.list(principal, query),
  }),
  route({
    method: 'POST',
    path: '/v1/projects',
    permission: 'projects:create',
    summary: 'Make a project; you are its admin',
    tag: 'projects',
    idempotent: true,
    body: ProjectInput,
    returns: Project,
    status: 201,
    handle: ({ principal, body }) => auth.projects.create(principal, body),
  }),
  route({
    method: 'GET',
    path: '/v1/projects/:project',
    permission: 'projects:read',
    summary: 'One project, with how much is in it',
    tag: 'projects',
    returns: Project,
    handle: ({ principal, params }) => auth.projects.read(principal, params.project),
  }),
  route({
    method: 'PATCH',
    path: '/v1/projects/:project',
    permission: 'projects:manage',
    summary: 'Change a project',
    tag: 'projects',
    body: ProjectPatch,
    returns: Project,
    handle: ({ principal, params, body }) => auth.projects.change(principal, params.project, body),
  }),
  route({
    method: 'DELETE',
    path: '/v1/projects/:project',
    permission: 'projects:manage',
    summary: 'Remove a project and all that is in it from sight',
    tag: 'projects',
    returns: 'nothing',
    handle: ({ principal, params }) => auth.projects.remove(principal, params.project),
  }),
  route({
    method: 'GET',
    path: '/v1/projects/:project/members',
    permission: 'projects:read',
    summary: 'Who takes part in a project, and as what',
    tag: 'projects',
    returns: Members,
    handle: async ({ principal, params }) => ({ items: await auth.projects.members(principal, params.project) }),
  }),
  route({
    method: 'PUT',
    path: '/v1/projects/:project/members/:member',
    permission: 'projects:manage',
    summary: 'Give a person or a team a role in a project',
    tag: 'projects',
    body: z.object({ role: RoleName }),
    returns: Members,
    handle: async ({ principal, params, body }) => {
      const kind = params.member.startsWith('team_') ? 'team' : 'user'
      return { items: await auth.projects.setMember(principal, params.project, { kind, id: params.member, role: body.role }) }
    },
  }),
  route({
    method: 'DELETE',
    path: '/v1/projects/:project/members/:member',
    permission: 'projects:manage',
    summary: 'Take a person or a team out of a project',
    tag: 'projects',
    returns: Members,
    handle: async ({ principal, params }) => ({
      items: await auth.projects.removeMember(principal, params.project, params.member),
    }),
  }),
]
