import type { Kysely, RawBuilder } from 'kysely'

/**
 * The metadata database, or a transaction on it. Domains narrow it to their own tables: `db.withTables<JobTables>()`.
 * Palette of columns that both databases treat alike: text, integer (64 bit, arrives as number), real; JSON as text; booleans as 0/1; times as integer ms.
 */
export type Db = Kysely<any>

/** One domain's schema change. Names sort: `jobs-001-create`. Never edited once released. */
export interface Migration {
  name: string
  up(db: Db): Promise<void>
}

export interface Metadata {
  readonly kind: 'sqlite' | 'postgres'
  readonly db: Db
  /** Milliseconds since 1970 by the database's own clock: leases never trust a worker's. */
  readonly nowMs: RawBuilder<number>
  readonly capabilities: {
    /** FOR UPDATE SKIP LOCKED: several workers claim at once without waiting for each other. */
    readonly skipLocked: boolean
    /** Another process may use the same database. */
    readonly shared: boolean
  }
  /**
   * Runs `work` in one transaction, durable when it returns. Inside, use only the `tx` it is given:
   * SQLite has one connection and a call on the outer `db` would wait for itself.
   */
  transaction<T>(work: (tx: Db) => Promise<T>): Promise<T>
  migrate(migrations: readonly Migration[]): Promise<void>
  /** A consistent copy into a file (SQLite only; PostgreSQL has pg_dump). */
  backup(file: string): Promise<void>
  /** Writes over what was deleted and is still in the file (SQLite; PostgreSQL's own vacuum does that in time). */
  forgetDeleted(): Promise<void>
  /** Empty when sound, else what is wrong. */
  integrityCheck(): Promise<string[]>
  close(): Promise<void>
}
