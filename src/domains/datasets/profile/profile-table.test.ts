import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { openDuckDb } from '../../../ports/tables/duckdb.ts'
import { copyToParquet } from '../../../ports/tables/sql.ts'
import { importTable } from '../import/import-table.ts'
import type { Column, Profile } from '../schema.ts'
import { type ColumnFacts, readGrouped, toColumnProfile } from './column-profile.ts'
import { groupedStatement } from './column-statements.ts'
import { type ProfiledTable, profileTable, withTarget } from './profile-table.ts'

// Made by scripts/make-profile-references.py with pandas and scipy.
const references = JSON.parse(readFileSync(join(import.meta.dirname, 'references.json'), 'utf8')).tables

const folder = mkdtempSync(join(tmpdir(), 'atoll-profile-'))
const tables = openDuckDb()
after(async () => {
  await tables.close()
  rmSync(folder, { recursive: true, force: true })
})

async function example(name: string, path: string): Promise<ProfiledTable> {
  const into = join(folder, name)
  mkdirSync(into)
  const file = { path: join(import.meta.dirname, '../../../../examples', path), filename: path }
  return importTable({ tables, folder: into, progress() {} }, file, { pseudonymKey: null })
}

const column = (name: string, type: Column['type']): Column => ({
  name,
  type,
  nullable: false,
  personalData: null,
  description: '',
  unit: null,
})

/** The same as offset_table in the script. */
async function offsetTable(): Promise<ProfiledTable> {
  const path = join(folder, 'offset.parquet')
  const sql = `SELECT range AS __row, 1e9 + (range * 7919 % 1000) / 1000 AS far, range * 31 % 97 AS near, ['a', 'b', 'c'][(range * range % 3 + 1)::INTEGER] AS "group" FROM range(1000)`
  await tables.run({ folders: [folder], statements: [{ sql: copyToParquet(sql, path, 4) }] })
  return { path, rows: 1000, columns: [column('far', 'number'), column('near', 'integer'), column('group', 'category')] }
}

const all: Record<string, () => Promise<ProfiledTable>> = {
  telco: () => example('telco', 'telco/telco_churn.csv'),
  penguins: () => example('penguins', 'penguins/penguins.csv'),
  credit: () => example('credit', 'german-credit/german_credit.csv'),
  offset: offsetTable,
}

const near = (actual: number | null | undefined, expected: number, what: string) =>
  assert.ok(
    actual !== null && actual !== undefined && Math.abs(actual - expected) <= 1e-9 * Math.max(1, Math.abs(expected)),
    `${what}: ${actual} is not ${expected}`,
  )

function sameColumn(found: Profile['columns'][number], expected: any, what: string): void {
  assert.deepEqual(
    [found.count, found.missing, found.distinct, found.distinctError],
    [expected.count, expected.missing, expected.distinct, 0],
    what,
  )
  if (expected.top)
    assert.deepEqual(
      found.top.map(({ value, count }) => [value, count]),
      expected.top,
      what,
    )
  if (!expected.numeric) return
  const { numeric, histogram } = found
  for (const name of ['min', 'max', 'mean', 'std', 'skewness'] as const)
    near(numeric![name], expected.numeric[name], `${what} ${name}`)
  for (const [name, value] of Object.entries(expected.numeric.quantiles))
    near(numeric!.quantiles[name as 'p50'], value as number, `${what} ${name}`)
  assert.deepEqual([numeric!.zeros, numeric!.negative], [expected.numeric.zeros, expected.numeric.negative], what)
  assert.deepEqual([numeric!.outliers.low, numeric!.outliers.high], expected.numeric.outliers, `${what} outliers`)
  // A value on an edge may fall to either side, by the rounding of the edge.
  const moved = histogram!.counts.reduce((sum, n, at) => sum + Math.abs(n - expected.histogram.counts[at]), 0) / 2
  assert.ok(moved <= 0.02 * found.count, `${what} histogram: ${moved} values elsewhere`)
  assert.equal(
    histogram!.counts.reduce((sum, n) => sum + n, 0),
    found.count,
  )
}

for (const [name, open] of Object.entries(all))
  test(`the profile of ${name} agrees with pandas and scipy to 1e-9`, async () => {
    const table = await open()
    const expected = references[name]
    const profile = await profileTable({ tables, folder, progress() {} }, table, { dataset: 'ds_1', version: 'dsv_1' })
    assert.deepEqual([profile.rows, profile.duplicateRows], [expected.rows, expected.duplicates])
    for (const found of profile.columns) sameColumn(found, expected.columns[found.name], `${name} ${found.name}`)
    const { columns, values } = profile.correlations
    let compared = 0
    for (const [i, a] of columns.entries())
      for (const [j, b] of columns.entries()) {
        const reference = expected.pairs[`${a}|${b}`] ?? expected.pairs[`${b}|${a}`]
        if (i === j) continue
        near(values[i]![j], reference, `${name} ${a} with ${b}`)
        compared++
      }
    assert.equal(compared / 2, Object.keys(expected.pairs).length)
  })

test('grouping by value gives the same as scanning', async () => {
  const table = await example('telco-again', 'telco/telco_churn.csv')
  for (const one of table.columns) {
    const [result] = await tables.run({
      files: [table.path],
      statements: [{ sql: groupedStatement(one, `read_parquet('${table.path}')`) }],
    })
    const facts: ColumnFacts = readGrouped(result!.rows[0]!)
    sameColumn(toColumnProfile(one, facts), references.telco.columns[one.name], `grouped ${one.name}`)
  }
})

