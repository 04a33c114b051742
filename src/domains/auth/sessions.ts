import type { Events } from '../../kernel/events.ts'
import { newId } from '../../kernel/ids.ts'
import type { Principal } from '../../kernel/principal.ts'
import { days } from '../../kernel/time.ts'
import type { Db, Metadata } from '../../ports/metadata/metadata.ts'
import { audit } from './audit.ts'
import { hashOfSecret, newSecret } from './secrets.ts'
import { authTables, type UserRow } from './tables.ts'

/** A session ends after this long without use … */
export const idleLimitMs = days(3)
/** … and after this long in any case. */
export const absoluteLimitMs = days(30)

export interface NewSession {
  secret: string
  principal: Principal
  maxAgeSeconds: number
}

/** Opens a session for a person who has just proved who they are, always with a new secret. */
export async function insertSession(tx: Db, user: UserRow, how: 'link' | 'password'): Promise<NewSession> {
  const now = Date.now()
  const secret = newSecret()
  const id = newId('ses', now)
  await authTables(tx)
    .insertInto('sessions')
    .values({
      id,
      user_id: user.id,
      hash: hashOfSecret(secret),
      created_at: now,
      last_used_at: now,
      expires_at: now + absoluteLimitMs,
      revoked_at: null,
    })
    .execute()
  await authTables(tx)
    .updateTable('users')
    .set((eb) => ({ state: 'active' as const, signed_in_at: eb.fn.coalesce('signed_in_at', eb.val(now)), last_seen_at: now }))
    .where('id', '=', user.id)
    .execute()
  const principal: Principal = {
    userId: user.id,
    name: user.name,
    isPlatformAdmin: user.is_platform_admin === 1,
    credential: { kind: 'session', id },
    scopes: null,
  }
  await audit(tx, principal, 'session.create', { target: user.id, facts: { how } })
  return { secret, principal, maxAgeSeconds: absoluteLimitMs / 1000 }
}

/** Ends the session of the request itself. */
export async function endSession({ metadata, events }: { metadata: Metadata; events: Events }, by: Principal): Promise<void> {
  if (by.credential.kind !== 'session') return
  await metadata.transaction(async (tx) => {
    await authTables(tx)
      .updateTable('sessions')
      .set({ revoked_at: Date.now() })
      .where('id', '=', by.credential.id ?? '')
      .execute()
    await audit(tx, by, 'session.end', { target: by.userId })
  })
  events.emit('credential.revoked', { userId: by.userId ?? '' })
}
