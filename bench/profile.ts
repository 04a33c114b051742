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
const mostPeerRounds = 2
const sqlTypes: Record<Column['type'], string> = {
  number: 'DOUBLE',
  integer: 'BIGINT',
  boolean: 'BOOLEAN',
  datetime: 'TIMESTAMP',
  category: 'VARCHAR',
  text: 'VARCHAR',
  id: 'VARCHAR',
  image: 'VARCHAR',
  audio: 'VARCHAR',
}

/** What the Python peers are asked for (profile/peer.py), and how many times longer than ours they should take. */
const peers = [
  {
    mode: 'default',
    name: 'fg-data-profiling 4.20.0',
    goal: 8,
    note: 'As it comes, with duplicates and correlations as ours has them, and interactions, which ours has not',
  },
  {
    mode: 'minimal',
    name: 'fg-data-profiling 4.20.0, minimal',
    goal: 1.3,
    note: 'No duplicates, no correlations. Eight times as fast is out of reach: DuckDB takes longer than that to read the file, before it counts anything',
  },
  { mode: 'describe', name: 'pandas read_csv and describe', goal: 1.3, note: 'Counts, quartiles and the top value only' },
] as const

/** D1: the whole profile of a CSV of 2 million rows and 10 columns, against the least DuckDB needs for it and against Python. */
export async function suite({ quick, rounds }: BenchOptions): Promise<BenchResult[]> {
  const rows = quick ? 500_000 : 2_000_000
  const folder = mkdtempSync(join(tmpdir(), 'atoll-bench-profile-'))
  const tables = openDuckDb({ idleMs: 600_000 })
  try {
    const csv = join(folder, 'table.csv')
    await generateTable(csv, { rows, columns: 10, seed: 7 })
    const python = pythonOfPeers()
    const ours: number[] = []
    const floor: number[] = []
    const theirs = new Map<string, number[]>(peers.map(({ mode }) => [mode, []]))
    // The first round warms the file cache and is not counted.
    for (let round = 0; round <= rounds; round++) {
      const [mine, least] = [await timed(() => profileCsv(tables, folder, csv, rows)), await timed(() => leastWork(tables, csv))]
      if (round === 0) continue
      ours.push(mine)
      floor.push(least)
      if (python && round <= mostPeerRounds) for (const { mode } of peers) theirs.get(mode)!.push(peerSeconds(python, csv, mode))
      const told = peers.map(({ mode }) => `${mode} ${theirs.get(mode)!.at(-1)?.toFixed(1) ?? '-'} s`)
      console.error(`round ${round}: ours ${mine.toFixed(2)} s, floor ${least.toFixed(2)} s, ${told.join(', ')}`)
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
    for (const { mode, name, goal, note } of python ? peers : []) {
      const seconds = theirs.get(mode)!
      results.push(
        judged({
          id: 'D1',
          suite: 'profile',
          what: `${what}, how many times longer Python takes`,
          ours: { value: median(ours), unit: 's' },
          against: { name, value: median(seconds) },
          ratio: pairedRatio(seconds, ours.slice(0, seconds.length)),
          goal: { compare: '>=', value: goal, of: 'ratio' },
          note: `${note}. Start of Python and imports not counted.`,
        }),
      )
    }
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

function pythonOfPeers(): string | null {
  try {
    return peerPython(join(import.meta.dirname, 'profile', 'requirements.txt'))
  } catch (error) {
    console.error(`fg-data-profiling: not available: ${(error as Error).message.split('\n')[0]}`)
    return null
  }
}

function peerSeconds(python: string, csv: string, mode: string): number {
  const output = execFileSync(python, [join(import.meta.dirname, 'profile', 'peer.py'), csv, mode], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  return Number(output.trim().split('\n').at(-1))
}
