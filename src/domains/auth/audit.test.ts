import assert from 'node:assert/strict'
import { onEachDatabase } from '../../ports/metadata/testing.ts'
import { audit, listAudit, verifyAudit } from './audit.ts'
import { authMigrations } from './migrations.ts'
import { authTables } from './tables.ts'
import { authWorld } from './testing.ts'

onEachDatabase('entries written at the same time form one whole chain', authMigrations, async (metadata) => {
  const { admin } = await authWorld(metadata)
  const before = (await verifyAudit(metadata)).entries
  await Promise.all(
    Array.from({ length: 20 }, (_, i) => metadata.transaction((tx) => audit(tx, admin, 'test', { facts: { i } }))),
  )
  assert.deepEqual(await verifyAudit(metadata), { entries: before + 20, brokenAt: null, reason: null })
})

onEachDatabase('an entry is there exactly when its change is', authMigrations, async (metadata) => {
  const { admin } = await authWorld(metadata)
  const before = (await verifyAudit(metadata)).entries
  const failed = metadata.transaction(async (tx) => {
    await audit(tx, admin, 'test')
    throw new Error('the change failed')
  })
  await assert.rejects(failed)
  assert.deepEqual(await verifyAudit(metadata), { entries: before, brokenAt: null, reason: null })
})

onEachDatabase('a changed, removed, inserted or cut-off entry shows', authMigrations, async (metadata) => {
  const { admin } = await authWorld(metadata)
  for (let i = 0; i < 5; i++) await metadata.transaction((tx) => audit(tx, admin, 'test', { facts: { i } }))
  const { entries } = await verifyAudit(metadata)
  const db = authTables(metadata.db)
  const row = await db
    .selectFrom('audit')
    .selectAll()
    .where('seq', '=', entries - 2)
    .executeTakeFirstOrThrow()

  await db.updateTable('audit').set({ actor_name: 'Mallory' }).where('seq', '=', row.seq).execute()
  assert.equal((await verifyAudit(metadata)).brokenAt, row.seq)
  await db.updateTable('audit').set({ actor_name: row.actor_name }).where('seq', '=', row.seq).execute()
  assert.equal((await verifyAudit(metadata)).brokenAt, null)

  await db.deleteFrom('audit').where('seq', '=', row.seq).execute()
  assert.equal((await verifyAudit(metadata)).brokenAt, row.seq)
  await db.insertInto('audit').values(row).execute()

  const last = await db.selectFrom('audit').selectAll().where('seq', '=', entries).executeTakeFirstOrThrow()
  await db.deleteFrom('audit').where('seq', '=', entries).execute()
  assert.equal((await verifyAudit(metadata)).brokenAt, entries)
  await db
    .insertInto('audit')
    .values({ ...last, hash: 'f'.repeat(64) })
    .execute()
  assert.equal((await verifyAudit(metadata)).brokenAt, entries)
})

onEachDatabase('the list pages from the newest entry to the first', authMigrations, async (metadata) => {
  const { admin } = await authWorld(metadata)
  for (let i = 0; i < 7; i++) await metadata.transaction((tx) => audit(tx, admin, 'test', { target: 'x', facts: { i } }))
  const seen: unknown[] = []
  for (let cursor: string | undefined; ; ) {
    const page = await listAudit(metadata.db, { limit: 3, target: 'x', ...(cursor && { cursor }) })
    seen.push(...page.items.map((entry) => entry.facts.i))
    if (!page.nextCursor) break
    cursor = page.nextCursor
  }
  assert.deepEqual(seen, [6, 5, 4, 3, 2, 1, 0])
})
