import { forbidden, notFound, PlatformError } from '../../kernel/errors.ts'
import type { Principal } from '../../kernel/principal.ts'
import { minutes } from '../../kernel/time.ts'
import type { Metadata } from '../../ports/metadata/metadata.ts'
import { audit } from './audit.ts'
import { checkPassword, hashPassword, verifyPassword } from './passwords.ts'
import { hashOfSecret, newSecret } from './secrets.ts'
import { insertSession, type NewSession } from './sessions.ts'
import { signInDelays } from './sign-in-delays.ts'
import { authTables } from './tables.ts'

export type SignInService = ReturnType<typeof signInService>

/** How long an invitation lasts, and the link of the first start. */
export const invitationMs = minutes(60 * 24 * 3)
export const firstLinkMs = minutes(15)

/** The ways to begin a session: a one-time link, or e-mail and password. */
export function signInService({ metadata }: { metadata: Metadata }) {
  const delays = signInDelays()

  /** Makes a link that signs one person in, once. Earlier links of that person stop working. */
  async function makeLink(by: Principal, userId: string, lifetimeMs: number): Promise<{ secret: string; expiresAt: number }> {
    const user = await authTables(metadata.db).selectFrom('users').selectAll().where('id', '=', userId).executeTakeFirst()
    if (!user) throw notFound('user', userId)
    if (user.state === 'disabled') throw forbidden(`${user.name} has been disabled. Enable the account first.`, { user: userId })
    const secret = newSecret()
    const now = Date.now()
    const expiresAt = now + lifetimeMs
    await metadata.transaction(async (tx) => {
      await authTables(tx).deleteFrom('sign_in_links').where('user_id', '=', userId).execute()
      await authTables(tx)
        .insertInto('sign_in_links')
        .values({ hash: hashOfSecret(secret), user_id: userId, created_at: now, expires_at: expiresAt, used_at: null })
        .execute()
      await audit(tx, by, 'user.sign-in-link', { target: userId, facts: { expiresAt } })
    })
    return { secret, expiresAt }
  }

  async function byLink(secret: string, address: string): Promise<NewSession> {
    delays.check('link', address)
    const session = await metadata.transaction(async (tx) => {
      const now = Date.now()
      const used = await authTables(tx)
        .updateTable('sign_in_links')
        .set({ used_at: now })
        .where('hash', '=', hashOfSecret(secret))
        .where('used_at', 'is', null)
        .where('expires_at', '>', now)
        .returning('user_id')
        .executeTakeFirst()
      if (!used) return null
      const user = await authTables(tx).selectFrom('users').selectAll().where('id', '=', used.user_id).executeTakeFirstOrThrow()
      return user.state === 'disabled' ? null : insertSession(tx, user, 'link')
    })
    if (session) return session
    delays.failed('link', address)
    throw new PlatformError(
      'unauthenticated',
      'This sign-in link was used already or has expired. Ask an administrator for another; at first start, restart Atoll to get one.',
    )
  }

  async function byPassword(email: string, password: string, address: string): Promise<NewSession> {
    const account = email.trim().toLowerCase()
    delays.check(account, address)
    // Counted before the slow check, so that parallel guesses cannot slip past the delay.
    delays.failed(account, address)
    const user = await authTables(metadata.db).selectFrom('users').selectAll().where('email', '=', account).executeTakeFirst()
    const usable = user && user.state !== 'disabled' ? user : undefined
    const matches = await verifyPassword(usable?.password_hash ?? null, password)
    if (!usable || !matches)
      throw new PlatformError('unauthenticated', 'This e-mail address and password do not belong together.')
    delays.succeeded(account, address)
    return metadata.transaction((tx) => insertSession(tx, usable, 'password'))
  }

  async function setPassword(
    by: Principal,
    { password, current }: { password: string; current?: string },
    address: string,
  ): Promise<void> {
    if (by.credential.kind !== 'session') throw forbidden('A password is changed in a signed-in browser, not with a token.')
    const user = await authTables(metadata.db)
      .selectFrom('users')
      .selectAll()
      .where('id', '=', by.userId ?? '')
      .executeTakeFirstOrThrow()
    if (user.password_hash) {
      delays.check(user.id, address)
      delays.failed(user.id, address)
      if (!(await verifyPassword(user.password_hash, current ?? '')))
        throw forbidden('The current password is not right.', { field: 'current' })
      delays.succeeded(user.id, address)
    }
    checkPassword(password, user)
    const hashed = await hashPassword(password)
    await metadata.transaction(async (tx) => {
      await authTables(tx)
        .updateTable('users')
        .set({ password_hash: hashed, updated_at: Date.now() })
        .where('id', '=', user.id)
        .execute()
      // Whoever else was signed in with the old password is signed in no longer.
      await authTables(tx)
        .updateTable('sessions')
        .set({ revoked_at: Date.now() })
        .where('user_id', '=', user.id)
        .where('id', '!=', by.credential.id ?? '')
        .execute()
      await audit(tx, by, 'user.set-password', { target: user.id })
    })
  }

  return { makeLink, byLink, byPassword, setPassword }
}
