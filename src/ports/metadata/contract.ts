import assert from 'node:assert/strict'
import { sql } from 'kysely'
import { isUniqueViolation } from './database-errors.ts'
import type { Metadata, Migration } from './metadata.ts'

/** The tables that the contract uses. */
export const contractMigrations: Migration[] = [
  {
    name: 'contract-001-create',
    async up(db) {
      await db.schema
        .createTable('things')
        .addColumn('id', 'text', (c) => c.primaryKey())
        .addColumn('at', 'integer', (c) => c.notNull())
        .addColumn('share', 'real')
        .execute()
      await db.schema
        .createTable('parts')
        .addColumn('id', 'text', (c) => c.primaryKey())
        .addColumn('thing_id', 'text', (c) => c.notNull().references('things.id'))
        .execute()
    },
  },
]

/** What every metadata adapter promises, as cases by name. The caller opens a fresh, migrated one for each. */
export const metadataContract: Record<string, (metadata: Metadata) => Promise<void>> = {
  'integers keep 53 bits, reals keep 64, counts and sums are numbers': async ({ db }) => {
    const at = Number.MAX_SAFE_INTEGER
    await db.insertInto('things').values({ id: 'a', at, share: 0.1 }).execute()
    const row = await db.selectFrom('things').selectAll().executeTakeFirstOrThrow()
    assert.deepEqual({ ...row }, { id: 'a', at, share: 0.1 })
    const totals = await db
      .selectFrom('things')
      .select((eb) => [eb.fn.countAll().as('n'), eb.fn.sum('at').as('sum')])
      .executeTakeFirstOrThrow()
    assert.equal(totals.n, 1)
    assert.equal(typeof totals.sum, 'number')
  },
  'a transaction that throws leaves nothing': async (metadata) => {
    const failed = metadata.transaction(async (tx) => {
      await tx.insertInto('things').values({ id: 'a', at: 1 }).execute()
      throw new Error('no')
    })
    await assert.rejects(failed, /no/)
    assert.equal((await metadata.db.selectFrom('things').selectAll().execute()).length, 0)
  },
  'transactions that overlap lose no update': async (metadata) => {
    await metadata.db.insertInto('things').values({ id: 'a', at: 0 }).execute()
    await Promise.all(
      Array.from({ length: 10 }, () =>
        metadata.transaction(async (tx) => {
          await tx
            .updateTable('things')
            .set((eb) => ({ at: eb('at', '+', 1) }))
            .execute()
        }),
      ),
    )
    assert.equal((await metadata.db.selectFrom('things').select('at').executeTakeFirstOrThrow()).at, 10)
  },
  'the outer database refuses work inside a transaction instead of waiting for ever': async (metadata) => {
    const wrong = metadata.transaction(async () => {
      await metadata.db.selectFrom('things').selectAll().execute()
    })
    await assert.rejects(wrong, /use the tx/)
    await assert.rejects(
      metadata.transaction(() => metadata.transaction(async () => {})),
      /already open/,
    )
    assert.deepEqual(await metadata.db.selectFrom('things').selectAll().execute(), [])
  },
  'a second row with the same key is a unique violation, a dangling reference is refused': async ({ db }) => {
    await db.insertInto('things').values({ id: 'a', at: 1 }).execute()
    await assert.rejects(db.insertInto('things').values({ id: 'a', at: 1 }).execute(), isUniqueViolation)
    await assert.rejects(
      db.insertInto('parts').values({ id: 'p', thing_id: 'absent' }).execute(),
      (error) => !isUniqueViolation(error),
    )
  },
  'its clock is the wall clock in milliseconds': async ({ db, nowMs }) => {
    const { rows } = await sql<{ now: number }>`select ${nowMs} as now`.execute(db)
    assert.ok(Math.abs(rows[0]!.now - Date.now()) < 5000, String(rows[0]!.now))
    assert.ok(Number.isInteger(rows[0]!.now))
  },
  'returning gives the rows that were written': async ({ db }) => {
    const rows = await db.insertInto('things').values({ id: 'a', at: 1 }).returning(['id', 'at']).execute()
    assert.deepEqual({ ...rows[0] }, { id: 'a', at: 1 })
    const updated = await db.updateTable('things').set({ at: 2 }).where('id', '=', 'b').executeTakeFirst()
    assert.equal(Number(updated.numUpdatedRows), 0)
  },
  'migrating twice applies once, and a database of a newer version is refused': async (metadata) => {
    await metadata.migrate(contractMigrations)
    await assert.rejects(metadata.migrate([]), /newer version/)
  },
  'is sound': async (metadata) => assert.deepEqual(await metadata.integrityCheck(), []),
}
