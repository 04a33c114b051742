import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tablesContract } from './contract.ts'
import { openDuckDb } from './duckdb.ts'
import { identifier, literal, rowGroupSize } from './sql.ts'

tablesContract(() => openDuckDb({ idleMs: 500 }))

test('an idle engine has no process left', async () => {
  const tables = openDuckDb({ idleMs: 50 })
  await tables.run({ statements: [{ sql: 'SELECT 1' }] })
  const children = () => process.getActiveResourcesInfo().filter((name) => name === 'ProcessWrap').length
  await new Promise((done) => setTimeout(done, 400))
  assert.equal(children(), 0)
  await tables.close()
})

test('a name keeps its quotes and cannot leave them', () => {
  assert.equal(identifier('a"; DROP TABLE x; --'), '"a""; DROP TABLE x; --"')
  assert.equal(literal("it's"), "'it''s'")
  assert.throws(() => identifier('a\0b'), { code: 'invalid_input' })
})

test('row groups shrink with the width and stay whole vectors', () => {
  assert.equal(rowGroupSize(20), 122_880)
  assert.equal(rowGroupSize(10_000), 2048)
  assert.equal(rowGroupSize(100) % 2048, 0)
})