test('a target adds how each column goes with it, and warns of what gives it away', async () => {
  const path = join(folder, 'leak.parquet')
  const sql = `SELECT range AS __row, CASE WHEN range % 20 = 0 THEN 'yes' ELSE 'no' END AS y, CASE WHEN range % 20 = 0 THEN 'closed' ELSE 'open' END AS leak, range % 7 AS x, 5 AS same FROM range(2000)`
  await tables.run({ folders: [folder], statements: [{ sql: copyToParquet(sql, path, 5) }] })
  const table = {
    path,
    rows: 2000,
    columns: [column('y', 'category'), column('leak', 'category'), column('x', 'integer'), column('same', 'integer')],
  }
  const work = { tables, folder, progress() {} }
  const profile = await withTarget(work, table, await profileTable(work, table, { dataset: 'ds_1', version: 'dsv_1' }), 'y')
  assert.deepEqual(profile.target, {
    column: 'y',
    task: 'binary',
    classes: [
      { value: 'no', count: 1900 },
      { value: 'yes', count: 100 },
    ],
  })
  const leak = profile.columns.find(({ name }) => name === 'leak')!.target!
  assert.equal(leak.measure, 'cramers_v')
  near(leak.value, 1, 'leak')
  assert.deepEqual(leak.groups, [
    { label: 'open', count: 1900, target: 0 },
    { label: 'closed', count: 100, target: 1 },
  ])
  const x = profile.columns.find(({ name }) => name === 'x')!.target!
  assert.equal(
    x.groups.reduce((sum, { count }) => sum + count, 0),
    2000,
  )
  const codes = profile.warnings.map(({ code, column: of }) => `${code} ${of}`)
  for (const code of ['leak_suspect leak', 'imbalance y', 'constant same', 'duplicate_rows null'])
    assert.ok(codes.includes(code), `${code} in ${codes}`)
  assert.equal(profile.warnings[0]!.severity, 'serious')
})

test('a column without values, of one value, and of times are profiled', async () => {
  const path = join(folder, 'odd.parquet')
  const sql = `SELECT range AS __row, NULL::DOUBLE AS none, NULL::VARCHAR AS nothing, 3.5 AS one, TIMESTAMP '2024-01-01' + INTERVAL (range) DAY AS t, range % 2 = 0 AS b FROM range(50)`
  await tables.run({ folders: [folder], statements: [{ sql: copyToParquet(sql, path, 6) }] })
  const columns = [
    column('none', 'number'),
    column('nothing', 'text'),
    column('one', 'number'),
    column('t', 'datetime'),
    column('b', 'boolean'),
  ]
  const profile = await profileTable(
    { tables, folder, progress() {} },
    { path, rows: 50, columns },
    { dataset: 'ds_1', version: 'dsv_1' },
  )
  const [none, nothing, one, t, b] = profile.columns
  assert.deepEqual([none!.count, none!.missing, none!.numeric, none!.histogram], [0, 50, null, null])
  assert.deepEqual([nothing!.textLength, nothing!.top], [null, []])
  assert.deepEqual(
    [one!.constant, one!.numeric!.std, one!.numeric!.skewness, one!.histogram],
    [true, 0, null, { edges: [3.5, 3.5], counts: [50] }],
  )
  assert.deepEqual(t!.datetime, { min: '2024-01-01T00:00:00.000Z', max: '2024-02-19T00:00:00.000Z' })
  assert.deepEqual(b!.top, [
    { value: 'false', count: 25 },
    { value: 'true', count: 25 },
  ])
})

test('columns that are called like our own names are told apart', async () => {
  const names = ['x', 'n', 'v', 'c', 'y', 'g', 'b', 'd', 's', 'm', 'r', 'held', 'facts', 'part']
  const path = join(folder, 'names.parquet')
  const value = (at: number) => (at % 2 ? `'k' || (range + ${at}) % 3` : `(range * ${at + 1} % 17)::DOUBLE`)
  const sql = `SELECT range AS __row, ${names.map((name, at) => `${value(at)} AS "${name}"`).join(', ')} FROM range(300)`
  await tables.run({ folders: [folder], statements: [{ sql: copyToParquet(sql, path, 15) }] })
  const columns = names.map((name, at) => column(name, at % 2 ? 'category' : 'number'))
  const work = { tables, folder, progress() {} }
  for (const target of ['y', 'v', 'n', 'x']) {
    const table = { path, rows: 300, columns }
    const profile = await withTarget(work, table, await profileTable(work, table, { dataset: 'ds_1', version: 'dsv_1' }), target)
    for (const one of profile.columns) {
      assert.equal(one.distinct, one.type === 'category' ? 3 : 17, one.name)
      assert.equal(
        one.top.reduce((sum, { count }) => sum + count, 0),
        one.type === 'category' ? 300 : one.top.length * 18 - one.top.filter(({ count }) => count === 17).length,
        one.name,
      )
    }
  }
  for (const one of columns) {
    const [result] = await tables.run({ files: [path], statements: [{ sql: groupedStatement(one, `read_parquet('${path}')`) }] })
    assert.equal(readGrouped(result!.rows[0]!).distinct, one.type === 'category' ? 3 : 17, one.name)
  }
})
