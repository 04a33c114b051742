import { conflict, notFound } from '../../kernel/errors.ts'
import { decodeCursor, type Page, type PageQuery, toPage } from '../../kernel/paging.ts'
import type { Permission } from '../../kernel/permissions.ts'
import type { Principal } from '../../kernel/principal.ts'
import { days, toIso } from '../../kernel/time.ts'
import type { Db, Metadata } from '../../ports/metadata/metadata.ts'
import { type Access, mentions, nameTakenIsConflict, ownerName, type Resolved } from './access.ts'
import { audit } from './audit.ts'
import type { BinItem } from './schema.ts'

export interface Binned {
  noun: string
  /** What deleting took, and having it back takes too. */
  permission: Permission
  /** After so many days it is gone for good; without, it stays until somebody wants it back. */
  days?: number
  /** What else comes back, in the same transaction. Throws when the thing cannot come back alone. */
  restored?(tx: Db, row: Resolved<{ deleted_at: number }>): Promise<void>
}

export type BinService = ReturnType<typeof binService>

/** What was deleted and can be had back: rows of every resource table, which stay until they are restored. */
export function binService({ metadata, access }: { metadata: Metadata; access: Access }) {
  const nouns = new Map<string, Binned>()

  /** The newest deletions first, of what the caller may see. */
  async function list(by: Principal, query: PageQuery & { project?: string; q?: string }): Promise<Page<BinItem>> {
    const project = query.project === undefined ? undefined : (await access.projectFor(by, query.project)).id
    const after = query.cursor === undefined ? null : (decodeCursor(query.cursor, ['integer', 'string']) as [number, string])
    const found: (BinRow & { held: Binned })[] = []
    for (const [table, held] of nouns) {
      const column = (name: string) => `${table}.${name}` as const
      let rows = metadata.db
        .selectFrom(table)
        .select(['id', 'name', 'project_id', 'deleted_at'].map(column))
        .select(ownerName(table))
        .where(access.visibleTo(by, table, { inBin: true }))
        .orderBy(column('deleted_at'), 'desc')
        .orderBy(column('id'), 'desc')
        .limit(query.limit + 1)
      if (project) rows = rows.where(column('project_id'), '=', project)
      if (query.q) rows = rows.where(mentions(table, query.q))
      if (after)
        rows = rows.where((eb) =>
          eb.or([
            eb(column('deleted_at'), '<', after[0]),
            eb.and([eb(column('deleted_at'), '=', after[0]), eb(column('id'), '<', after[1])]),
          ]),
        )
      for (const row of await rows.execute()) found.push({ ...(row as BinRow), held })
    }
    found.sort((a, b) => b.deleted_at - a.deleted_at || (a.id < b.id ? 1 : -1))
    const page = toPage(found, query.limit, (row) => [row.deleted_at, row.id])
    return { ...page, items: page.items.map((row) => toItem(row, row.held)) }
  }

  /** Back to where it was, with its name, unless another thing has taken that meanwhile. */
  async function restore(by: Principal, id: string): Promise<BinItem> {
    for (const [table, held] of nouns) {
      const { noun, permission, restored } = held
      const row = await access.resolve<BinRow>(table, by, id, null, { noun, inBin: true }).catch((error) => {
        if (error.code === 'not_found') return null
        throw error
      })
      if (!row || row.id !== id) continue
      await access.authorize(by, permission, row)
      const back = metadata.transaction(async (tx) => {
        await tx.updateTable(table).set({ deleted_at: null, updated_at: Date.now() }).where('id', '=', id).execute()
        await restored?.(tx, row)
        await audit(tx, by, `${table}.restore`, { target: id, project: row.project_id, facts: { name: row.name } })
      })
      await nameTakenIsConflict(noun, row.name, back).catch((error) => {
        if (error.facts?.field !== 'name') throw error
        throw conflict(`Another ${noun} is called "${row.name}" now. Give that one another name, then restore this.`, error.facts)
      })
      return toItem(row, held)
    }
    throw notFound('deleted thing', id)
  }

  return { hold: (table: string, what: Binned) => void nouns.set(table, what), list, restore }
}

interface BinRow {
  id: string
  name: string
  project_id: string
  owner_name: string
  deleted_at: number
}

const toItem = (row: BinRow, { noun, days: kept }: Binned): BinItem => ({
  id: row.id,
  noun,
  name: row.name,
  project: row.project_id,
  ownerName: row.owner_name,
  deletedAt: toIso(row.deleted_at),
  keptUntil: kept === undefined ? null : toIso(row.deleted_at + days(kept)),
})
