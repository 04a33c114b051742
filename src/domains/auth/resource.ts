import { type CreateTableBuilder, type RawBuilder, type SqlBool, sql } from 'kysely'
import type * as z from 'zod'
import { conflict } from '../../kernel/errors.ts'
import { type IdPrefix, newId } from '../../kernel/ids.ts'
import type { Principal } from '../../kernel/principal.ts'
import { toIso } from '../../kernel/time.ts'
import { isUniqueViolation } from '../../ports/metadata/database-errors.ts'
import type { Db } from '../../ports/metadata/metadata.ts'
import type { Resource, ResourceInput, ResourcePatch } from './schema.ts'
import type { ResourceRow } from './tables.ts'

/** The columns that every table of things in a project has: `db.schema.createTable('goals').$call(resourceColumns)`. */
export const resourceColumns = <Table extends string, Columns extends string>(table: CreateTableBuilder<Table, Columns>) =>
  table
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('project_id', 'text', (c) => c.notNull().references('projects.id'))
    .addColumn('owner_id', 'text', (c) => c.notNull().references('users.id'))
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('visibility', 'text', (c) => c.notNull())
    .addColumn('description', 'text', (c) => c.notNull())
    .addColumn('tags', 'text', (c) => c.notNull())
    .addColumn('created_at', 'integer', (c) => c.notNull())
    .addColumn('updated_at', 'integer', (c) => c.notNull())
    .addColumn('deleted_at', 'integer')

/** Names are unique within a project (among what is not in the bin); lists are read newest first. Where names may repeat, say so. */
export async function resourceIndexes(db: Db, table: string, names: 'unique' | 'repeat' = 'unique'): Promise<void> {
  const named = db.schema.createIndex(`${table}_name`).on(table).columns(['project_id', 'name'])
  await (names === 'unique' ? named.unique().where(sql<boolean>`deleted_at is null`) : named).execute()
  await db.schema.createIndex(`${table}_newest`).on(table).columns(['created_at', 'id']).execute()
}

/** The common columns of a new thing. Visibility `public` is checked by `access.newResource`, which calls this. */
export function resourceValues(
  prefix: IdPrefix,
  by: Principal,
  projectId: string,
  input: Pick<z.output<typeof ResourceInput>, 'name'> & Partial<z.output<typeof ResourceInput>>,
): ResourceRow {
  const now = Date.now()
  return {
    id: newId(prefix, now),
    project_id: projectId,
    owner_id: by.userId ?? '',
    name: input.name,
    visibility: input.visibility ?? 'team',
    description: input.description ?? '',
    tags: JSON.stringify(input.tags ?? []),
    created_at: now,
    updated_at: now,
    deleted_at: null,
  }
}

/** The columns that a patch changes. */
export function resourcePatchValues(patch: z.output<typeof ResourcePatch>): Partial<ResourceRow> & { updated_at: number } {
  const { name, visibility, description, tags } = patch
  return {
    ...(name !== undefined && { name }),
    ...(visibility !== undefined && { visibility }),
    ...(description !== undefined && { description }),
    ...(tags !== undefined && { tags: JSON.stringify(tags) }),
    updated_at: Date.now(),
  }
}

/** Selects the owner's name beside a resource's columns: `.selectAll('goals').select(ownerName('goals'))`. */
export const ownerName = (table: string) =>
  (sql`(select name from users where users.id = ${sql.ref(`${table}.owner_id`)})` as RawBuilder<string>).as('owner_name')

/** The wire form of the common columns. */
export const toResource = (row: ResourceRow & { owner_name: string }): Resource => ({
  id: row.id,
  name: row.name,
  project: row.project_id,
  owner: row.owner_id,
  ownerName: row.owner_name,
  visibility: row.visibility,
  description: row.description,
  tags: JSON.parse(row.tags) as string[],
  createdAt: toIso(row.created_at),
  updatedAt: toIso(row.updated_at),
})

/** Says which name is taken instead of what the database says. */
export async function nameTakenIsConflict<T>(noun: string, name: string, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (!isUniqueViolation(error)) throw error
    throw conflict(`There is already a ${noun} called "${name}" here. Choose another name.`, { noun, name, field: 'name' })
  }
}

/** Rows whose name or description has these words, for the search of a list. */
export function mentions(table: string, words: string): RawBuilder<SqlBool> {
  const pattern = `%${words.toLowerCase().replace(/[\\%_]/g, '\\$&')}%`
  const has = (column: string) => sql<SqlBool>`lower(${sql.ref(`${table}.${column}`)}) like ${pattern} escape '\\'`
  return sql<SqlBool>`(${has('name')} or ${has('description')})`
}
