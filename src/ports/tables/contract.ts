import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { copyToParquet, literal, parquet } from './sql.ts'
import type { Tables } from './tables.ts'

/** What every table engine must hold. */
export function tablesContract(open: () => Tables): void {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'atoll-tables-')))
  const inside = join(root, 'inside')
  const outside = join(root, 'outside')
  mkdirSync(inside)
  mkdirSync(outside)
  writeFileSync(join(outside, 'secret.csv'), 'canary\nc4n4ry\n')
  const tables = open()
  after(async () => {
    await tables.close()
    rmSync(root, { recursive: true, force: true })
  })
  const one = async (sql: string, params: (string | number | null)[] = []) =>
    (await tables.run({ folders: [inside], statements: [{ sql, params }], quick: true }))[0]!

  test('values arrive as JSON would have them', async () => {
    const { columns, rows } = await one(
      `SELECT 1::BIGINT AS a, 9007199254740993::BIGINT AS b, TIMESTAMP '2024-02-29 12:00:00' AS c, NULL AS d, 1.5::DECIMAL(4,2) AS e`,
    )
    assert.deepEqual(columns, ['a', 'b', 'c', 'd', 'e'])
    assert.deepEqual(rows, [[1, '9007199254740993', '2024-02-29T12:00:00.000Z', null, 1.5]])
  })

  test('a parameter is a value, whatever it says', async () => {
    assert.deepEqual((await one('SELECT $1 AS x', [`'; COPY (SELECT 1) TO '${outside}/x.csv`])).rows, [
      [`'; COPY (SELECT 1) TO '${outside}/x.csv`],
    ])
    assert.equal(existsSync(join(outside, 'x.csv')), false)
  })

  test('statements of one job share a database, jobs do not', async () => {
    const results = await tables.run({ statements: [{ sql: 'CREATE TABLE t AS SELECT 7 AS x' }, { sql: 'SELECT x FROM t' }] })
    assert.deepEqual(results[1]!.rows, [[7]])
    await assert.rejects(one('SELECT x FROM t'))
  })

  test('a session keeps its tables until it ends, and its child is used again after a failure', async () => {
    const total = await tables.session({}, async (run) => {
      await run([{ sql: 'CREATE TEMP TABLE t AS SELECT range AS x FROM range(4)' }])
      await assert.rejects(run([{ sql: 'SELECT absent FROM t' }]))
      return (await run([{ sql: 'SELECT sum(x) FROM t' }]))[0]!.rows[0]![0]
    })
    assert.equal(total, 6)
    await assert.rejects(one('SELECT x FROM t'))
  })

  test('counts the numbers of a query at and between points, column by column', async () => {
    const query = {
      sql: 'SELECT range::DOUBLE AS a, CASE WHEN range % 2 = 0 THEN NULL ELSE range / 10.0 END::DOUBLE AS b FROM range($1)',
      params: [5000],
    }
    const points = [Float64Array.of(0, 10, 4999), Float64Array.of(1.5, 600)]
    const [a, b] = await tables.session({}, (_run, countCells) => countCells(query, points))
    assert.deepEqual([[...a!.cells], a!.missing], [[0, 1, 9, 1, 4988, 1, 0], 0])
    assert.deepEqual([[...b!.cells], b!.missing], [[7, 1, 2492, 0, 0], 2500])
    await assert.rejects(tables.session({}, (_run, countCells) => countCells({ sql: 'SELECT absent' }, [])))
  })

  test('writes Parquet into a named folder and reads it back, also as a single named file', async () => {
    const file = join(inside, 'a.parquet')
    await one(copyToParquet('SELECT range AS n FROM range(10)', file, 1))
    assert.deepEqual((await one(`SELECT sum(n) FROM ${parquet(file)}`)).rows, [[45]])
    const single = await tables.run({ files: [file], statements: [{ sql: `SELECT count(*) FROM ${parquet(file)}` }] })
    assert.deepEqual(single[0]!.rows, [[10]])
    await assert.rejects(
      tables.run({ files: [join(inside, 'b.parquet')], statements: [{ sql: `SELECT * FROM ${parquet(file)}` }] }),
      { code: 'forbidden' },
    )
  })

  const attacks: [string, string][] = [
    ['reads a system file', `SELECT content FROM read_blob('/etc/passwd')`],
    ['reads a system file as text', `SELECT content FROM read_text('/etc/passwd')`],
    ['reads a neighbour', `SELECT * FROM read_csv('${outside}/secret.csv')`],
    ['climbs out with dots', `SELECT * FROM read_csv('${inside}/../outside/secret.csv')`],
    ['names a file as a table', `SELECT * FROM '${outside}/secret.csv'`],
    ['lists a folder', `SELECT * FROM glob('/etc/*')`],
    ['writes outside', `COPY (SELECT 1) TO '${outside}/x.csv'`],
    ['attaches a database outside', `ATTACH '${outside}/x.db'`],
    ['exports outside', `EXPORT DATABASE '${outside}/all'`],
    ['installs an extension', 'INSTALL httpfs'],
    ['installs a community extension', 'INSTALL shellfs FROM community'],
    ['loads an extension', `LOAD httpfs`],
    ['loads a library', `LOAD '${outside}/x.duckdb_extension'`],
    ['reads over the network', `SELECT * FROM read_csv('http://127.0.0.1:9/x.csv')`],
    ['reads from object storage', `SELECT * FROM read_parquet('s3://bucket/x.parquet')`],
    ['loosens the lock', 'SET enable_external_access = true'],
    ['widens the folders', `SET allowed_directories = ['/']`],
    ['resets the lock', 'RESET lock_configuration'],
    ['raises the memory limit', `SET memory_limit = '1TB'`],
    ['keeps a secret on disk', `CREATE PERSISTENT SECRET s (TYPE s3, KEY_ID 'a', SECRET 'b')`],
    ['turns on a log file', `SET log_query_path = '${outside}/log'`],
  ]
  for (const [what, sql] of attacks)
    test(`refuses SQL that ${what}`, async () => {
      const before = readdirSync(outside).sort()
      await assert.rejects(one(sql), (error: Error) => !error.message.includes('c4n4ry'))
      assert.deepEqual(readdirSync(outside).sort(), before)
    })

  test('does not follow a link out of a named folder', async () => {
    symlinkSync(join(outside, 'secret.csv'), join(inside, 'link.csv'))
    await assert.rejects(one(`SELECT * FROM read_csv('${inside}/link.csv')`), { code: 'forbidden' })
  })

  test('a statement that takes too long is stopped, and the next one is answered', async () => {
    const started = performance.now()
    const forever = 'SELECT sum(a.range * b.range) FROM range(10000000) a, range(10000000) b'
    await assert.rejects(tables.run({ statements: [{ sql: forever }], timeoutMs: 700 }), { code: 'timeout' })
    assert.ok(performance.now() - started < 10_000)
    assert.deepEqual((await one('SELECT 1')).rows, [[1]])
  })

  test('cancel stops the engine', async () => {
    const stop = new AbortController()
    setTimeout(() => stop.abort(), 300)
    const forever = 'SELECT sum(a.range * b.range) FROM range(10000000) a, range(10000000) b'
    await assert.rejects(tables.run({ statements: [{ sql: forever }], signal: stop.signal }), { facts: { cancelled: true } })
  })

  test('a query beyond its memory is refused, not the server', async () => {
    const hungry = `CREATE TABLE t AS SELECT md5(range::VARCHAR) AS m, repeat('x', 200) || range AS r FROM range(3000000)`
    await assert.rejects(tables.run({ statements: [{ sql: hungry }], memoryBytes: 64 * 1024 ** 2 }), { code: 'too_large' })
  })

  test('spills into the scratch folder when it has one', async () => {
    const scratch = join(inside, 'spill')
    const hungry = `CREATE TABLE t AS SELECT md5(range::VARCHAR) AS m FROM range(3000000)`
    const counted = `SELECT count(*) FROM (SELECT m FROM t ORDER BY m)`
    const results = await tables.run({
      folders: [inside],
      scratch,
      statements: [{ sql: hungry }, { sql: counted }],
      memoryBytes: 100 * 1024 ** 2,
    })
    assert.deepEqual(results[1]!.rows, [[3_000_000]])
  })

  test('a quick question is answered while long work fills its lane', async () => {
    const stop = new AbortController()
    const forever = 'SELECT sum(a.range * b.range) FROM range(10000000) a, range(10000000) b'
    const long = [1, 2, 3].map(() =>
      tables.run({ statements: [{ sql: forever }], signal: stop.signal, threads: 1 }).catch(() => 'stopped'),
    )
    assert.deepEqual((await one('SELECT 2')).rows, [[2]])
    stop.abort()
    assert.deepEqual(await Promise.all(long), ['stopped', 'stopped', 'stopped'])
  })

  test('rewrites Latin-1 and UTF-16 text as UTF-8', async () => {
    const from = join(inside, 'latin.csv')
    writeFileSync(from, Buffer.from('Stra\xdfe;M\xfcnchen\n', 'latin1'))
    assert.deepEqual(await tables.toUtf8({ from, to: join(inside, 'utf8.csv'), encoding: 'windows-1252' }), {
      replaced: 0,
      firstReplacedLine: null,
    })
    const { rows } = await one(`SELECT * FROM read_csv(${literal(join(inside, 'utf8.csv'))}, header=false, delim=';')`)
    assert.deepEqual(rows, [['Straße', 'München']])
  })
}
