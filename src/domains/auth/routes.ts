import * as z from 'zod'
import { PageQuery, pageOf } from '../../kernel/paging.ts'
import { type RouteRecord, route } from '../../kernel/route.ts'
import { listAudit, verifyAudit } from './audit.ts'
import { peopleRoutes } from './people-routes.ts'
import { projectRoutes } from './project-routes.ts'
import {
  AuditEntry,
  BinItem,
  MailSettingsInput,
  NewToken,
  Ref,
  SearchHit,
  Settings,
  TestMail,
  TestMailInput,
  Token,
  TokenInput,
} from './schema.ts'
import type { AuthService } from './service.ts'
import { sessionRoutes } from './session-routes.ts'

const AuditListQuery = PageQuery.extend({
  target: z.string().max(160).optional(),
  actor: z.string().max(160).optional(),
  action: z.string().max(160).optional(),
  project: z.string().max(160).optional(),
})

const SettingsPatch = z
  .object({
    mail: MailSettingsInput.nullable(),
    outboundHosts: z
      .array(
        z
          .string()
          .trim()
          .toLowerCase()
          .regex(hostPattern(), 'A host is a name like hooks.example.org, with a port if it is not the usual one.'),
      )
      .max(200),
    publicVisibility: z.boolean(),
    importFolders: z
      .array(
        z
          .string()
          .regex(/^\/[^\0]*$/, 'A folder is an absolute path.')
          .max(1000),
      )
      .max(50),
    captureShare: z.number().min(0).max(1),
    servingMemoryMb: z.number().int().min(64).max(67_108_864).nullable(),
  })
  .partial()

export const authRoutes = (auth: AuthService): RouteRecord[] => [
  ...sessionRoutes(auth),
  ...peopleRoutes(auth),
  ...projectRoutes(auth),
  route({
    method: 'GET',
    path: '/v1/tokens',
    permission: 'tokens:manage-own',
    summary: 'Your personal tokens',
    tag: 'tokens',
    query: PageQuery,
    returns: pageOf(Token),
    handle: ({ principal, query }) => auth.tokens.list(principal, query),
  }),
  route({
    method: 'POST',
    path: '/v1/tokens',
    permission: 'tokens:manage-own',
    summary: 'Make a personal token; its secret is shown once, now',
    tag: 'tokens',
    body: TokenInput,
    returns: NewToken,
    status: 201,
    handle: ({ principal, body }) => auth.tokens.create(principal, body),
  }),
  route({
    method: 'DELETE',
    path: '/v1/tokens/:token',
    permission: 'tokens:manage-own',
    summary: 'Revoke a token',
    tag: 'tokens',
    returns: 'nothing',
    handle: ({ principal, params }) => auth.tokens.revoke(principal, params.token),
  }),
  route({
    method: 'GET',
    path: '/v1/settings',
    permission: 'settings:read',
    summary: 'Settings of the whole platform',
    tag: 'settings',
    returns: Settings,
    handle: () => auth.settings.get(),
  }),
  route({
    method: 'PATCH',
    path: '/v1/settings',
    permission: 'settings:manage',
    summary: 'Change settings; what is not named stays as it is',
    tag: 'settings',
    body: SettingsPatch,
    returns: Settings,
    handle: ({ principal, body }) => auth.settings.change(principal, body),
  }),
  route({
    method: 'POST',
    path: '/v1/settings/test-mail',
    permission: 'settings:manage',
    summary: 'Send a letter by the mail server of the settings, to see whether it arrives',
    tag: 'settings',
    body: TestMailInput,
    returns: TestMail,
    handle: ({ principal, body }) => auth.settings.testMail(principal, body.to),
  }),
  route({
    method: 'GET',
    path: '/v1/audit',
    permission: 'audit:read',
    summary: 'Who did what, newest first',
    tag: 'audit',
    query: AuditListQuery,
    returns: pageOf(AuditEntry),
    handle: ({ query }) => listAudit(auth.metadata.db, query),
  }),
  route({
    method: 'GET',
    path: '/v1/audit/verify',
    permission: 'audit:read',
    summary: 'Check that no entry was changed, removed or inserted',
    tag: 'audit',
    returns: z.object({ entries: z.number(), brokenAt: z.number().nullable(), reason: z.string().nullable() }),
    handle: () => verifyAudit(auth.metadata),
  }),
  route({
    method: 'GET',
    path: '/v1/search',
    permission: 'session:read',
    summary: 'Find anything you may see by name, description, tag or id',
    tag: 'search',
    query: z.object({ q: z.string().trim().min(1).max(200), limit: z.coerce.number().int().min(1).max(50).default(20) }),
    returns: z.object({ items: z.array(SearchHit) }),
    handle: async ({ principal, query }) => ({ items: await auth.search.find(principal, query.q, query.limit) }),
  }),
  route({
    method: 'GET',
    path: '/v1/bin',
    permission: 'session:read',
    summary: 'What was deleted and can be had back, newest first',
    tag: 'bin',
    query: PageQuery.extend({ project: Ref.optional(), q: z.string().trim().max(200).optional() }),
    returns: pageOf(BinItem),
    handle: ({ principal, query }) => auth.bin.list(principal, query),
  }),
  route({
    method: 'POST',
    path: '/v1/bin/:id/restore',
    permission: 'session:read',
    summary: 'Have a deleted thing back: what its deletion took, this takes too',
    tag: 'bin',
    returns: BinItem,
    handle: ({ principal, params }) => auth.bin.restore(principal, params.id),
  }),
]

function hostPattern(): RegExp {
  return /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?(:\d{1,5})?$/
}
