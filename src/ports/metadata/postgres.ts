import { DataTypeNode, Kysely, type KyselyPlugin, OperationNodeTransformer, PostgresDialect, sql } from 'kysely'
import pg from 'pg'
import { PlatformError } from '../../kernel/errors.ts'
import type { Db, Metadata } from './metadata.ts'
import { applyMigrations } from './migrations.ts'
import { guardOuterDb, runTransaction } from './transaction.ts'

/** PostgreSQL 14 or later. `schema` keeps installations (and tests) apart within one database. */
export function openPostgres({
  url,
  schema,
  maxConnections = 10,
  onConnectionError = () => {},
}: {
  url: string
  schema?: string
  maxConnections?: number
  onConnectionError?: (error: Error) => void
}): Metadata {
  const pool = new pg.Pool({
    connectionString: url,
    max: maxConnections,
    connectionTimeoutMillis: 10_000,
    statement_timeout: 60_000,
    idle_in_transaction_session_timeout: 60_000,
    keepAlive: true,
    application_name: 'atoll',
    types: { getTypeParser: parserOf },
    ...(schema ? { options: `-c search_path=${schema}` } : {}),
  })
  // Without a listener a lost server connection ends the process; the next query opens a new one.
  pool.on('error', onConnectionError)
  const own: Db = new Kysely({ dialect: new PostgresDialect({ pool }) })
  const transaction: Metadata['transaction'] = (work) => runTransaction(own, work)
  return {
    kind: 'postgres',
    db: guardOuterDb(own),
    nowMs: sql<number>`(extract(epoch from clock_timestamp()) * 1000)::bigint`,
    capabilities: { skipLocked: true, shared: true },
    transaction,
    async migrate(migrations) {
      if (schema) await sql`create schema if not exists ${sql.id(schema)}`.execute(own)
      await applyMigrations(migrations, {
        db: own,
        transaction,
        lock: (tx) => sql`select pg_advisory_xact_lock(hashtext('atoll migrations'))`.execute(tx),
        forSchema: (tx) => tx.withPlugin(wideTypes),
      })
    },
    async backup() {
      throw new PlatformError('precondition_failed', 'The metadata is in PostgreSQL: back it up with pg_dump.')
    },
    // Its own vacuum does that.
    async forgetDeleted() {},
    async integrityCheck() {
      const { rows } = await sql<{ what: string }>`
        select 'constraint ' || conname || ' was never checked' as what from pg_constraint where not convalidated
        union all
        select 'index ' || indexrelid::regclass || ' is not usable' from pg_index where not indisvalid`.execute(own)
      return rows.map((row) => row.what)
    },
    close: () => own.destroy(),
  }
}

/** int8 (also count) and numeric (also sum of int8) arrive as numbers: ours stay far below 2^53. */
const parserOf = ((oid: number, format?: 'text' | 'binary') =>
  oid === 20 || oid === 1700 ? Number : pg.types.getTypeParser(oid, format as 'text')) as typeof pg.types.getTypeParser

/** SQLite's integer and real hold 64 bits, Postgres's 32: in schema changes ours mean the wide ones. */
class WideTypes extends OperationNodeTransformer {
  protected override transformDataType(node: DataTypeNode): DataTypeNode {
    if (node.dataType === 'integer') return DataTypeNode.create('bigint')
    if (node.dataType === 'real') return DataTypeNode.create('double precision')
    return node
  }
}

const transformer = new WideTypes()
const wideTypes: KyselyPlugin = {
  transformQuery: ({ node }) => transformer.transformNode(node),
  transformResult: async ({ result }) => result,
}
