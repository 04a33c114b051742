import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { openDuckDb } from '../../../ports/tables/duckdb.ts'
import { copyToParquet, parquet } from '../../../ports/tables/sql.ts'
import type { Column } from '../schema.ts'
import { quotasOf } from './quotas.ts'
import { type SplitWish, splitTable } from './split-table.ts'

const folder = mkdtempSync(join(tmpdir(), 'atoll-split-'))
const tables = openDuckDb()
after(async () => {
  await tables.close()
  rmSync(folder, { recursive: true, force: true })
})

const path = join(folder, 'table.parquet')
const columns = ['y', 'g', 'p', 't', 'x', 'q'].map(
  (name): Column => ({ name, type: 'category', nullable: true, personalData: null, description: '', unit: null }),
)
const rows = 1003
await tables.run({
  folders: [folder],
  statements: [
    {
      sql: copyToParquet(
        `SELECT range AS __row, CASE WHEN range % 97 = 5 THEN NULL WHEN range % 10 = 0 THEN 'rare' ELSE 'often' END AS y,
          'g' || (range % 40) AS g, CASE WHEN range % 5 = 0 THEN 'Test' WHEN range % 7 = 1 THEN ' dev ' ELSE 'train' END AS p, TIMESTAMP '2024-01-01' + INTERVAL (range // 3) HOUR AS t, range::DOUBLE AS x, CASE WHEN range = 41 THEN 'tset' ELSE 'train' END AS q FROM range(${rows})`,
        path,
        7,
      ),
    },
  ],
})

const wish: SplitWish = { kind: 'random', target: null, groupColumn: null, timeColumn: null, test: 0.2, validation: 0.1, seed: 7 }
const work = { tables, folder, progress() {} }
const split = (changes: Partial<SplitWish>) => splitTable(work, { path, columns }, { ...wish, ...changes })
const read = async (file: string, what: string): Promise<unknown[]> =>
  (await tables.run({ files: [file], statements: [{ sql: `SELECT ${what} FROM ${parquet(file)}` }], quick: true }))[0]!.rows.map(
    ([value]) => value,
  )
const sizes = (parts: { part: string; rows: number }[]) => Object.fromEntries(parts.map(({ part, rows: n }) => [part, n]))

test('a random split has exactly the wanted sizes, no row twice, and keeps the order', async () => {
  const parts = await split({})
  assert.deepEqual(sizes(parts), { test: 201, validation: 100, train: 702 })
  const all: number[] = []
  for (const part of parts) {
    const ids = (await read(part.path, '__row')) as number[]
    assert.deepEqual(
      ids,
      [...ids].sort((a, b) => a - b),
    )
    assert.equal(ids.length, part.rows)
    all.push(...ids)
  }
  assert.deepEqual(
    all.sort((a, b) => a - b),
    Array.from({ length: rows }, (_, at) => at),
  )
})

test('the same seed gives the same rows, another seed others', async () => {
  const first = await read((await split({ seed: 7 }))[0]!.path, '__row')
  assert.deepEqual(await read((await split({ seed: 7 }))[0]!.path, '__row'), first)
  assert.notDeepEqual(await read((await split({ seed: 8 }))[0]!.path, '__row'), first)
  assert.deepEqual(first.slice(0, 5), [3, 9, 10, 18, 34], 'a change here changes every split that people made')
})

test('a stratified split gives each class its share and leaves out rows without a target', async () => {
  const parts = await split({ kind: 'stratified', target: 'y' })
  const used = rows - 11
  assert.equal(
    parts.reduce((sum, { rows: n }) => sum + n, 0),
    used,
  )
  assert.equal(sizes(parts).test, Math.round(used * 0.2))
  for (const part of parts) {
    const y = await read(part.path, 'y')
    assert.ok(Math.abs(y.filter((value) => value === 'rare').length - (part.rows * 100) / used) <= 1.5)
    assert.ok(!y.includes(null))
  }
})

test('a grouped split keeps every group in one part', async () => {
  const parts = await split({ kind: 'grouped', groupColumn: 'g' })
  const seen = new Map<unknown, string>()
  for (const part of parts)
    for (const g of new Set(await read(part.path, 'g'))) {
      assert.equal(seen.get(g), undefined)
      seen.set(g, part.part)
    }
  assert.equal(seen.size, 40)
  assert.ok(Math.abs(sizes(parts).test! - 200) < 30)
})

test('a split by time tests on the latest rows and does not part rows of one moment', async () => {
  const parts = await split({ kind: 'time', timeColumn: 't' })
  const [testTimes, validationTimes, trainTimes] = await Promise.all(
    parts.map((part) => read(part.path, 't') as Promise<string[]>),
  )
  assert.ok(trainTimes!.at(-1)! < validationTimes![0]!)
  assert.ok(validationTimes!.at(-1)! < testTimes![0]!)
  assert.ok(Math.abs(testTimes!.length - 201) <= 3)
})

test('columns that are called like our own names are told apart', async () => {
  const names = ['r', 's', 'k', 'm', 'n', 'g', 'test', 'held', 'part', 'upto', 'later', 'nth']
  const odd = join(folder, 'odd.parquet')
  const list = names.map((name, at) => `(range * ${at + 3} % ${at + 5}) AS "${name}"`).join(', ')
  await tables.run({
    folders: [folder],
    statements: [{ sql: copyToParquet(`SELECT range AS __row, ${list} FROM range(400)`, odd, 13) }],
  })
  const table = { path: odd, columns: names.map((name): Column => ({ ...columns[0]!, name, type: 'integer' })) }
  for (const name of names)
    for (const kind of ['stratified', 'grouped', 'time'] as const) {
      const parts = await splitTable(work, table, { ...wish, kind, target: name, groupColumn: name, timeColumn: name })
      assert.equal(
        parts.reduce((sum, { rows: count }) => sum + count, 0),
        400,
        `${kind} ${name}`,
      )
    }
})

test('says why a split cannot be made', async () => {
  await assert.rejects(split({ kind: 'grouped', groupColumn: 'y', target: 'y' }), {
    code: 'invalid_input',
    message: /"y" has 2 groups; this split needs at least 3/,
  })
  await assert.rejects(split({ test: 0.0001 }), { code: 'invalid_input', message: /test part would have no rows/ })
})

test('quotas are exact, and a class of one row stays in training', () => {
  const quotas = quotasOf(
    [
      { stratum: 'a', rows: 7 },
      { stratum: 'b', rows: 2 },
      { stratum: 'c', rows: 1 },
    ],
    { test: 0.3, validation: 0.1 },
  )
  assert.equal(
    quotas.reduce((sum, { test }) => sum + test, 0),
    3,
  )
  assert.deepEqual(quotas[2], { stratum: 'c', test: 0, validation: 0 })
})

test('a split that came with the data is taken as it is, without the column that names the parts', async () => {
  const parts = await split({ kind: 'given', partColumn: 'p', test: 0.5, validation: 0 })
  assert.deepEqual(sizes(parts), { test: 201, validation: 115, train: 687 })
  const [test] = parts
  assert.ok((await read(test!.path, '__row')).every((row) => Number(row) % 5 === 0))
  assert.deepEqual(await read(test!.path, "count(COLUMNS('^p$'))").catch(() => 'no such column'), 'no such column')
})

test('a word that names no part is refused with its row', async () => {
  await assert.rejects(
    split({ kind: 'given', partColumn: 'q' }),
    /Column "q" holds "tset" in 1 row, first in row 41\. .*train, validation or test/,
  )
})
