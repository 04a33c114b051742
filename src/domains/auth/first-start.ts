import { newId } from '../../kernel/ids.ts'
import type { Principal } from '../../kernel/principal.ts'
import { minutes } from '../../kernel/time.ts'
import type { Metadata } from '../../ports/metadata/metadata.ts'
import { audit } from './audit.ts'
import { insertProject } from './projects.ts'
import { hashOfSecret } from './secrets.ts'
import { firstLinkMs, type SignInService } from './sign-in.ts'
import { authTables } from './tables.ts'
import { insertToken } from './tokens.ts'

/** The server itself, before anybody has an account. */
export const systemPrincipal: Principal = {
  userId: null,
  name: 'system',
  isPlatformAdmin: true,
  credential: { kind: 'system', id: null },
  scopes: null,
}

const starterTokenMs = minutes(12 * 60)

export type FirstStart = ReturnType<typeof firstStart>

/** What happens while nobody has signed in yet: one administrator without a password, one project, one link at a time. */
export function firstStart({ metadata, signIn }: { metadata: Metadata; signIn: SignInService }) {
  /** Makes the first administrator and the first project where there are none. Answers who the administrator is. */
  async function ensure(name: string): Promise<{ userId: string; created: boolean }> {
    return metadata.transaction(async (tx) => {
      const db = authTables(tx)
      const existing = await db
        .selectFrom('users')
        .select('id')
        .where('is_platform_admin', '=', 1)
        .where('state', '!=', 'disabled')
        .orderBy('id')
        .executeTakeFirst()
      if (existing) return { userId: existing.id, created: false }
      const now = Date.now()
      const id = newId('usr', now)
      await db
        .insertInto('users')
        .values({
          id,
          name,
          email: null,
          is_platform_admin: 1,
          state: 'invited',
          password_hash: null,
          created_at: now,
          updated_at: now,
          signed_in_at: null,
          last_seen_at: null,
        })
        .execute()
      await audit(tx, systemPrincipal, 'user.create', { target: id, facts: { name, isPlatformAdmin: true, firstStart: true } })
      const admin = { ...systemPrincipal, userId: id, name }
      await insertProject(tx, admin, {
        name: 'Main',
        description: 'The first project. Rename it as you like.',
        visibility: 'institution',
      })
      return { userId: id, created: true }
    })
  }

  async function anAdminHasSignedIn(): Promise<boolean> {
    const row = await authTables(metadata.db)
      .selectFrom('users')
      .select('id')
      .where('is_platform_admin', '=', 1)
      .where('signed_in_at', 'is not', null)
      .executeTakeFirst()
    return row !== undefined
  }

  return {
    ensure,
    anAdminHasSignedIn,
    /** The one-time link of this start; null once an administrator has signed in. */
    async link(): Promise<{ secret: string; expiresAt: number } | null> {
      if (await anAdminHasSignedIn()) return null
      const { userId } = await ensure('Administrator')
      return signIn.makeLink(systemPrincipal, userId, firstLinkMs)
    },
    /** A token of the first administrator for the person who started the server: whoever can do that can read its files anyway. */
    async starterToken(): Promise<string> {
      const { userId } = await ensure('Administrator')
      const admin = { ...systemPrincipal, userId }
      const { secret } = await metadata.transaction((tx) =>
        insertToken(tx, admin, { name: 'Made at start', scopes: null, lifetimeMs: starterTokenMs }),
      )
      return secret
    },

    /** The server that made it has stopped: its token opens nothing any more. */
    async endStarterToken(secret: string): Promise<void> {
      await metadata.transaction(async (tx) => {
        const [ended] = await authTables(tx)
          .updateTable('tokens')
          .set({ revoked_at: Date.now() })
          .where('hash', '=', hashOfSecret(secret))
          .where('revoked_at', 'is', null)
          .returning(['id', 'user_id'])
          .execute()
        if (ended) await audit(tx, { ...systemPrincipal, userId: ended.user_id }, 'token.revoke', { target: ended.id })
      })
    },
  }
}
