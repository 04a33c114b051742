import * as z from 'zod'
import type { Principal } from '../../kernel/principal.ts'
import { type RouteRecord, route } from '../../kernel/route.ts'
import { Session } from './schema.ts'
import type { AuthService } from './service.ts'

const SignIn = z.union([
  z.strictObject({
    link: z
      .string()
      .min(20, 'A sign-in link is longer; copy the whole of it.')
      .max(200)
      .describe('The secret of a one-time sign-in link'),
  }),
  z.strictObject({ email: z.string().max(254), password: z.string().max(1000) }),
])

export const sessionRoutes = (auth: AuthService): RouteRecord[] => [
  route({
    method: 'POST',
    path: '/v1/session',
    permission: 'session:create',
    summary: 'Sign in by one-time link, or by e-mail and password',
    tag: 'session',
    body: SignIn,
    returns: Session,
    status: 201,
    async handle({ body, request, setCookie }) {
      const session =
        'link' in body
          ? await auth.signIn.byLink(body.link, request.address)
          : await auth.signIn.byPassword(body.email, body.password, request.address)
      setCookie('session', session.secret, session.maxAgeSeconds)
      return describe(auth, session.principal)
    },
  }),
  route({
    method: 'GET',
    path: '/v1/session',
    permission: 'session:see',
    summary: 'Who you are signed in as; nobody is an answer too',
    tag: 'session',
    returns: Session,
    handle: ({ principal }) => describe(auth, principal),
  }),
  route({
    method: 'DELETE',
    path: '/v1/session',
    permission: 'session:read',
    summary: 'Sign out',
    tag: 'session',
    returns: 'nothing',
    async handle({ principal, setCookie }) {
      await auth.endSession(principal)
      setCookie('session', null)
    },
  }),
]

const describe = async (auth: AuthService, principal: Principal) => ({
  user: principal.userId ? await auth.users.read(principal.userId) : null,
  defaultProject: principal.userId ? ((await auth.access.defaultProject(principal))?.id ?? null) : null,
  scopes: principal.scopes ? [...principal.scopes] : null,
})
