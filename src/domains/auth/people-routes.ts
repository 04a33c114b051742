import * as z from 'zod'
import { PageQuery, pageOf } from '../../kernel/paging.ts'
import { type RouteRecord, route } from '../../kernel/route.ts'
import { toIso } from '../../kernel/time.ts'
import { Name, Team, User, UserInput } from './schema.ts'
import type { AuthService } from './service.ts'
import { invitationMs } from './sign-in.ts'

const UserPatch = z
  .object({
    name: UserInput.shape.name,
    email: z.email().max(254).nullable(),
    isPlatformAdmin: z.boolean(),
    state: z.enum(['active', 'disabled']),
  })
  .partial()

const SignInLink = z.object({
  link: z.string().describe('The secret: the person opens <address>/sign-in#link=<secret>'),
  path: z.string(),
  expiresAt: z.string(),
})

export const peopleRoutes = (auth: AuthService): RouteRecord[] => [
  route({
    method: 'GET',
    path: '/v1/users',
    permission: 'users:read',
    summary: 'People',
    tag: 'users',
    query: PageQuery,
    returns: pageOf(User),
    handle: ({ query }) => auth.users.list(query),
  }),
  route({
    method: 'POST',
    path: '/v1/users',
    permission: 'users:manage',
    summary: 'Invite a person',
    tag: 'users',
    idempotent: true,
    body: UserInput,
    returns: User,
    status: 201,
    handle: ({ principal, body }) => auth.users.create(principal, body),
  }),
  route({
    method: 'GET',
    path: '/v1/users/:user',
    permission: 'users:read',
    summary: 'One person',
    tag: 'users',
    returns: User,
    handle: ({ params }) => auth.users.read(params.user),
  }),
  route({
    method: 'PATCH',
    path: '/v1/users/:user',
    permission: 'users:manage',
    summary: 'Change a person; disabling ends all their credentials at once',
    tag: 'users',
    body: UserPatch,
    returns: User,
    handle: ({ principal, params, body }) => auth.users.change(principal, params.user, body),
  }),
  route({
    method: 'POST',
    path: '/v1/users/:user/sign-in-link',
    permission: 'users:manage',
    summary: 'Make a one-time sign-in link for a person; earlier ones stop working',
    tag: 'users',
    returns: SignInLink,
    status: 201,
    async handle({ principal, params }) {
      const { secret, expiresAt } = await auth.signIn.makeLink(principal, params.user, invitationMs)
      return { link: secret, path: `/sign-in#link=${secret}`, expiresAt: toIso(expiresAt) }
    },
  }),
  route({
    method: 'PUT',
    path: '/v1/users/me/password',
    permission: 'session:read',
    summary: 'Set or change your password',
    tag: 'users',
    body: z.object({ password: z.string().max(1000), current: z.string().max(1000).optional() }),
    returns: 'nothing',
    handle: ({ principal, body, request }) => auth.signIn.setPassword(principal, body, request.address),
  }),
  route({
    method: 'GET',
    path: '/v1/teams',
    permission: 'teams:read',
    summary: 'Teams and their members',
    tag: 'teams',
    query: PageQuery,
    returns: pageOf(Team),
    handle: ({ query }) => auth.teams.list(query),
  }),
  route({
    method: 'POST',
    path: '/v1/teams',
    permission: 'teams:manage',
    summary: 'Make a team',
    tag: 'teams',
    idempotent: true,
    body: z.object({ name: Name }),
    returns: Team,
    status: 201,
    handle: ({ principal, body }) => auth.teams.create(principal, body),
  }),
  route({
    method: 'PATCH',
    path: '/v1/teams/:team',
    permission: 'teams:manage',
    summary: 'Rename a team',
    tag: 'teams',
    body: z.object({ name: Name }),
    returns: Team,
    handle: ({ principal, params, body }) => auth.teams.rename(principal, params.team, body),
  }),
  route({
    method: 'DELETE',
    path: '/v1/teams/:team',
    permission: 'teams:manage',
    summary: 'Remove a team; its members lose the roles it gave them',
    tag: 'teams',
    returns: 'nothing',
    handle: ({ principal, params }) => auth.teams.remove(principal, params.team),
  }),
  route({
    method: 'PUT',
    path: '/v1/teams/:team/members/:user',
    permission: 'teams:manage',
    summary: 'Add a person to a team',
    tag: 'teams',
    returns: Team,
    handle: ({ principal, params }) => auth.teams.addMember(principal, params.team, params.user),
  }),
  route({
    method: 'DELETE',
    path: '/v1/teams/:team/members/:user',
    permission: 'teams:manage',
    summary: 'Take a person out of a team',
    tag: 'teams',
    returns: Team,
    handle: ({ principal, params }) => auth.teams.removeMember(principal, params.team, params.user),
  }),
]
