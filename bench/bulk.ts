import { execFile, execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { stretchesOf } from '../src/domains/transforms/batch/stretches.ts'
import { writeResult } from '../src/domains/transforms/batch/write-result.ts'
import { inputColumns } from '../src/ports/inference/bulk/input-columns.ts'
import { openTableScorer } from '../src/ports/inference/bulk/table-scorer.ts'
import { type ModelSignature, shapeOf } from '../src/ports/inference/signature.ts'
import { openDuckDb } from '../src/ports/tables/duckdb.ts'
import { identifier, literal, parquet } from '../src/ports/tables/sql.ts'
import type { Tables } from '../src/ports/tables/tables.ts'
import { treePssBytes } from './lib/processes.ts'
import { peerPython } from './lib/python.ts'
import { quietMoment } from './lib/quiet.ts'
import { type BenchOptions, type BenchResult, judged } from './lib/result.ts'
import { enginePython } from './lib/runtime.ts'
import { median, pairedRatio } from './lib/stats.ts'

const here = import.meta.dirname
const lanes = 2
const exec = promisify(execFile)

/** S3: 5 million rows of 30 numbers from Parquet to Parquet through a boosted model, as a batch transform does it. */
export async function suite({ quick, rounds }: BenchOptions): Promise<BenchResult[]> {
  const rows = quick ? 1_000_000 : 5_000_000
  const folder = mkdtempSync(join(tmpdir(), 'atoll-bench-bulk-'))
  const tables = openDuckDb({ idleMs: 600_000 })
  // The processes that score are not waited for by the event loop of whoever started them; a server has other reasons to stay.
  const stay = setInterval(() => {}, 1000)
  try {
    const model = join(folder, 'model')
    const { python, sources } = await enginePython()
    execFileSync(python, [join(here, 'serving', 'make_model.py'), model], { env: { ...process.env, PYTHONPATH: sources } })
    const signature = JSON.parse(readFileSync(join(model, 'signature.json'), 'utf8')) as ModelSignature
    const source = join(folder, 'rows.parquet')
    await generate(tables, { folder, source, rows, signature })
    await layRawRows(tables, { folder, source, signature })
    const peer = peerPython(join(here, 'serving', 'peers', 'mlflow.txt'))
    execFileSync(peer, [join(here, 'bulk', 'pyfunc_peer.py'), 'save', join(model, 'model.onnx'), join(folder, 'pyfunc')], {
      stdio: 'ignore',
    })
    const ours: number[] = []
    const raw: number[] = []
    const theirs: number[] = []
    // The first round warms the file cache and is watched for its memory; its time is not counted.
    const peak = await peakBytes(() => transformSeconds(tables, { folder, source, rows, model, signature }))
    peerSeconds(peer, folder, source)
    await sameAnswers(tables, folder)
    for (let round = 0; round < rounds; round++) {
      await quietMoment()
      ours.push(rows / (await transformSeconds(tables, { folder, source, rows, model, signature })))
      raw.push(await rawRate(folder))
      theirs.push(rows / peerSeconds(peer, folder, source))
      console.error(
        `round ${round + 1}: ${perSecond(ours)} rows/s, ONNX Runtime alone ${perSecond(raw)}, MLflow ${perSecond(theirs)}`,
      )
    }
    const what = `${(rows / 1e6).toLocaleString('en')}M rows x 30 columns, Parquet to Parquet, boosted trees`
    const results = [
      judged({
        id: 'S3',
        suite: 'bulk',
        what,
        ours: { value: median(ours), unit: 'rows/s' },
        against: { name: `ONNX Runtime on ${lanes} threads in ${lanes} processes, nothing read or written`, value: median(raw) },
        ratio: pairedRatio(ours, raw),
        goal: { compare: '>=', value: 0.6, of: 'ratio' },
        note: 'With reading, writing and the joining of the parts; a key is kept. These trees are walked by our own program, so the ratio may be above 1',
      }),
      judged({
        id: 'S3',
        suite: 'bulk',
        what,
        ours: { value: median(ours), unit: 'rows/s' },
        against: { name: 'MLflow 3.17.2 pyfunc on pandas, the same graph on 2 threads', value: median(theirs) },
        ratio: pairedRatio(ours, theirs),
        goal: { compare: '>=', value: 5, of: 'ratio' },
        note: 'The file is read and written by pandas; loading the model is left out',
      }),
      judged({
        id: 'S3',
        suite: 'bulk',
        what: `Memory at its peak, ${what}`,
        ours: { value: peak / 2 ** 20, unit: 'MB' },
        against: null,
        ratio: null,
        goal: { compare: '<=', value: 2048, of: 'value' },
        note: 'proportional set size of all processes of ours together (the one that asks, the table engine, two that score), sampled four times a second',
      }),
    ]
    return results
  } finally {
    clearInterval(stay)
    await tables.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

interface Work {
  folder: string
  source: string
  rows: number
  signature: ModelSignature
}

async function generate(tables: Tables, { folder, source, rows, signature }: Work): Promise<void> {
  const columns = signature.inputs.map(
    ({ name }) => `round((random() + random() + random() - 1.5) * 2, 6) AS ${identifier(name)}`,
  )
  const select = `SELECT range AS id, ${columns.join(', ')} FROM range(${rows})`
  await tables.run({
    folders: [folder],
    threads: 2,
    statements: [{ sql: 'SELECT setseed(0.5)' }, { sql: `COPY (${select}) TO ${literal(source)} (FORMAT parquet)` }],
  })
}

/** Some of the rows as they lie in memory when they are asked: float64, row by row. */
async function layRawRows(tables: Tables, { folder, source, signature }: Omit<Work, 'rows'>): Promise<void> {
  const columns = signature.inputs.map(({ name }) => identifier(name))
  const [found] = await tables.run({
    folders: [folder],
    statements: [{ sql: `SELECT ${columns.join(', ')} FROM ${parquet(source)} LIMIT 16384` }],
  })
  writeFileSync(rawRows(folder), Float64Array.from(found!.rows.flat().map(Number)))
}

const rawRows = (folder: string): string => join(folder, 'rows.f64')

/** The most memory that this process and all that it started took at once. */
async function peakBytes(work: () => Promise<unknown>): Promise<number> {
  let peak = 0
  const timer = setInterval(() => {
    peak = Math.max(peak, treePssBytes(process.pid))
  }, 250)
  await work().finally(() => clearInterval(timer))
  return peak
}

const perSecond = (rates: readonly number[]): string => rates.at(-1)!.toFixed(0)

async function transformSeconds(
  tables: Tables,
  { folder, source, rows, signature, model }: Work & { model: string },
): Promise<number> {
  const parts = join(folder, 'parts')
  rmSync(parts, { recursive: true, force: true })
  mkdirSync(parts)
  const started = performance.now()
  const inputs = inputColumns(
    signature,
    signature.inputs.map(({ name }) => ({ name, column: name, sqlType: 'DOUBLE' })),
  )
  const scorer = await openTableScorer({
    model: { file: join(model, 'model.onnx'), ...shapeOf(signature), trust: 'built' },
    signature,
    plan: { inputs, reads: ['id'], keep: [{ sql: '"id"', name: 'id' }], prefix: 'predicted_', reason: null },
    folders: [parts],
    files: [source],
    lanes,
  })
  const waiting = stretchesOf(rows, 122_880)
  const lane = async () => {
    for (let one = waiting.shift(); one; one = waiting.shift())
      await scorer.score({
        source,
        from: one.from,
        to: one.to,
        out: join(parts, `${String(one.number).padStart(7, '0')}.parquet`),
      })
  }
  await Promise.all(Array.from({ length: lanes }, lane))
  await scorer.close()
  const columns = ['id', 'predicted_label', 'predicted_probability_no', 'predicted_probability_yes']
  await writeResult(
    { tables },
    {
      parts: readdirSync(parts)
        .sort()
        .map((name) => join(parts, name)),
      partsFolder: parts,
      columns: columns.map((name) => ({ name, isText: name === 'predicted_label', isTime: false })),
      format: 'parquet',
      to: join(folder, 'ours.parquet'),
      folder,
      signal: new AbortController().signal,
      onProgress: () => {},
    },
  )
  return (performance.now() - started) / 1000
}

async function rawRate(folder: string): Promise<number> {
  const rates = await Promise.all(
    Array.from({ length: lanes }, async () => {
      const { stdout } = await exec(process.execPath, [join(here, 'bulk', 'raw.ts'), join(folder, 'model'), rawRows(folder), '6'])
      return Number(/rate ([\d.]+)/.exec(stdout)![1])
    }),
  )
  return rates.reduce((sum, rate) => sum + rate, 0)
}

function peerSeconds(python: string, folder: string, source: string): number {
  const said = execFileSync(
    python,
    [join(here, 'bulk', 'pyfunc_peer.py'), 'score', join(folder, 'pyfunc'), source, join(folder, 'theirs.parquet')],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
  )
  return Number(/seconds ([\d.]+)/.exec(said)![1])
}

/** What is not the same is not compared in time. */
async function sameAnswers(tables: Tables, folder: string): Promise<void> {
  const [found] = await tables.run({
    folders: [folder],
    statements: [
      {
        sql: `SELECT count(*), max(abs(o.predicted_probability_yes - t.predicted_probability_yes)), count(*) FILTER (o.predicted_label <> t.predicted_label::VARCHAR)
          FROM ${parquet(join(folder, 'ours.parquet'))} o JOIN ${parquet(join(folder, 'theirs.parquet'))} t USING (id)`,
      },
    ],
  })
  const [rows, difference, flips] = found!.rows[0]!.map(Number)
  if (!(rows! > 0 && difference! < 1e-5 && flips! < 5))
    throw new Error(`The answers differ: ${rows} rows, by ${difference} at most, ${flips} labels.`)
}
