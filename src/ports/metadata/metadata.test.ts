import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { contractMigrations, metadataContract } from './contract.ts'
import { translateDatabaseError } from './database-errors.ts'
import { openSqlite } from './sqlite.ts'
import { onEachDatabase } from './testing.ts'

for (const [name, check] of Object.entries(metadataContract)) onEachDatabase(name, contractMigrations, check)

test('a backup taken while open is a whole database', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'atoll-metadata-'))
  const metadata = openSqlite({ file: join(folder, 'a.db') })
  try {
    await metadata.migrate(contractMigrations)
    await metadata.db.insertInto('things').values({ id: 'a', at: 1 }).execute()
    await metadata.backup(join(folder, 'b.db'))
    const copy = openSqlite({ file: join(folder, 'b.db') })
    assert.equal((await copy.db.selectFrom('things').selectAll().execute()).length, 1)
    assert.deepEqual(await copy.integrityCheck(), [])
    await copy.close()
  } finally {
    await metadata.close()
    await rm(folder, { recursive: true })
  }
})

test('the embedded database confirms only what is on disk', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'atoll-metadata-'))
  const metadata = openSqlite({ file: join(folder, 'a.db') })
  const { sql } = await import('kysely')
  const pragma = async (name: string) =>
    Object.values((await sql.raw(`pragma ${name}`).execute(metadata.db)).rows[0] as object)[0]
  assert.equal(await pragma('journal_mode'), 'wal')
  assert.equal(await pragma('synchronous'), 2)
  assert.equal(await pragma('foreign_keys'), 1)
  await metadata.close()
  await rm(folder, { recursive: true })
})

test('a full disk and a lost server are errors that a caller can act on', () => {
  const full = translateDatabaseError(Object.assign(new Error('database or disk is full'), { code: 'SQLITE_FULL' }))
  assert.equal((full as { code: string }).code, 'storage_full')
  const lost = translateDatabaseError(Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }))
  assert.equal((lost as { code: string }).code, 'unavailable')
})
