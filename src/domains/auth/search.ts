import { sql } from 'kysely'
import type { Permission } from '../../kernel/permissions.ts'
import type { Principal } from '../../kernel/principal.ts'
import type { Metadata } from '../../ports/metadata/metadata.ts'
import type { Access } from './access.ts'
import type { SearchHit } from './schema.ts'

type Searcher = (by: Principal, text: string, limit: number) => Promise<SearchHit[]>

export interface Search {
  /** A domain's own way to find its things. It must only find what the principal may see. */
  register(noun: string, permission: Permission, searcher: Searcher): void
  /** Finds rows of a resource table by name, description, tags or id. */
  registerTable(table: string, options: { noun: string; permission: Permission }): void
  find(by: Principal, text: string, limit: number): Promise<SearchHit[]>
}

/** Search across all nouns; each domain registers its own. */
export function searchService({ metadata, access }: { metadata: Metadata; access: Access }): Search {
  const searchers: { noun: string; permission: Permission; searcher: Searcher }[] = []

  function registerTable(table: string, { noun, permission }: { noun: string; permission: Permission }): void {
    register(noun, permission, async (by, text, limit) => {
      const pattern = `%${text.toLowerCase().replace(/[\\%_]/g, '\\$&')}%`
      const matches = (column: string) => sql<boolean>`lower(${sql.ref(`${table}.${column}`)}) like ${pattern} escape '\\'`
      const rows = await metadata.db
        .selectFrom(table)
        .select(['id', 'name', 'project_id', 'description'].map((column) => `${table}.${column}`))
        .where(access.visibleTo(by, table))
        .where((eb) => eb.or([...['name', 'description', 'tags'].map(matches), eb(`${table}.id`, '=', text)]))
        .orderBy(sql`case when ${matches('name')} then 0 else 1 end`)
        .orderBy(`${table}.created_at`, 'desc')
        .limit(limit)
        .execute()
      return rows.map((row) => ({
        noun,
        id: row.id,
        name: row.name,
        project: row.project_id,
        description: row.description.slice(0, 200),
      }))
    })
  }

  function register(noun: string, permission: Permission, searcher: Searcher): void {
    searchers.push({ noun, permission, searcher })
  }

  async function find(by: Principal, text: string, limit: number): Promise<SearchHit[]> {
    const found: SearchHit[][] = []
    for (const { permission, searcher } of searchers)
      if (!by.scopes || by.scopes.includes(permission)) found.push(await searcher(by, text, limit))
    return inTurns(found).slice(0, limit)
  }

  return { register, registerTable, find }
}

/** The first of each, then the second of each: no noun crowds out the others. */
function inTurns<T>(lists: T[][]): T[] {
  const longest = Math.max(0, ...lists.map((list) => list.length))
  return Array.from({ length: longest }, (_, i) => lists.flatMap((list) => (i < list.length ? [list[i] as T] : []))).flat()
}
