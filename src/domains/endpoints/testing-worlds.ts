import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isPlatformError, type PlatformError } from '../../kernel/errors.ts'
import type { Metadata } from '../../ports/metadata/metadata.ts'
import { openSqlite } from '../../ports/metadata/sqlite.ts'
import { onEachDatabase } from '../../ports/metadata/testing.ts'
import { servingMigrations, servingWorld } from './testing.ts'

// Apart from testing.ts, which the bench uses too: a process that loads node:test pays for every promise.

export type ServingWorld = Awaited<ReturnType<typeof servingWorld>>

async function inWorld(metadata: Metadata, work: (w: ServingWorld) => Promise<void>): Promise<void> {
  const w = await servingWorld(metadata)
  try {
    await work(w)
    assert.deepEqual(w.errors, [])
  } finally {
    await w.endpoints.close()
    await w.done()
  }
}

/** A test of serving on SQLite and on PostgreSQL; it fails too where something went wrong that nobody waited for. */
export const onBoth = (name: string, work: (w: ServingWorld) => Promise<void>) =>
  onEachDatabase(name, servingMigrations, (metadata) => inWorld(metadata, work))

/** The same on SQLite alone. */
export const onSqlite = (name: string, work: (w: ServingWorld) => Promise<void>) =>
  test(name, { timeout: 60_000 }, async () => {
    const metadata = openSqlite({ file: ':memory:' })
    await metadata.migrate(servingMigrations)
    await inWorld(metadata, work)
    await metadata.close()
  })

/** What a call is refused with. */
export async function refusal(work: Promise<unknown>): Promise<PlatformError> {
  const error = await work.then(
    () => assert.fail('it was accepted'),
    (thrown) => thrown,
  )
  assert.ok(isPlatformError(error), String(error?.stack ?? error))
  return error
}
