import type { Events } from '../../kernel/events.ts'
import type { Permission } from '../../kernel/permissions.ts'
import type { Principal } from '../../kernel/principal.ts'
import { minutes, seconds } from '../../kernel/time.ts'
import type { Metadata } from '../../ports/metadata/metadata.ts'
import { hashOfSecret, isTokenSecret } from './secrets.ts'
import { idleLimitMs } from './sessions.ts'
import { authTables } from './tables.ts'

/** How long an answer is believed without asking the database again (another process may have revoked it). */
const recheckMs = seconds(3)
const maxEntries = 5000
const noteUseEveryMs = minutes(1)

interface Known {
  principal: Principal
  kind: 'session' | 'token'
  checkedAt: number
  expiresAt: number
  notedAt: number
}

export interface Credentials {
  /** Who a token or session secret belongs to, or null. Answers at once (no promise) when it was checked moments ago. */
  identify(kind: 'session' | 'token', secret: string): Principal | null | Promise<Principal | null>
  /** Whether a principal that `identify` gave is still good without asking again: for one connection's next request with the same secret. */
  isFresh(principal: Principal): boolean
}

/** Turns secrets into principals. Kept by hash, so that a copy of memory or database holds no usable secret. */
export function credentialCheck({ metadata, events }: { metadata: Metadata; events: Events }): Credentials {
  const known = new Map<string, Known>()
  const entries = new WeakMap<Principal, Known>()
  const lookups = new Map<string, Promise<Principal | null>>()
  let revocations = 0
  events.on('credential.revoked', ({ userId }) => {
    revocations++
    for (const [hash, entry] of known)
      if (entry.principal.userId === userId) {
        entry.expiresAt = 0
        known.delete(hash)
      }
  })

  function identify(kind: 'session' | 'token', secret: string) {
    const hash = hashOfSecret(secret)
    const entry = known.get(hash)
    if (entry && entry.kind === kind && isCurrent(entry)) return entry.principal
    if (kind === 'token' && !isTokenSecret(secret)) return null
    const key = kind + hash
    const running = lookups.get(key)
    if (running) return running
    const lookup = look(kind, hash, entry?.notedAt ?? 0).finally(() => lookups.delete(key))
    lookups.set(key, lookup)
    return lookup
  }

  async function look(kind: 'session' | 'token', hash: string, notedAt: number): Promise<Principal | null> {
    const now = Date.now()
    const before = revocations
    const found = kind === 'token' ? await findToken(hash, now) : await findSession(hash, now)
    known.delete(hash)
    if (!found) return null
    const isDue = now - notedAt > noteUseEveryMs
    // With a full disk nothing can be noted; that is no reason to refuse anybody.
    if (isDue) await noteUse(kind, found, now).catch(() => {})
    // Something was revoked meanwhile, perhaps this: what was read may be old.
    if (revocations !== before) return look(kind, hash, isDue ? now : notedAt)
    if (known.size >= maxEntries) known.delete(known.keys().next().value as string)
    const { principal, expiresAt } = found
    const entry: Known = { principal, kind, checkedAt: now, expiresAt, notedAt: isDue ? now : notedAt }
    known.set(hash, entry)
    entries.set(principal, entry)
    return principal
  }

  async function findToken(hash: string, now: number) {
    const row = await authTables(metadata.db)
      .selectFrom('tokens')
      .innerJoin('users', 'users.id', 'tokens.user_id')
      .select(['tokens.id as id', 'scopes', 'expires_at', 'users.id as user_id', 'users.name as name', 'is_platform_admin'])
      .where('hash', '=', hash)
      .where('revoked_at', 'is', null)
      .where('users.state', '!=', 'disabled')
      .executeTakeFirst()
    if (!row || (row.expires_at !== null && row.expires_at <= now)) return null
    return { ...row, expiresAt: row.expires_at ?? Number.POSITIVE_INFINITY, principal: principalOf(row, 'token', row.scopes) }
  }

  async function findSession(hash: string, now: number) {
    const row = await authTables(metadata.db)
      .selectFrom('sessions')
      .innerJoin('users', 'users.id', 'sessions.user_id')
      .select([
        'sessions.id as id',
        'expires_at',
        'last_used_at',
        'users.id as user_id',
        'users.name as name',
        'is_platform_admin',
      ])
      .where('hash', '=', hash)
      .where('revoked_at', 'is', null)
      .where('users.state', '!=', 'disabled')
      .executeTakeFirst()
    if (!row || row.expires_at <= now || row.last_used_at + idleLimitMs <= now) return null
    return { ...row, expiresAt: row.expires_at, principal: principalOf(row, 'session', null) }
  }

  async function noteUse(kind: 'session' | 'token', found: { id: string; user_id: string }, now: number): Promise<void> {
    const table = kind === 'token' ? 'tokens' : 'sessions'
    await authTables(metadata.db).updateTable(table).set({ last_used_at: now }).where('id', '=', found.id).execute()
    await authTables(metadata.db).updateTable('users').set({ last_seen_at: now }).where('id', '=', found.user_id).execute()
  }

  function isFresh(principal: Principal): boolean {
    const entry = entries.get(principal)
    return entry !== undefined && isCurrent(entry)
  }

  return { identify, isFresh }
}

function isCurrent(entry: Known): boolean {
  const now = Date.now()
  return now < entry.expiresAt && now - entry.checkedAt < recheckMs
}

function principalOf(
  row: { id: string; user_id: string; name: string; is_platform_admin: number },
  kind: 'session' | 'token',
  scopes: string | null,
): Principal {
  return {
    userId: row.user_id,
    name: row.name,
    isPlatformAdmin: row.is_platform_admin === 1,
    credential: { kind, id: row.id },
    scopes: scopes ? (JSON.parse(scopes) as Permission[]) : null,
  }
}
