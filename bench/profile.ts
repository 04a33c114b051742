import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateTable } from '../scripts/generate-table.ts'
import { inspect } from '../src/domains/datasets/detect/detect.ts'
import { profileTable } from '../src/domains/datasets/profile/profile-table.ts'
import type { Column, Profile } from '../src/domains/datasets/schema.ts'
import { openDuckDb } from '../src/ports/tables/duckdb.ts'
import { identifier, literal } from '../src/ports/tables/sql.ts'
import type { Tables } from '../src/ports/tables/tables.ts'
import { peerPython } from './lib/python.ts'
import { type BenchOptions, type BenchResult, judged } from './lib/result.ts'
import { median, pairedRatio } from './lib/stats.ts'

const threads = 2
const sqlTypes: Record<Column['type'], string> = {
  number: 'DOUBLE',
  integer: 'BIGINT',
  boolean: 'BOOLEAN',
  datetime: 'TIMESTAMP',
  category: 'VARCHAR',
  text: 'VARCHAR',
  id: 'VARCHAR',
}

/** D1: the whole profile of a CSV of 2 million rows and 10 columns, against the least DuckDB needs for it and against a Python profiler. */
export async function suite({ quick, rounds }: BenchOptions): Promise<BenchResult[]> {
  const rows = quick ? 500_000 : 2_000_000
  const folder = mkdtempSync(join(tmpdir(), 'atoll-bench-profile-'))
  const tables = openDuckDb({ idleMs: 600_000 })
  try {
    const csv = join(folder, 'table.csv')
    await generateTable(csv, { rows, columns: 10, seed: 7 })
    const ours: number[] = []
    const floor: number[] = []
    // The first round of each warms the file cache and is not counted.
    for (let round = 0; round <= rounds; round++) {
      const [mine, least] = [await timed(() => profileCsv(tables, folder, csv, rows)), await timed(() => leastWork(tables, csv))]
      if (round === 0) continue
      ours.push(mine)
      floor.push(least)
    }
    const what = `profile of a CSV, ${rows.toLocaleString('en')} x 10`
    const results = [
      judged({
        id: 'D1',
        suite: 'profile',
        what: `${what}, against DuckDB's read_csv and SUMMARIZE`,
        ours: { value: median(ours), unit: 's' },
        against: { name: 'DuckDB floor', value: median(floor) },
        ratio: pairedRatio(ours, floor),
        goal: { compare: '<=', value: 1.3, of: 'ratio' },
        note: 'Detection of dialect and types, exact counts, quantiles, histograms, top values, duplicates and all correlations; SUMMARIZE has approximate quantiles and none of the rest.',
      }),
    ]
    const peer = peerSeconds(csv, quick ? 1 : Math.min(3, rounds))
    if (typeof peer === 'string') console.log(`fg-data-profiling: not available: ${peer}`)
    else
      results.push(
        judged({
          id: 'D1',
          suite: 'profile',
          what: `${what}, against fg-data-profiling with minimal`,
          ours: { value: median(ours), unit: 's' },
          against: { name: 'fg-data-profiling 4.20.0 minimal', value: median(peer) },
          ratio: pairedRatio(peer, ours.slice(0, peer.length)),
          goal: { compare: '>=', value: 8, of: 'ratio' },
          note: 'How many times longer the Python profiler takes, which computes no correlations and no duplicates in this mode. Start of Python and imports not counted.',
        }),
      )
    return results
  } finally {
    await tables.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  await work()
  return (performance.now() - started) / 1000
}

/** From the bytes of the file to the profile, through the product's own code. */
async function profileCsv(tables: Tables, root: string, csv: string, rows: number): Promise<Profile> {
  const folder = join(root, 'work')
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder)
  const { columns } = await inspect({ tables, folder, quick: true, memoryBytes: 1024 ** 3 }, { path: csv, filename: 'table.csv' })
  const types = columns.map(({ name, reading }) => `${literal(name)}: '${sqlTypes[reading.type]}'`).join(', ')
  const table = {
    path: csv,
    rows,
    source: `(SELECT ${columns.map(({ name }) => identifier(name)).join(', ')} FROM read_csv(${literal(csv)}, header = true, auto_detect = false, delim = ',', columns = {${types}}))`,
    columns: columns.map(
      ({ name, reading }): Column => ({
        name,
        type: reading.type,
        nullable: true,
        personalData: null,
        description: '',
        unit: null,
      }),
    ),
  }
  const profile = await profileTable({ tables, folder, progress() {} }, table, { dataset: 'ds', version: 'dsv' })
  if (profile.columns[0]!.count + profile.columns[0]!.missing !== rows) throw new Error('The profile did not see every row.')
  return profile
}

async function leastWork(tables: Tables, csv: string): Promise<void> {
  const statements = [{ sql: `CREATE TABLE t AS SELECT * FROM read_csv(${literal(csv)})` }, { sql: 'SUMMARIZE t' }]
  await tables.run({ files: [csv], statements, threads })
}

function peerSeconds(csv: string, runs: number): number[] | string {
  try {
    const python = peerPython(join(import.meta.dirname, 'profile', 'requirements.txt'))
    const run = () =>
      Number(
        execFileSync(python, [join(import.meta.dirname, 'profile', 'peer.py'), csv], {
          encoding: 'utf8',
          stdio: ['ignore', 'pipe', 'ignore'],
        })
          .trim()
          .split('\n')
          .at(-1),
      )
    return Array.from({ length: runs }, run)
  } catch (error) {
    return (error as Error).message.split('\n')[0]!
  }
}
