import { randomBytes } from 'node:crypto'
import { after, test } from 'node:test'
import pg from 'pg'
import type { Metadata, Migration } from './metadata.ts'
import { openPostgres } from './postgres.ts'
import { openSqlite } from './sqlite.ts'
import { startTestPostgres } from './testing-postgres.ts'

/** Runs the same test on SQLite in memory and on a real PostgreSQL, each on a fresh, migrated database. */
export function onEachDatabase(
  name: string,
  migrations: readonly Migration[],
  work: (metadata: Metadata) => Promise<void>,
): void {
  for (const kind of ['sqlite', 'postgres'] as const)
    test(`${name} (${kind})`, async (t) => {
      const opened = kind === 'sqlite' ? openSqlite({ file: ':memory:' }) : await openTestPostgres()
      if (typeof opened === 'string') return t.skip(opened)
      try {
        await opened.migrate(migrations)
        await work(opened)
      } finally {
        await opened.close()
      }
    })
}

let server: ReturnType<typeof startTestPostgres> | undefined

after(async () => {
  const started = await server
  if (typeof started === 'object') await started.stop()
})

/** A fresh schema on the process's own PostgreSQL, or the reason why there is none. */
export async function openTestPostgres(): Promise<Metadata | string> {
  server ??= startTestPostgres()
  const started = await server
  if (typeof started === 'string') return started
  return openPostgres({ url: started.url, schema: `test_${randomBytes(6).toString('hex')}`, maxConnections: 5 })
}

/** The address of a fresh, empty database on the process's own PostgreSQL, or the reason why there is none. */
export async function freshPostgresUrl(): Promise<{ url: string } | string> {
  server ??= startTestPostgres()
  const started = await server
  if (typeof started === 'string') return started
  const name = `test_${randomBytes(6).toString('hex')}`
  const client = new pg.Client({ connectionString: started.url })
  await client.connect()
  await client.query(`create database ${name}`)
  await client.end()
  const url = new URL(started.url)
  url.pathname = `/${name}`
  return { url: url.href }
}
