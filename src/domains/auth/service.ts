import type { Events } from '../../kernel/events.ts'
import type { Principal } from '../../kernel/principal.ts'
import type { Mail } from '../../ports/mail/mail.ts'
import type { Metadata } from '../../ports/metadata/metadata.ts'
import type { Secrets } from '../../ports/secrets/secrets.ts'
import { type Access, accessControl } from './access.ts'
import { answeredCalls } from './answered-calls.ts'
import { binService } from './bin.ts'
import { credentialCheck } from './credentials.ts'
import { firstStart } from './first-start.ts'
import { projectService } from './projects.ts'
import { searchService } from './search.ts'
import { endSession } from './sessions.ts'
import { settingsService } from './settings.ts'
import { signInService } from './sign-in.ts'
import { teamService } from './teams.ts'
import { tokenService } from './tokens.ts'
import { userService } from './users.ts'

export type AuthService = ReturnType<typeof authService>
export type { Access }

/** Who there is, who may do what, and what was done. Everything above stands on it. */
export function authService({
  metadata,
  events,
  secrets,
  mail,
}: {
  metadata: Metadata
  events: Events
  secrets: Secrets
  mail: Mail
}) {
  const settings = settingsService({ metadata, events, secrets, mail })
  const access = accessControl({ metadata, events, settings })
  const signIn = signInService({ metadata })
  return {
    metadata,
    settings,
    access,
    signIn,
    credentials: credentialCheck({ metadata, events }),
    firstStart: firstStart({ metadata, signIn }),
    users: userService({ metadata, events }),
    teams: teamService({ metadata, access }),
    tokens: tokenService({ metadata, events }),
    projects: projectService({ metadata, access }),
    search: searchService({ metadata, access }),
    bin: binService({ metadata, access }),
    answeredCalls: answeredCalls({ metadata }),
    endSession: (by: Principal) => endSession({ metadata, events }, by),
  }
}
