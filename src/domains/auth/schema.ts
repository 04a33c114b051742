import * as z from 'zod'
import type { Permission } from '../../kernel/permissions.ts'
import { permissions, roles } from '../../kernel/permissions.ts'

/** private: owner and project admins. team: the project's members. institution: everyone signed in. public: anyone, where an admin allows it. */
export const visibilities = ['private', 'team', 'institution', 'public'] as const
export const Visibility = z.enum(visibilities)
export type Visibility = z.infer<typeof Visibility>

export const RoleName = z.enum(roles)
export const PermissionName = z.enum(Object.keys(permissions) as [Permission, ...Permission[]])

/** Names within a project: what people type. Never shaped like an id, never a path. */
export const Name = z
  .string()
  .trim()
  .min(1)
  .max(120)
  .regex(/^[\p{L}\p{N}][\p{L}\p{N} ._()+-]*$/u, 'Use letters, digits, spaces and . _ ( ) + -; begin with a letter or digit.')
  .refine((name) => !/^[a-z]{2,4}_[0-9a-hjkmnp-tv-z]{26}$/.test(name), 'A name may not look like an id.')

/** An id or a name. */
export const Ref = z.string().trim().min(1).max(160)
export const Tags = z.array(z.string().trim().min(1).max(60)).max(30)
export const Iso = z.string().describe('ISO 8601, UTC')

/** What every noun in a project has. */
export const Resource = z.object({
  id: z.string(),
  name: z.string(),
  project: z.string().describe('id of the project'),
  owner: z.string().describe('id of the user who made it'),
  ownerName: z.string(),
  visibility: Visibility,
  description: z.string(),
  tags: z.array(z.string()),
  createdAt: Iso,
  updatedAt: Iso,
})
export type Resource = z.infer<typeof Resource>

/** What every creating call in a project may say. */
export const ResourceInput = z.object({
  name: Name,
  project: Ref.optional().describe('id or name of the project; the default project when absent'),
  visibility: Visibility.default('team'),
  description: z.string().max(20_000).default(''),
  tags: Tags.default([]),
})
export const ResourcePatch = ResourceInput.omit({ project: true })
  .extend({ visibility: Visibility, description: z.string().max(20_000), tags: Tags })
  .partial()
export const InProject = z.object({ project: Ref.optional() })

export const User = z.object({
  id: z.string(),
  name: z.string(),
  email: z.string().nullable(),
  isPlatformAdmin: z.boolean(),
  state: z.enum(['invited', 'active', 'disabled']),
  createdAt: Iso,
  lastSeenAt: Iso.nullable(),
})
export type User = z.infer<typeof User>
export const UserInput = z.object({
  name: z.string().trim().min(1).max(120),
  email: z.email().max(254).nullable().default(null),
  isPlatformAdmin: z.boolean().default(false),
})

export const Session = z.object({
  user: User.nullable(),
  defaultProject: z.string().nullable(),
  scopes: z.array(PermissionName).nullable(),
})

export const UserPatch = z
  .object({
    name: UserInput.shape.name,
    email: z.email().max(254).nullable(),
    isPlatformAdmin: z.boolean(),
    state: z.enum(['active', 'disabled']),
  })
  .partial()

export const SignInLink = z.object({
  link: z.string().describe('The secret: the person opens <address>/sign-in#link=<secret>'),
  path: z.string(),
  expiresAt: z.string(),
})

export const Team = z.object({
  id: z.string(),
  name: z.string(),
  members: z.array(z.object({ id: z.string(), name: z.string() })),
  createdAt: Iso,
})

export const Token = z.object({
  id: z.string(),
  name: z.string(),
  scopes: z.array(PermissionName).nullable(),
  lastCharacters: z.string(),
  createdAt: Iso,
  expiresAt: Iso.nullable(),
  lastUsedAt: Iso.nullable(),
})
export type Token = z.infer<typeof Token>
export const TokenInput = z.object({
  name: z.string().trim().min(1).max(120),
  scopes: z.array(PermissionName).min(1).nullable().default(null),
  expiresInDays: z.number().int().min(1).max(366).default(90),
})
export const NewToken = Token.extend({ secret: z.string().describe('Shown once, now.') })

export const Project = z.object({
  id: z.string(),
  name: z.string(),
  description: z.string(),
  visibility: z.enum(['team', 'institution']),
  role: RoleName.nullable().describe('your role'),
  createdAt: Iso,
  counts: z.object({ datasets: z.number(), goals: z.number(), models: z.number(), endpoints: z.number() }).optional(),
})
export type Project = z.infer<typeof Project>
export const ProjectInput = z.object({
  name: Name,
  description: z.string().max(20_000).default(''),
  visibility: z.enum(['team', 'institution']).default('team'),
})
export const Member = z.object({ kind: z.enum(['user', 'team']), id: z.string(), name: z.string(), role: RoleName })

export const AuditEntry = z.object({
  id: z.string(),
  at: Iso,
  actor: z.string().nullable(),
  actorName: z.string(),
  credential: z.string(),
  action: z.string(),
  target: z.string().nullable(),
  project: z.string().nullable(),
  facts: z.record(z.string(), z.unknown()),
  hash: z.string(),
})
export type AuditEntry = z.infer<typeof AuditEntry>

const mailServer = {
  host: z.hostname().max(253),
  port: z.number().int().min(1).max(65_535),
  security: z.enum(['tls', 'starttls', 'none']).describe('starttls: encrypted before anything is said, or not at all'),
  user: z.string().max(320).nullable(),
  from: z.email().max(320),
  domains: z.array(z.hostname().max(253)).max(100).describe('that mail may go to; empty: any'),
}
export const MailSettings = z.object({ ...mailServer, hasPassword: z.boolean() })
/** The mail server as it is set; the password goes in and never comes out. */
export const MailSettingsInput = z.strictObject({
  ...mailServer,
  user: mailServer.user.default(null),
  domains: mailServer.domains.default([]),
  password: z.string().min(1).max(1000).optional().describe('kept, never shown; absent: the one that was given before'),
})

export const TestMailInput = z.strictObject({ to: z.email().max(320) })
export const TestMail = z.object({ to: z.string(), said: z.string().describe('what the mail server answered') })
export type TestMail = z.infer<typeof TestMail>

export const Settings = z.object({
  mail: MailSettings.nullable().describe('the server that takes mail; null: no mail leaves'),
  outboundHosts: z.array(z.string()).describe('Hosts that may be reached; empty means outbound is off.'),
  publicVisibility: z.boolean(),
  importFolders: z.array(z.string()).describe('Server folders from which data may be added.'),
  captureShare: z.number().min(0).max(1),
  servingMemoryMb: z.number().nullable().describe('for the models of all endpoints together; null: six tenths of the machine'),
})
export type Settings = z.infer<typeof Settings>

export const SearchHit = z.object({
  noun: z.string(),
  id: z.string(),
  name: z.string(),
  project: z.string().nullable(),
  description: z.string(),
})
export type SearchHit = z.infer<typeof SearchHit>

/** A thing in the bin. */
export const BinItem = z.object({
  id: z.string(),
  noun: z.string(),
  name: z.string(),
  project: z.string(),
  ownerName: z.string(),
  deletedAt: Iso,
  keptUntil: Iso.nullable().describe('null: until somebody wants it back'),
})
export type BinItem = z.infer<typeof BinItem>
