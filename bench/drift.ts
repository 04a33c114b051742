import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Baseline } from '../src/domains/monitoring/baseline.ts'
import { compareColumns, type Drift } from '../src/domains/monitoring/compare-columns.ts'
import { countNow } from '../src/domains/monitoring/count-now.ts'
import { describe } from '../src/domains/monitoring/make-baseline.ts'
import { type WatchedColumn, watchedAlias } from '../src/domains/monitoring/watched-columns.ts'
import { openDuckDb } from '../src/ports/tables/duckdb.ts'
import { literal, parquet } from '../src/ports/tables/sql.ts'
import type { Tables } from '../src/ports/tables/tables.ts'
import { peerPython } from './lib/python.ts'
import { quietMoment } from './lib/quiet.ts'
import { type BenchOptions, type BenchResult, judged } from './lib/result.ts'
import { median, pairedRatio } from './lib/stats.ts'

const numbers = 16
const categories = 4
/** Columns that are made to drift, and nothing else: both sides must name just these. */
const moved = ['c1', 'n0', 'n5'] as const
/** It takes a minute or more a round. */
const mostPeerRounds = 2

/** F1: drift of a million rows of twenty columns against a cached baseline, and Evidently's preset on the same rows. */
export async function suite({ quick, rounds }: BenchOptions): Promise<BenchResult[]> {
  const rows = quick ? 200_000 : 1_000_000
  const folder = mkdtempSync(join(tmpdir(), 'atoll-bench-drift-'))
  const tables = openDuckDb({ idleMs: 600_000 })
  try {
    const files = await makeTables(tables, folder, rows)
    const baseline = await cachedBaseline(tables, folder, files.reference)
    const python = peer()
    const ours: number[] = []
    const theirs: number[] = []
    // The first round warms the file cache and is not counted.
    for (let round = 0; round <= rounds; round++) {
      await quietMoment()
      const started = performance.now()
      const found = await driftOf(tables, folder, { baseline, file: files.current, rows })
      const seconds = (performance.now() - started) / 1000
      refuseOthers('ours', namesOf(found))
      if (round === 0) continue
      ours.push(seconds)
      const asked = python && round <= mostPeerRounds ? askPeer(python, files) : null
      if (asked) {
        refuseOthers('evidently', asked.drifted)
        theirs.push(asked.seconds)
      }
      console.error(`round ${round}: ours ${seconds.toFixed(3)} s, evidently ${asked?.seconds.toFixed(1) ?? '-'} s`)
    }
    const what = `drift of ${rows.toLocaleString('en')} rows by 20 columns`
    const common = {
      suite: 'drift',
      ours: { value: median(ours), unit: 's' },
    }
    return [
      judged({
        ...common,
        id: 'F1',
        what: `${what}, the baseline cached`,
        against: null,
        ratio: null,
        goal: { compare: '<=', value: 0.4, of: 'value' },
        note: 'From the Parquet file and the kept baseline to every index, distance, exact test and corrected p-value.',
      }),
      judged({
        ...common,
        id: 'F1',
        what: `${what}, how many times longer Evidently's default takes`,
        against: theirs.length > 0 ? { name: 'Evidently 0.7.23', value: median(theirs) } : null,
        ratio: theirs.length > 0 ? pairedRatio(theirs, ours.slice(0, theirs.length)) : null,
        goal: { compare: '>=', value: 100, of: 'ratio' },
        note: 'Ours as above; Evidently from two DataFrames in memory. Both name the same three columns.',
      }),
    ]
  } finally {
    await tables.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

const names = [...Array.from({ length: numbers }, (_, i) => `n${i}`), ...Array.from({ length: categories }, (_, i) => `c${i}`)]

const watched = names.map(
  (name): WatchedColumn => ({
    name,
    role: 'input',
    kind: name.startsWith('n') ? 'number' : 'category',
    format: 'number',
    ofTable: name,
    ofCapture: '',
  }),
)

async function makeTables(tables: Tables, folder: string, rows: number) {
  const files = { reference: join(folder, 'reference.parquet'), current: join(folder, 'current.parquet') }
  for (const [part, file] of Object.entries(files)) {
    const isNow = part === 'current'
    const u = (salt: number) => `((hash(i * 7919 + ${salt + (isNow ? 1000 : 0)}) % 1000003 + 0.5) / 1000003.0)`
    const shift = (name: string) => (isNow && (moved as readonly string[]).includes(name) ? 1 : 0)
    const columns = names.map((name, k) => {
      const by = shift(name)
      if (name.startsWith('c'))
        return `list_element(['a', 'b', 'c', 'd', 'e', 'f'], 1 + CAST(floor(pow(${u(k)}, ${1 + by}) * 6) AS INT)) AS ${name}`
      // Normal, skewed and coarse columns, in turn.
      const normal = `sqrt(-2 * ln(${u(k)})) * cos(6.283185307179586 * ${u(k + 100)})`
      const shape = [normal, `exp(0.5 * (${normal}))`, `round(10 * ${u(k)})`, `pow(${u(k)}, 3)`][k % 4]
      return `(${shape} + ${by * 0.5}) AS ${name}`
    })
    await tables.run({
      folders: [folder],
      statements: [
        { sql: `COPY (SELECT i AS __row, ${columns.join(', ')} FROM range(${rows}) r(i)) TO ${literal(file)} (FORMAT parquet)` },
      ],
    })
  }
  return files
}

/** Made once and kept as JSON, as monitors keep it. */
async function cachedBaseline(tables: Tables, folder: string, file: string): Promise<string> {
  const source = sourceOf(file)
  const signal = new AbortController().signal
  const described = await describe(tables, { source, columns: watched, folder, signal })
  const kept = join(folder, 'baseline.json')
  writeFileSync(kept, JSON.stringify({ format: 2, version: 'mdv_bench', ...described } satisfies Baseline))
  return kept
}

const sourceOf = (file: string): string =>
  `SELECT __row AS row_id, ${watched.map(({ name }, i) => `${name} AS ${watchedAlias(i)}`).join(', ')} FROM ${parquet(file)}`

/** Through the product's own code, from the kept baseline. */
async function driftOf(
  tables: Tables,
  folder: string,
  { baseline, file, rows }: { baseline: string; file: string; rows: number },
): Promise<Drift[]> {
  const kept = JSON.parse(readFileSync(baseline, 'utf8')) as Baseline
  const columns = kept.columns.map((column, i) => ({ column, alias: watchedAlias(i) }))
  const signal = new AbortController().signal
  const counted = await countNow(tables, { columns, source: sourceOf(file), rows, folders: [folder], signal })
  return compareColumns(
    kept.columns.map((column, i) => ({ baseline: column, now: counted[i]! })),
    { measure: 'psi', warning: 0.1, alert: 0.25, falseAlarmRate: 0.01 },
  )
}

const namesOf = (found: readonly Drift[]): string[] =>
  found
    .filter(({ state }) => state !== 'quiet')
    .map(({ column }) => column)
    .sort()

function refuseOthers(who: string, drifted: readonly string[]): void {
  if (drifted.join() !== moved.join()) throw new Error(`${who} names ${drifted.join(', ') || 'nothing'}, not ${moved.join(', ')}`)
}

function peer(): string | null {
  if (process.env.ATOLL_BENCH_EVIDENTLY) return process.env.ATOLL_BENCH_EVIDENTLY
  try {
    return peerPython(join(import.meta.dirname, 'drift', 'requirements.txt'))
  } catch (error) {
    console.error(`evidently: not available: ${(error as Error).message.split('\n')[0]}`)
    return null
  }
}

function askPeer(python: string, files: { reference: string; current: string }): { seconds: number; drifted: string[] } {
  const output = execFileSync(python, [join(import.meta.dirname, 'drift', 'peer.py'), files.reference, files.current], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: 900_000,
  })
  const [seconds, drifted] = output.trim().split('\n').slice(-2)
  return { seconds: Number(seconds), drifted: JSON.parse(drifted!) }
}
