import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Column } from '../src/domains/datasets/schema.ts'
import { countCube } from '../src/domains/fairness/cube.ts'
import { type Compared, compareFacets } from '../src/domains/fairness/report.ts'
import { openDuckDb } from '../src/ports/tables/duckdb.ts'
import { literal } from '../src/ports/tables/sql.ts'
import type { Tables } from '../src/ports/tables/tables.ts'
import { peerPython } from './lib/python.ts'
import { type BenchOptions, type BenchResult, judged } from './lib/result.ts'
import { median, pairedRatio } from './lib/stats.ts'

const facets = ['sex', 'origin', 'age_band'] as const
/** It takes a minute and a half a round. */
const mostPeerRounds = 2

/** F2: the report of a model on a million rows by three facets, against fairlearn's MetricFrame on a part of its figures. */
export async function suite({ quick, rounds }: BenchOptions): Promise<BenchResult[]> {
  const rows = quick ? 200_000 : 1_000_000
  const folder = mkdtempSync(join(tmpdir(), 'atoll-bench-bias-'))
  const tables = openDuckDb({ idleMs: 600_000 })
  try {
    const files = await makeTables(tables, folder, rows)
    const python = peer()
    const ours: number[] = []
    const theirs: number[] = []
    // The first round warms the file cache and is not counted.
    for (let round = 0; round <= rounds; round++) {
      const started = performance.now()
      const report = await reportOf(tables, files)
      const seconds = (performance.now() - started) / 1000
      const asked = python && round > 0 && round <= mostPeerRounds ? askPeer(python, files.csv) : null
      if (asked) refuseOtherFigures(report, asked.groups)
      if (round === 0) continue
      ours.push(seconds)
      if (asked) theirs.push(asked.seconds)
      console.error(`round ${round}: ours ${seconds.toFixed(3)} s, fairlearn ${asked?.seconds.toFixed(2) ?? '-'} s`)
    }
    return [
      judged({
        id: 'F2',
        suite: 'bias',
        what: `bias report of ${rows.toLocaleString('en')} rows by 3 facets, how many times longer fairlearn's MetricFrame takes`,
        ours: { value: median(ours), unit: 's' },
        against: theirs.length > 0 ? { name: 'fairlearn 0.15.0', value: median(theirs) } : null,
        ratio: theirs.length > 0 ? pairedRatio(theirs, ours.slice(0, theirs.length)) : null,
        goal: { compare: '>=', value: 20, of: 'ratio' },
        note: 'Ours from Parquet to all measures with intervals and tests; fairlearn six metrics by group from a DataFrame in memory, without intervals. Rates seen to be equal to 1e-9.',
      }),
    ]
  } finally {
    await tables.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function makeTables(tables: Tables, folder: string, rows: number) {
  const files = {
    table: join(folder, 'table.parquet'),
    predictions: join(folder, 'predictions.parquet'),
    csv: join(folder, 'all.csv'),
  }
  const random = (salt: number) => `((hash(i * 7919 + ${salt}) % 1000000) / 1000000.0)`
  const made = `SELECT i AS __row, CASE WHEN ${random(1)} < 0.4 THEN 'female' ELSE 'male' END AS sex,
      list_element(['a', 'b', 'c', 'd', 'e'], 1 + CAST(floor(${random(2)} * 5) AS INT)) AS origin,
      list_element(['<25', '25-40', '40-60', '60+'], 1 + CAST(floor(${random(3)} * 4) AS INT)) AS age_band,
      CAST(${random(4)} < 0.45 AS INT) AS actual, ${random(5)} AS u FROM range(${rows}) r(i)`
  const said = `SELECT *, CAST(CASE WHEN u < 0.8 THEN actual ELSE 1 - actual END AS INT) AS predicted FROM (${made})`
  await tables.run({
    folders: [folder],
    statements: [
      { sql: `CREATE TABLE t AS ${said}` },
      { sql: `COPY (SELECT __row, ${facets.join(', ')} FROM t) TO ${literal(files.table)} (FORMAT parquet)` },
      {
        sql: `COPY (SELECT __row, CAST(actual AS VARCHAR) AS actual, CAST(predicted AS VARCHAR) AS predicted FROM t) TO ${literal(files.predictions)} (FORMAT parquet)`,
      },
      { sql: `COPY (SELECT ${facets.join(', ')}, actual, predicted FROM t) TO ${literal(files.csv)} (FORMAT csv, HEADER)` },
    ],
  })
  return files
}

const columns = facets.map(
  (name): Column => ({ name, type: 'category', nullable: false, personalData: null, description: '', unit: null }),
)

/** Through the product's own code: counts of the joined files, then everything that a report says. */
async function reportOf(tables: Tables, files: { table: string; predictions: string }): Promise<Compared> {
  const cube = await countCube(tables, {
    table: { path: files.table, columns },
    predictions: files.predictions,
    label: { name: 'granted', isNumber: false },
    favourable: { values: ['1'] },
    facets: facets.map((column) => ({ column })),
    intersections: [],
    stratum: null,
  })
  return compareFacets(cube, { stage: 'model', minimumRows: 30, hasStratum: false })
}

type Groups = Record<string, Record<string, Record<string, number>>>

function refuseOtherFigures(report: Compared, groups: Groups): void {
  for (const facet of report.facets)
    for (const { name, rows, rates } of facet.groups) {
      const theirs = groups[facet.name]![name]!
      const pairs = (['predicted', 'recall', 'specificity', 'accuracy', 'acceptance'] as const).map(
        (rate) => [rates[rate]!.value!, theirs[rate]!] as const,
      )
      if (rows !== theirs.rows || pairs.some(([mine, other]) => Math.abs(mine - other) > 1e-9))
        throw new Error(
          `The figures of ${facet.name} ${name} differ: ${JSON.stringify({ rows, rates })} and ${JSON.stringify(theirs)}`,
        )
    }
}

function peer(): string | null {
  try {
    return peerPython(join(import.meta.dirname, 'bias', 'requirements.txt'))
  } catch (error) {
    console.error(`fairlearn: not available: ${(error as Error).message.split('\n')[0]}`)
    return null
  }
}

function askPeer(python: string, csv: string): { seconds: number; groups: Groups } {
  const output = execFileSync(python, [join(import.meta.dirname, 'bias', 'peer.py'), csv, ...facets], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const [seconds, groups] = output.trim().split('\n')
  return { seconds: Number(seconds), groups: JSON.parse(groups!) }
}
