import type * as z from 'zod'
import { forbidden, notFound } from '../../kernel/errors.ts'
import type { Events } from '../../kernel/events.ts'
import { newId } from '../../kernel/ids.ts'
import { decodeCursor, type Page, type PageQuery, toPage } from '../../kernel/paging.ts'
import type { Permission } from '../../kernel/permissions.ts'
import type { Principal } from '../../kernel/principal.ts'
import { days, toIso, toIsoOrNull } from '../../kernel/time.ts'
import type { Db, Metadata } from '../../ports/metadata/metadata.ts'
import { audit } from './audit.ts'
import type { NewToken, Token, TokenInput } from './schema.ts'
import { hashOfSecret, newTokenSecret } from './secrets.ts'
import { authTables, type TokenRow } from './tables.ts'

export type TokenService = ReturnType<typeof tokenService>

/** Personal tokens: shown once, kept only as a hash, never able to do more than their owner. */
export function tokenService({ metadata, events }: { metadata: Metadata; events: Events }) {
  async function list(by: Principal, query: PageQuery): Promise<Page<Token>> {
    const after = query.cursor ? String(decodeCursor(query.cursor, ['string'])[0]) : null
    const rows = await authTables(metadata.db)
      .selectFrom('tokens')
      .selectAll()
      .where('user_id', '=', by.userId)
      .where('revoked_at', 'is', null)
      .$if(after !== null, (q) => q.where('id', '<', after as string))
      .orderBy('id', 'desc')
      .limit(query.limit + 1)
      .execute()
    const page = toPage(rows, query.limit, (token) => [token.id])
    return { ...page, items: page.items.map(toToken) }
  }

  async function create(by: Principal, input: z.output<typeof TokenInput>): Promise<z.output<typeof NewToken>> {
    if (by.scopes && !input.scopes?.every((scope) => by.scopes?.includes(scope)))
      throw forbidden('A scoped token can only make tokens with the same scopes or fewer.', { field: 'scopes' })
    const made = await metadata.transaction((tx) =>
      insertToken(tx, by, { name: input.name, scopes: input.scopes, lifetimeMs: days(input.expiresInDays) }),
    )
    return { ...toToken(made.row), secret: made.secret }
  }

  async function revoke(by: Principal, id: string): Promise<void> {
    await metadata.transaction(async (tx) => {
      const ended = await authTables(tx)
        .updateTable('tokens')
        .set({ revoked_at: Date.now() })
        .where('id', '=', id)
        .where('user_id', '=', by.userId)
        .where('revoked_at', 'is', null)
        .executeTakeFirst()
      if (Number(ended.numUpdatedRows) === 0) throw notFound('token', id)
      await audit(tx, by, 'token.revoke', { target: id })
    })
    events.emit('credential.revoked', { userId: by.userId ?? '' })
  }

  return { list, create, revoke }
}

/** Makes a token in a transaction; the secret is not kept anywhere. */
export async function insertToken(
  tx: Db,
  by: Principal,
  input: { name: string; scopes: readonly Permission[] | null; lifetimeMs: number },
): Promise<{ row: TokenRow; secret: string }> {
  const now = Date.now()
  const secret = newTokenSecret()
  const row: TokenRow = {
    id: newId('tok', now),
    user_id: by.userId ?? '',
    name: input.name,
    hash: hashOfSecret(secret),
    scopes: input.scopes ? JSON.stringify(input.scopes) : null,
    last_characters: secret.slice(-4),
    created_at: now,
    expires_at: now + input.lifetimeMs,
    last_used_at: null,
    revoked_at: null,
  }
  await authTables(tx).insertInto('tokens').values(row).execute()
  await audit(tx, by, 'token.create', {
    target: row.id,
    facts: { name: row.name, scopes: input.scopes, expiresAt: row.expires_at },
  })
  return { row, secret }
}

const toToken = (row: TokenRow): Token => ({
  id: row.id,
  name: row.name,
  scopes: row.scopes ? (JSON.parse(row.scopes) as Permission[]) : null,
  lastCharacters: row.last_characters,
  createdAt: toIso(row.created_at),
  expiresAt: toIsoOrNull(row.expires_at),
  lastUsedAt: toIsoOrNull(row.last_used_at),
})
