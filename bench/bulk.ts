import { execFile, execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { stretchesOf } from '../src/domains/transforms/batch/stretches.ts'
import { writeResult } from '../src/domains/transforms/batch/write-result.ts'
import { inputColumns } from '../src/ports/inference/bulk/input-columns.ts'
import { openTableScorer } from '../src/ports/inference/bulk/table-scorer.ts'
import { type ModelSignature, shapeOf } from '../src/ports/inference/signature.ts'
import { openDuckDb } from '../src/ports/tables/duckdb.ts'
import { identifier, literal, parquet } from '../src/ports/tables/sql.ts'
import type { Tables } from '../src/ports/tables/tables.ts'
import { processTree, treeCpuMs, treePssBytes } from './lib/processes.ts'
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
    const ours: Scored[] = []
    const raw: Scored[] = []
    const theirs: Scored[] = []
    // The first round warms the file cache and is watched for its memory; its time is not counted.
    const peak = await peakBytes(() => transform(tables, { folder, source, rows, model, signature }))
    askPeer(peer, { folder, source, rows })
    await sameAnswers(tables, folder)
    for (let round = 0; round < rounds; round++) {
      await quietMoment()
      ours.push(await transform(tables, { folder, source, rows, model, signature }))
      raw.push(await rawRate(folder))
      theirs.push(askPeer(peer, { folder, source, rows }))
      console.error(`round ${round + 1}: ours ${said(ours)}; ONNX Runtime alone ${said(raw)}; MLflow ${said(theirs)}`)
    }
    const what = `${(rows / 1e6).toLocaleString('en')}M rows x 30 columns, Parquet to Parquet, boosted trees`
    const results = [
      judged({
        id: 'S3',
        suite: 'bulk',
        what,
        ours: { value: median(rates(ours)), unit: 'rows/s' },
        against: {
          name: `ONNX Runtime on ${lanes} threads in ${lanes} processes, nothing read or written`,
          value: median(rates(raw)),
        },
        ratio: pairedRatio(rates(ours), rates(raw)),
        goal: { compare: '>=', value: 0.6, of: 'ratio' },
        note: `with reading, writing and the joining of the parts; a key is kept. These trees are walked by our own program, so the ratio may be above 1. ${byProcessor(ours, raw)}`,
      }),
      judged({
        id: 'S3',
        suite: 'bulk',
        what,
        ours: { value: median(rates(ours)), unit: 'rows/s' },
        against: { name: 'MLflow 3.17.2 pyfunc on pandas, the same graph on 2 threads', value: median(rates(theirs)) },
        ratio: pairedRatio(rates(ours), rates(theirs)),
        goal: { compare: '>=', value: 5, of: 'ratio' },
        note: `the file is read and written by pandas; loading the model is left out. ${byProcessor(ours, theirs)}`,
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

/** So many rows a second, by the clock, and what a million of them took of processors. */
interface Scored {
  rate: number
  cpuMs: number
}

const rates = (scored: readonly Scored[]): number[] => scored.map(({ rate }) => rate)
const cpuOf = (scored: readonly Scored[]): number[] => scored.map(({ cpuMs }) => cpuMs)

function said(scored: readonly Scored[]): string {
  const { rate, cpuMs } = scored.at(-1)!
  return `${rate.toFixed(0)} rows/s, ${cpuMs.toFixed(0)} ms of processor per million`
}

function byProcessor(ours: readonly Scored[], theirs: readonly Scored[]): string {
  const { median: middle, low, high } = pairedRatio(cpuOf(theirs), cpuOf(ours))
  return `By processor time ${middle.toFixed(2)} [${low.toFixed(2)}, ${high.toFixed(2)}]: ${median(cpuOf(ours)).toFixed(0)} against ${median(cpuOf(theirs)).toFixed(0)} ms per million rows`
}

async function transform(tables: Tables, { folder, source, rows, signature, model }: Work & { model: string }): Promise<Scored> {
  const parts = join(folder, 'parts')
  rmSync(parts, { recursive: true, force: true })
  mkdirSync(parts)
  const started = performance.now()
  const before = treeCpuMs(process.pid)
  const processes = processTree(process.pid).length
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
  const scoredCpu = treeCpuMs(process.pid)
  await scorer.close()
  const ended = performance.now()
  const withoutLanes = await cpuMsWith(processes)
  const waited = performance.now() - ended
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
  const seconds = (performance.now() - started - waited) / 1000
  const cpuMs = scoredCpu - before + treeCpuMs(process.pid) - withoutLanes
  return { rate: rows / seconds, cpuMs: (1e6 * cpuMs) / rows }
}

/** What the processes have used once there are no more than so many: those that were told to end have ended. */
async function cpuMsWith(processes: number): Promise<number> {
  for (let i = 0; i < 100 && processTree(process.pid).length > processes; i++) await sleep(20)
  return treeCpuMs(process.pid)
}

async function rawRate(folder: string): Promise<Scored> {
  const told = await Promise.all(
    Array.from({ length: lanes }, async () => {
      const { stdout } = await exec(process.execPath, [join(here, 'bulk', 'raw.ts'), join(folder, 'model'), rawRows(folder), '6'])
      return JSON.parse(stdout) as Scored
    }),
  )
  return { rate: told.reduce((sum, { rate }) => sum + rate, 0), cpuMs: median(cpuOf(told)) }
}

function askPeer(python: string, { folder, source, rows }: Omit<Work, 'signature'>): Scored {
  const told = execFileSync(
    python,
    [join(here, 'bulk', 'pyfunc_peer.py'), 'score', join(folder, 'pyfunc'), source, join(folder, 'theirs.parquet')],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
  )
  const [seconds, cpuSeconds] = told.trim().split(' ').map(Number) as [number, number]
  return { rate: rows / seconds, cpuMs: (1e9 * cpuSeconds) / rows }
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
