import { sql } from 'kysely'
import { PlatformError } from '../../kernel/errors.ts'
import type { Db, Metadata, Migration } from './metadata.ts'

/** Applies what has not been applied, in the order given (lowest domain first), each in its own transaction. */
export async function applyMigrations(
  migrations: readonly Migration[],
  on: Pick<Metadata, 'transaction'> & { db: Db; lock?: (tx: Db) => Promise<unknown>; forSchema?: (tx: Db) => Db },
): Promise<void> {
  const doubled = migrations.find((one, i) => migrations.findIndex((other) => other.name === one.name) !== i)
  if (doubled) throw new Error(`Two migrations are called ${doubled.name}.`)
  await on.transaction(async (tx) => {
    await on.lock?.(tx)
    await sql`create table if not exists applied_migrations (name text primary key, applied_at bigint not null)`.execute(tx)
  })
  const applied = new Set(
    (await on.db.selectFrom('applied_migrations').select('name').execute()).map((row) => row.name as string),
  )
  const known = new Set(migrations.map((migration) => migration.name))
  const unknown = [...applied].filter((name) => !known.has(name))
  if (unknown.length > 0)
    throw new PlatformError(
      'precondition_failed',
      `The database was written by a newer version of Atoll (it has ${unknown.join(', ')}). Start that version, or restore a backup.`,
      { migrations: unknown },
    )
  for (const migration of migrations) {
    if (applied.has(migration.name)) continue
    await on.transaction(async (tx) => {
      await on.lock?.(tx)
      const done = await tx.selectFrom('applied_migrations').select('name').where('name', '=', migration.name).executeTakeFirst()
      if (done) return
      await migration.up(on.forSchema?.(tx) ?? tx)
      await tx.insertInto('applied_migrations').values({ name: migration.name, applied_at: Date.now() }).execute()
    })
  }
}
