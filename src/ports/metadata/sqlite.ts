import Database from 'better-sqlite3'
import { Kysely, SqliteAdapter, SqliteDriver, SqliteIntrospector, SqliteQueryCompiler, sql } from 'kysely'
import type { Db, Metadata } from './metadata.ts'
import { applyMigrations } from './migrations.ts'
import { guardOuterDb, runTransaction } from './transaction.ts'

/** The embedded database: one file (or `:memory:`), one connection, every commit on disk before it is confirmed. */
export function openSqlite({ file }: { file: string }): Metadata {
  const raw = new Database(file)
  raw.pragma('journal_mode = WAL')
  raw.pragma('synchronous = FULL')
  raw.pragma('foreign_keys = ON')
  raw.pragma('busy_timeout = 10000')
  const statements = cacheStatements(raw)
  const own: Db = new Kysely({
    dialect: {
      createDriver: () => new ImmediateDriver({ database: statements }),
      createQueryCompiler: () => new SqliteQueryCompiler(),
      createAdapter: () => new SqliteAdapter(),
      createIntrospector: (db) => new SqliteIntrospector(db),
    },
  })
  const transaction: Metadata['transaction'] = (work) => runTransaction(own, work)
  return {
    kind: 'sqlite',
    db: guardOuterDb(own),
    nowMs: sql<number>`cast(unixepoch('subsec') * 1000 as integer)`,
    capabilities: { skipLocked: false, shared: false },
    transaction,
    async migrate(migrations) {
      await applyMigrations(migrations, { db: own, transaction })
      statements.forget()
    },
    async backup(target) {
      await raw.backup(target)
    },
    async forgetDeleted() {
      raw.exec('vacuum')
      raw.pragma('wal_checkpoint(truncate)')
    },
    async integrityCheck() {
      const rows = raw.pragma('integrity_check') as { integrity_check: string }[]
      const broken = raw.pragma('foreign_key_check') as { table: string; rowid: number; parent: string }[]
      return [
        ...rows.map((row) => row.integrity_check).filter((text) => text !== 'ok'),
        ...broken.map((row) => `row ${row.rowid} of ${row.table} refers to a row of ${row.parent} that is not there`),
      ]
    },
    close: () => own.destroy().then(() => void raw.close()),
  }
}

/** Takes the write lock at once: a transaction that began by reading could not get it later if another process had written. */
class ImmediateDriver extends SqliteDriver {
  override async beginTransaction(connection: Parameters<SqliteDriver['beginTransaction']>[0]) {
    await connection.executeQuery({ sql: 'begin immediate', parameters: [], query: { kind: 'RawNode' } } as never)
  }

  /** A full disk makes SQLite roll back by itself; that there is nothing left to roll back must not hide why. */
  override async rollbackTransaction(connection: Parameters<SqliteDriver['rollbackTransaction']>[0]) {
    await super.rollbackTransaction(connection).catch((error: Error) => {
      if (!/no transaction is active/.test(error.message)) throw error
    })
  }
}

const maxCachedStatements = 500

/** Preparing costs more than a small query does, and the platform's queries are few and repeated. */
function cacheStatements(raw: Database.Database) {
  const cache = new Map<string, Database.Statement>()
  return {
    prepare(text: string) {
      const known = cache.get(text)
      if (known && !known.busy) return known
      const statement = raw.prepare(text)
      if (cache.size >= maxCachedStatements) cache.delete(cache.keys().next().value as string)
      cache.set(text, statement)
      return statement
    },
    /** After a schema change: a statement remembers the columns it was prepared with. */
    forget: () => cache.clear(),
    close: () => {
      cache.clear()
      raw.close()
    },
  }
}
