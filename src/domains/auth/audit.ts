import { newId } from '../../kernel/ids.ts'
import { canonicalJson, sha256 } from '../../kernel/json.ts'
import { decodeCursor, type Page, type PageQuery, toPage } from '../../kernel/paging.ts'
import type { Principal } from '../../kernel/principal.ts'
import { toIso } from '../../kernel/time.ts'
import type { Db, Metadata } from '../../ports/metadata/metadata.ts'
import type { AuditEntry } from './schema.ts'
import { type AuditRow, authTables } from './tables.ts'

/**
 * Notes who did what, in the transaction of the change itself: both are there or neither is.
 * Each entry carries the hash of the one before, so a changed, removed or inserted entry shows.
 * Call it last in the transaction: from here to the commit, other audited changes wait.
 */
export async function audit(
  tx: Db,
  by: Principal,
  action: string,
  what: { target?: string | null; project?: string | null; facts?: Record<string, unknown> } = {},
): Promise<void> {
  const db = authTables(tx)
  // The update locks the one head row, which puts concurrent appends in a row on both databases.
  const head = await db
    .updateTable('audit_head')
    .set((eb) => ({ seq: eb('seq', '+', 1) }))
    .where('id', '=', 1)
    .returning(['seq', 'hash'])
    .executeTakeFirstOrThrow()
  const at = Date.now()
  const entry = {
    seq: head.seq,
    id: newId('aud', at),
    at,
    actor_id: by.userId,
    actor_name: by.name,
    credential: by.credential.id ? `${by.credential.kind}:${by.credential.id}` : by.credential.kind,
    action,
    target: what.target ?? null,
    project_id: what.project ?? null,
    facts: canonicalJson(what.facts ?? {}),
    previous_hash: head.hash,
  }
  const hash = sha256(canonicalJson(entry))
  await db
    .insertInto('audit')
    .values({ ...entry, hash })
    .execute()
  await db.updateTable('audit_head').set({ hash }).where('id', '=', 1).execute()
}

export interface AuditQuery extends PageQuery {
  target?: string
  actor?: string
  action?: string
  project?: string
}

/** Newest first. */
export async function listAudit(db: Db, query: AuditQuery): Promise<Page<AuditEntry>> {
  const before = query.cursor ? Number(decodeCursor(query.cursor, ['integer'])[0]) : null
  const rows = await authTables(db)
    .selectFrom('audit')
    .selectAll()
    .$if(before !== null, (q) => q.where('seq', '<', before as number))
    .$if(query.target !== undefined, (q) => q.where('target', '=', query.target as string))
    .$if(query.actor !== undefined, (q) => q.where('actor_id', '=', query.actor as string))
    .$if(query.action !== undefined, (q) => q.where('action', '=', query.action as string))
    .$if(query.project !== undefined, (q) => q.where('project_id', '=', query.project as string))
    .orderBy('seq', 'desc')
    .limit(query.limit + 1)
    .execute()
  const page = toPage(rows, query.limit, (row) => [row.seq])
  return { ...page, items: page.items.map(toEntry) }
}

export interface AuditVerdict {
  entries: number
  /** null when the chain is whole. */
  brokenAt: number | null
  reason: string | null
}

const batchRows = 2000

/** Recomputes the chain from its first entry and compares its end with the head. */
export async function verifyAudit({ db, transaction }: Pick<Metadata, 'db' | 'transaction'>): Promise<AuditVerdict> {
  const head = await transaction(async (tx) => authTables(tx).selectFrom('audit_head').selectAll().executeTakeFirstOrThrow())
  let expected = 1
  let previous = ''
  for (;;) {
    const rows = await authTables(db)
      .selectFrom('audit')
      .selectAll()
      .where('seq', '>=', expected)
      .where('seq', '<=', head.seq)
      .orderBy('seq')
      .limit(batchRows)
      .execute()
    for (const row of rows) {
      const broken = flawOf(row, { expected, previous })
      if (broken) return { entries: head.seq, brokenAt: expected, reason: broken }
      previous = row.hash
      expected++
    }
    if (rows.length < batchRows) break
  }
  if (expected !== head.seq + 1)
    return { entries: head.seq, brokenAt: expected, reason: `Entries from ${expected} to ${head.seq} are missing.` }
  if (previous !== head.hash)
    return { entries: head.seq, brokenAt: head.seq, reason: 'The last entry is not the one that was recorded last.' }
  return { entries: head.seq, brokenAt: null, reason: null }
}

function flawOf(row: AuditRow, { expected, previous }: { expected: number; previous: string }): string | null {
  if (row.seq !== expected) return `Entry ${expected} is missing.`
  if (row.previous_hash !== previous) return `Entry ${row.seq} does not follow the entry before it.`
  const { hash, ...entry } = row
  return sha256(canonicalJson(entry)) === hash ? null : `Entry ${row.seq} was changed after it was written.`
}

const toEntry = (row: AuditRow): AuditEntry => ({
  id: row.id,
  at: toIso(row.at),
  actor: row.actor_id,
  actorName: row.actor_name,
  credential: row.credential,
  action: row.action,
  target: row.target,
  project: row.project_id,
  facts: JSON.parse(row.facts) as Record<string, unknown>,
  hash: row.hash,
})
