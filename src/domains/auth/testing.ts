import { createEvents, type Events } from '../../kernel/events.ts'
import type { Role } from '../../kernel/permissions.ts'
import type { Principal } from '../../kernel/principal.ts'
import { openSmtp } from '../../ports/mail/smtp.ts'
import type { Metadata } from '../../ports/metadata/metadata.ts'
import { testSecrets } from '../../ports/secrets/testing.ts'
import { type AuthService, authService } from './service.ts'

export interface AuthWorld {
  auth: AuthService
  events: Events
  /** A platform administrator. */
  admin: Principal
  /** The project that `admin` made first: everyone's default project once a member. */
  project: { id: string; name: string }
  /** Makes a person, with a role in the project unless null. */
  person(name: string, role?: Role | null): Promise<Principal>
}

/** For other domains' tests: services of this domain on the given (migrated) database, an administrator, a project and people. */
export async function authWorld(
  metadata: Metadata,
  events = createEvents((error) => {
    throw error
  }),
): Promise<AuthWorld> {
  const auth = authService({ metadata, events, secrets: testSecrets(metadata), mail: openSmtp() })
  const first = await auth.firstStart.ensure('Ada')
  const admin = await auth.users.principal(first.userId)
  const project = await auth.access.projectFor(admin)
  return {
    auth,
    events,
    admin,
    project,
    async person(name, role = 'editor') {
      const { id } = await auth.users.create(admin, { name, email: null, isPlatformAdmin: false })
      if (role) await auth.projects.setMember(admin, project.id, { kind: 'user', id, role })
      return auth.users.principal(id)
    },
  }
}
