import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { openLocalExecutor } from '../../ports/executors/local.ts'
import { openSqlite } from '../../ports/metadata/sqlite.ts'
import { openDuckDb } from '../../ports/tables/duckdb.ts'
import { jobTables } from '../jobs/tables.ts'
import { DatasetInput } from './schema.ts'
import { datasetTables } from './tables.ts'
import { type DatasetsWorld, datasetsTestMigrations, datasetsWorld } from './testing.ts'

const folder = mkdtempSync(join(tmpdir(), 'atoll-bad-'))
const executor = await openLocalExecutor({ python: 'python3' })
const tables = openDuckDb()
const metadata = openSqlite({ file: ':memory:' })
let world: DatasetsWorld
before(async () => {
  await metadata.migrate(datasetsTestMigrations)
  world = await datasetsWorld(metadata, { executor, tables, folder })
})
after(async () => {
  await world.close()
  await tables.close()
  await executor.close()
  await metadata.close()
  rmSync(folder, { recursive: true, force: true })
})

/** What must be as before after a refusal. */
async function state() {
  const blobs: string[] = []
  for await (const { sha256 } of world.blobs.list()) blobs.push(sha256)
  const count = async (table: 'datasets' | 'dataset_versions') =>
    (await datasetTables(metadata.db).selectFrom(table).select('id').execute()).length
  return {
    blobs: blobs.length,
    datasets: await count('datasets'),
    versions: await count('dataset_versions'),
    jobs: (await jobTables(metadata.db).selectFrom('jobs').select('id').execute()).length,
    scratch: readdirSync(join(folder, 'scratch')).length,
  }
}

function refuses(
  what: string,
  bytes: Buffer | string,
  expected: { code?: string; message: RegExp; facts?: Record<string, unknown> },
  input: Record<string, unknown> = {},
) {
  test(`refuses ${what} in one sentence, at once, and leaves nothing`, async () => {
    await world.datasets.tidy()
    const source = { upload: await world.upload(world.admin, 'bad.csv', bytes) }
    await world.files.makeFolder(join(folder, 'scratch'))
    const before = await state()
    const started = performance.now()
    await assert.rejects(
      world.datasets.create(world.admin, DatasetInput.parse({ name: 'bad', source, ...input })),
      (error: any) => {
        assert.equal(error.code, expected.code ?? 'invalid_input', error.message)
        assert.match(error.message, expected.message)
        assert.ok(!error.message.includes(folder), 'no path of ours in the words')
        assert.ok(error.message.length < 400)
        for (const [key, value] of Object.entries(expected.facts ?? {})) assert.deepEqual(error.facts[key], value)
        return true
      },
    )
    assert.ok(performance.now() - started < 15_000)
    assert.deepEqual(await state(), before)
    await world.datasets.uploads.remove(world.admin, source.upload)
  })
}

const lines = (n: number, line: (at: number) => string) => Array.from({ length: n }, (_, at) => line(at)).join('\n')

const jsonLines = Array.from({ length: 20 }, (_, at) => JSON.stringify({ text: `row ${at}`, messages: [{ role: 'user' }] }))
for (const [what, broken] of Object.entries({ 'that ends early': '{"text": "cut off', 'of something else': 'hello' }))
  refuses(`JSON lines with a line ${what}`, jsonLines.with(12, broken).join('\n'), {
    message: /^bad\.csv, line 13: this is not valid JSON \(.+\)\. Mend that line/,
    facts: { line: 13, filename: 'bad.csv' },
  })

