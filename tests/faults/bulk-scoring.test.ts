/** Tables that are scored by the column: a full disk is said, a killed process harms nobody, the graph of an imported model runs by the runtime alone. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { binarySignature } from '../../src/domains/endpoints/testing.ts'
import { inputColumns } from '../../src/ports/inference/bulk/input-columns.ts'
import { openTableScorer } from '../../src/ports/inference/bulk/table-scorer.ts'
import { shapeOf } from '../../src/ports/inference/signature.ts'
import { openDuckDb } from '../../src/ports/tables/duckdb.ts'
import { literal } from '../../src/ports/tables/sql.ts'

const folder = mkdtempSync(join(tmpdir(), 'atoll-bulk-'))
const small = mkdtempSync(join(tmpdir(), 'atoll-bulk-full-'))
const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=256k,mode=700', 'tmpfs', small], { encoding: 'utf8' })
const tables = openDuckDb()
const source = join(folder, 'rows.parquet')
const rows = 200_000
const stay = setInterval(() => {}, 1000)

before(() =>
  tables.run({
    folders: [folder],
    statements: [
      {
        sql: `COPY (SELECT range AS id, random() * 2 AS a, random() AS b, CASE WHEN range % 2 = 0 THEN 'OH' ELSE 'AK' END AS state FROM range(${rows})) TO ${literal(source)} (FORMAT parquet)`,
      },
    ],
  }),
)
after(async () => {
  clearInterval(stay)
  await tables.close()
  if (mounted.status === 0) spawnSync('umount', ['-l', small])
  for (const one of [folder, small]) rmSync(one, { recursive: true, force: true })
})

const columns = { a: 'DOUBLE', b: 'DOUBLE', state: 'VARCHAR' }
const open = (out: string, lanes = 1) =>
  openTableScorer({
    model: {
      file: fileURLToPath(new URL('../../src/ports/inference/fixtures/binary.onnx', import.meta.url)),
      ...shapeOf(binarySignature),
      trust: 'imported',
    },
    signature: binarySignature,
    plan: {
      inputs: inputColumns(
        binarySignature,
        Object.entries(columns).map(([name, sqlType]) => ({ name, column: name, sqlType })),
      ),
      reads: ['id'],
      keep: [{ sql: 'id', name: 'id' }],
      prefix: '',
      reason: null,
    },
    folders: [out],
    files: [source],
    lanes,
  })

test('a full disk is said as such', {
  skip: mounted.status === 0 ? false : 'a small file system cannot be mounted here',
  timeout: 60_000,
}, async () => {
  const scorer = await open(small)
  try {
    await assert.rejects(scorer.score({ source, from: 0, to: rows, out: join(small, 'part.parquet') }), { code: 'storage_full' })
  } finally {
    await scorer.close()
  }
})

test('a process that is killed is started again, and its part is answered by the next', { timeout: 60_000 }, async () => {
  const scorer = await open(folder)
  try {
    assert.equal(scorer.runs, 'onnx')
    const out = join(folder, 'part.parquet')
    const part = scorer.score({ source, from: 0, to: rows, out })
    const victims = readdirSync('/proc').filter((pid) => {
      try {
        const said = readFileSync(`/proc/${pid}/stat`, 'utf8')
        return said.includes(`) S ${process.pid} `) || said.includes(`) R ${process.pid} `)
      } catch {
        return false
      }
    })
    const lane = victims.filter((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('lane-process'))
    assert.equal(lane.length, 1)
    process.kill(Number(lane[0]), 'SIGKILL')
    assert.deepEqual(await part, { rows, bad: 0 })
    const [found] = await tables.run({
      files: [out],
      statements: [{ sql: `SELECT count(DISTINCT id), count(label) FROM read_parquet(${literal(out)})` }],
    })
    assert.deepEqual(found!.rows[0], [rows, rows])
  } finally {
    await scorer.close()
  }
})
