import * as z from 'zod'
import { PlatformError } from '../../kernel/errors.ts'
import { type RouteRecord, route } from '../../kernel/route.ts'
import type { Metadata } from '../../ports/metadata/metadata.ts'

const Status = z.object({
  version: z.string(),
  database: z.enum(['sqlite', 'postgres']),
  roles: z.array(z.enum(['web', 'worker'])),
  sandbox: z.object({ level: z.enum(['full', 'limits-only', 'off']), reason: z.string() }).nullable(),
  startedAt: z.string(),
})
export type Status = z.infer<typeof Status>

/** How the platform is: for people, probes and the settings page. */
export const statusRoutes = ({ metadata, status }: { metadata: Metadata; status: () => Status }): RouteRecord[] => [
  route({
    method: 'GET',
    path: '/v1/health',
    permission: 'platform:health',
    summary: 'Whether the process answers at all',
    tag: 'platform',
    returns: z.object({ ok: z.literal(true) }),
    handle: () => ({ ok: true as const }),
  }),
  route({
    method: 'GET',
    path: '/v1/ready',
    permission: 'platform:health',
    summary: 'Whether it can do its work: the database answers',
    tag: 'platform',
    returns: z.object({ ready: z.literal(true) }),
    async handle() {
      try {
        await metadata.db.selectFrom('audit_head').select('seq').executeTakeFirst()
      } catch (error) {
        throw new PlatformError('unavailable', 'The metadata database does not answer.', {}, { cause: error })
      }
      return { ready: true as const }
    },
  }),
  route({
    method: 'GET',
    path: '/v1/status',
    permission: 'session:read',
    summary: 'Version, database, roles, and how far jobs are locked in',
    tag: 'platform',
    returns: Status,
    handle: () => status(),
  }),
]