refuses('a file of spaces', ' \n \n', { message: /holds no text/ })
refuses('a header without rows', 'a,b,c\n', { message: /no rows below/ })
refuses('a line with too few fields', `a,b,c\n${lines(50, (at) => `${at},x,y`)}\n51,x\n`, {
  message: /^Line 52 has 2 fields where 3 are expected/,
  facts: { line: 52, expected: 3, found: 2 },
})
refuses('a line with too many fields', `a;b\n1;2\n3;4;5\n6;7\n8;9\n`, {
  message: /^Line 3 has 3 fields where 2 are expected \(delimiter ";"\)/,
})
refuses('a quote that is never closed', `a,b\n1,2\n3,"four\n5,6\n7,8\n`, {
  message: /^Line 3 opens a quote that is never closed/,
})
refuses('an image', Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, 1, 2, 3]), {
  code: 'unsupported_type',
  message: /^This is an image, not a table/,
})
refuses('random bytes', Buffer.from(Array.from({ length: 4000 }, (_, at) => (at * 7919 + (at >> 3) * 31) & 255)), {
  code: 'unsupported_type',
  message: /not a table/,
})
refuses('a gzip file', Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 2]), {
  code: 'unsupported_type',
  message: /compressed with gzip \(unpack it first\)/,
})
refuses('an archive that is damaged', Buffer.concat([Buffer.from('PK\x03\x04'), Buffer.alloc(200, 7)]), {
  message: /zip archive is damaged or cut off/,
})
refuses('a Parquet file that is cut off', Buffer.concat([Buffer.from('PAR1'), Buffer.alloc(500, 3)]), {
  message: /Parquet file is damaged or cut off/,
})
refuses(
  '10,000 columns',
  `${lines(10_000, (at) => `c${at}`).replaceAll('\n', ',')}\n${lines(10_000, (at) => `${at}`).replaceAll('\n', ',')}\n`,
  { message: /10000 columns; at most 2000 are read/, facts: { columns: 10_000, limit: 2000 } },
)
refuses('a cell longer than a row may be', `a,b\n1,${'x'.repeat(9 * 1024 ** 2)}\n2,y\n`, {
  message: /longer than 8 MB/,
  facts: { line: 2 },
})
refuses('a table whose every value is missing', `a,b\n${lines(20, () => 'NA,')}\n`, {
  message: /20 rows and 2 columns, and every value is missing/,
})
refuses(
  'bytes that are not of the named encoding',
  Buffer.from('name,age\nJ\xfcrgen,3\n', 'latin1'),
  { message: /^Line 2 holds bytes that are not utf-8 text/, facts: { line: 2 } },
  { options: { encoding: 'utf-8' } },
)
refuses(
  'a value that is not of the chosen type',
  `id,age\n${lines(2000, (at) => `${at},${at === 1041 ? 'abc' : at % 90}`)}\n`,
  { message: /^Row 1042, column "age": "abc" is not a whole number/, facts: { row: 1042, column: 'age', value: 'abc' } },
  { columns: [{ name: 'age', type: 'integer' }] },
)
refuses(
  'a date that is not one',
  `d\n2024-01-01\n2024-02-30\n2024-03-01\n`,
  { message: /^Row 2, column "d": "2024-02-30" is not a date/, facts: { row: 2, column: 'd' } },
  { columns: [{ name: 'd', type: 'datetime' }] },
)
refuses(
  'a change of a column that is not there',
  'age,churn\n1,no\n2,yes\n',
  { message: /no column "aeg". Did you mean "age"\?/, facts: { column: 'aeg' } },
  { columns: [{ name: 'aeg', action: 'drop' }] },
)
refuses(
  'a target that is not there',
  'age,churn\n1,no\n2,yes\n',
  { message: /no column "chrun"/, facts: { field: 'target', column: 'chrun' } },
  { target: 'chrun' },
)
refuses(
  'a target with one class',
  `x,y\n${lines(30, (at) => `${at},same`)}\n`,
  { message: /one and the same value in every row/, facts: { column: 'y' } },
  { target: 'y' },
)
refuses(
  'a target that is missing everywhere',
  `x,y\n${lines(30, (at) => `${at},`)}\n`,
  { message: /missing in every row/, facts: { column: 'y' } },
  { target: 'y' },
)
refuses(
  'a target of free text',
  `x,y\n${lines(300, (at) => `${at},The number of this row is ${at * 7919} and it says so at length`)}\n`,
  { message: /free text/, facts: { column: 'y' } },
  { target: 'y' },
)
refuses(
  'two columns of one name after renaming',
  'a,b\n1,2\n',
  { message: /Two columns would be called "b"/ },
  { columns: [{ name: 'a', rename: 'B' }] },
)
refuses(
  'a delimiter that could be anything',
  'a,b\n1,2\n',
  { message: /delimiter/, facts: { field: 'options.delimiter' } },
  { options: { delimiter: "'; " } },
)
refuses('JSON that is not', '{"a": 1}\n{"a": 2}\n{"a": \n{"a": 4}\n', { message: /not valid JSON|cannot be read/ })

test('an empty upload is refused when it is announced', async () => {
  await assert.rejects(world.datasets.uploads.create(world.admin, { filename: 'a.csv', sizeBytes: 0 }), {
    code: 'invalid_input',
    message: /empty/,
  })
})

test('what only the rest of a large file shows fails its job with row and column, and leaves nothing', async () => {
  const rows = 400_000
  const bytes = `n,padding,age\n${lines(rows, (at) => `${at},${'p'.repeat(20)},${at === rows - 2 ? 'old' : at % 90}`)}\n`
  const before = await state()
  const source = { upload: await world.upload(world.admin, 'large.csv', bytes) }
  const { job } = await world.datasets.create(
    world.admin,
    DatasetInput.parse({ name: 'large', source, columns: [{ name: 'age', type: 'integer' }] }),
  )
  const ended = await world.jobs.ended(job, AbortSignal.timeout(120_000))
  const failure = JSON.parse(ended.failure!)
  assert.match(failure.message, new RegExp(`^Row ${rows - 1}, column "age": "old"`))
  assert.equal(failure.facts.row, rows - 1)
  const now = await state()
  assert.deepEqual({ ...now, jobs: before.jobs }, before)
  await world.datasets.uploads.remove(world.admin, source.upload)
})

test('duplicate and empty names are renamed, and it is said', async () => {
  const { version } = await world.add('renamed', 'a,A,,a\n1,2,3,4\n5,6,7,8\n')
  assert.deepEqual(
    version.columns.map(({ name }) => name),
    ['a', 'A_2', 'column_3', 'a_3'],
  )
  assert.equal(version.warnings.filter(({ code }) => code === 'renamed').length, 3)
})

test('2,000 columns are read', async () => {
  const wide = `${lines(2000, (at) => `c${at}`).replaceAll('\n', ',')}\n${lines(30, (row) => lines(2000, (at) => `${at % 3 ? row * at : 'ab'[row % 2]}`).replaceAll('\n', ','))}\n`
  const { version } = await world.add('wide', wide)
  assert.deepEqual([version.columns.length, version.rows], [2000, 30])
})
