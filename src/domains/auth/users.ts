import { invalidInput, notFound, PlatformError, preconditionFailed } from '../../kernel/errors.ts'
import type { Events } from '../../kernel/events.ts'
import { newId } from '../../kernel/ids.ts'
import { decodeCursor, type Page, type PageQuery, toPage } from '../../kernel/paging.ts'
import type { Permission } from '../../kernel/permissions.ts'
import type { Principal } from '../../kernel/principal.ts'
import { toIso, toIsoOrNull } from '../../kernel/time.ts'
import type { Db, Metadata } from '../../ports/metadata/metadata.ts'
import { audit } from './audit.ts'
import { nameTakenIsConflict } from './resource.ts'
import type { User } from './schema.ts'
import { authTables, type UserRow } from './tables.ts'

export interface UserChanges {
  name?: string
  email?: string | null
  isPlatformAdmin?: boolean
  state?: 'active' | 'disabled'
}

export type UserService = ReturnType<typeof userService>

/** People. A disabled one keeps their work but none of their credentials. */
export function userService({ metadata, events }: { metadata: Metadata; events: Events }) {
  const users = (db: Db = metadata.db) => authTables(db)

  async function row(id: string): Promise<UserRow> {
    const found = await users().selectFrom('users').selectAll().where('id', '=', id).executeTakeFirst()
    if (!found) throw notFound('user', id)
    return found
  }

  async function list(query: PageQuery): Promise<Page<User>> {
    const after = query.cursor ? decodeCursor(query.cursor, ['string']) : null
    const rows = await users()
      .selectFrom('users')
      .selectAll()
      .$if(after !== null, (q) => q.where('id', '>', String(after?.[0])))
      .orderBy('id')
      .limit(query.limit + 1)
      .execute()
    const page = toPage(rows, query.limit, (user) => [user.id])
    return { ...page, items: page.items.map(toUser) }
  }

  /** Invites a person: they exist, and sign in by a link that is made for them. */
  async function create(by: Principal, input: { name: string; email: string | null; isPlatformAdmin: boolean }): Promise<User> {
    const now = Date.now()
    const user: UserRow = {
      id: newId('usr', now),
      name: input.name,
      email: input.email?.toLowerCase() ?? null,
      is_platform_admin: input.isPlatformAdmin ? 1 : 0,
      state: 'invited',
      password_hash: null,
      created_at: now,
      updated_at: now,
      signed_in_at: null,
      last_seen_at: null,
    }
    const created = metadata.transaction(async (tx) => {
      await users(tx).insertInto('users').values(user).execute()
      await audit(tx, by, 'user.create', { target: user.id, facts: { name: user.name, isPlatformAdmin: input.isPlatformAdmin } })
    })
    await nameTakenIsConflict('person with the e-mail address', user.email ?? '', created)
    return toUser(user)
  }

  async function change(by: Principal, id: string, changes: UserChanges): Promise<User> {
    const before = await row(id)
    if (id === by.userId && (changes.state === 'disabled' || changes.isPlatformAdmin === false))
      throw invalidInput('You cannot disable yourself or give up your own administration. Another administrator can.', {
        field: changes.state === 'disabled' ? 'state' : 'isPlatformAdmin',
      })
    const values = {
      ...(changes.name !== undefined && { name: changes.name }),
      ...(changes.email !== undefined && { email: changes.email?.toLowerCase() ?? null }),
      ...(changes.isPlatformAdmin !== undefined && { is_platform_admin: changes.isPlatformAdmin ? 1 : 0 }),
      ...(changes.state !== undefined && { state: stateAfter(before, changes.state) }),
      updated_at: Date.now(),
    }
    const changed = metadata.transaction(async (tx) => {
      await users(tx).updateTable('users').set(values).where('id', '=', id).execute()
      if (changes.state === 'disabled') await endCredentials(tx, id)
      if (before.is_platform_admin && (changes.isPlatformAdmin === false || changes.state === 'disabled')) await keepAnAdmin(tx)
      await audit(tx, by, 'user.change', { target: id, facts: { ...changes } })
    })
    await nameTakenIsConflict('person with the e-mail address', String(changes.email), changed)
    events.emit('credential.revoked', { userId: id })
    return toUser(await row(id))
  }

  async function keepAnAdmin(tx: Db): Promise<void> {
    const other = await users(tx)
      .selectFrom('users')
      .select('id')
      .where('is_platform_admin', '=', 1)
      .where('state', '!=', 'disabled')
      .executeTakeFirst()
    if (!other) throw preconditionFailed('This is the last platform administrator. Make another one first.')
  }

  /** Who a user is as a principal, for work done in their name later (jobs). Refuses the disabled. */
  async function principal(id: string, scopes: readonly Permission[] | null = null): Promise<Principal> {
    const user = await row(id)
    if (user.state === 'disabled')
      throw new PlatformError('forbidden', `${user.name} has been disabled; nothing can be done in their name.`, { user: id })
    return {
      userId: user.id,
      name: user.name,
      isPlatformAdmin: user.is_platform_admin === 1,
      credential: { kind: 'system', id: null },
      scopes,
    }
  }

  return { list, create, change, principal, read: async (id: string) => toUser(await row(id)) }
}

const stateAfter = (before: UserRow, wanted: 'active' | 'disabled'): UserRow['state'] =>
  wanted === 'disabled' ? 'disabled' : before.signed_in_at === null ? 'invited' : 'active'

/** Ends every session, token and link of a person. */
export async function endCredentials(tx: Db, userId: string): Promise<void> {
  const now = Date.now()
  const db = authTables(tx)
  await db
    .updateTable('sessions')
    .set({ revoked_at: now })
    .where('user_id', '=', userId)
    .where('revoked_at', 'is', null)
    .execute()
  await db.updateTable('tokens').set({ revoked_at: now }).where('user_id', '=', userId).where('revoked_at', 'is', null).execute()
  await db.deleteFrom('sign_in_links').where('user_id', '=', userId).execute()
}

/** The wire form. */
export const toUser = (user: UserRow): User => ({
  id: user.id,
  name: user.name,
  email: user.email,
  isPlatformAdmin: user.is_platform_admin === 1,
  state: user.state,
  createdAt: toIso(user.created_at),
  lastSeenAt: toIsoOrNull(user.last_seen_at),
})
