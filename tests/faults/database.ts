import type { Metadata, Migration } from '../../src/ports/metadata/metadata.ts'
import { openPostgres } from '../../src/ports/metadata/postgres.ts'
import { openSqlite } from '../../src/ports/metadata/sqlite.ts'

export const faultMigrations: Migration[] = [
  {
    name: 'zz-faults-001-create',
    async up(db) {
      await db.schema
        .createTable('fault_results')
        .addColumn('id', 'text', (c) => c.primaryKey())
        .addColumn('job_id', 'text', (c) => c.notNull())
        .addColumn('attempt', 'integer', (c) => c.notNull())
        .addColumn('sha256', 'text', (c) => c.notNull())
        .execute()
    },
  },
]

/** A file of SQLite, or the address of a PostgreSQL. */
export const openFaultDatabase = (where: string): Metadata =>
  where.startsWith('postgres') ? openPostgres({ url: where, maxConnections: 5 }) : openSqlite({ file: where })
