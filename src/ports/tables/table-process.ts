/** The child process of `duckdb.ts`: answers one request at a time over IPC and ends with its parent. */
import { type DuckDBConnection, DuckDBInstance, type DuckDBVector } from '@duckdb/node-api'
import { yieldToServer } from '../executors/politeness.ts'
import { type CellCounts, cellCounter } from './cell-counts.ts'
import { sheetNames, sheetToCsv } from './excel.ts'
import { lockDown } from './lock-down.ts'
import type { TableReply, TableRequest } from './protocol.ts'
import type { TableResult } from './tables.ts'
import { textSample } from './text-sample.ts'
import { toUtf8 } from './to-utf8.ts'

const say = (reply: TableReply) => process.send?.(reply)
let statementNow: number | null = null

// Nobody waits for long work; who does wait for the server must not wait for it.
if (process.argv[2] === 'heavy') yieldToServer(process.pid)

process.on('disconnect', () => process.exit(0))
process.on('message', (request: TableRequest) => {
  statementNow = null
  answer(request).then(
    (value) => say({ say: 'done', value }),
    (error: unknown) =>
      say({ say: 'failed', message: error instanceof Error ? error.message : String(error), statement: statementNow }),
  )
})

let open: { instance: DuckDBInstance; connection: DuckDBConnection } | null = null

async function answer(request: TableRequest): Promise<unknown> {
  if (request.ask === 'open') return openDatabase(request)
  if (request.ask === 'run') return run(request)
  if (request.ask === 'countCells') return countCells(request)
  if (request.ask === 'close') return closeDatabase()
  if (request.ask === 'sample') return textSample(request)
  if (request.ask === 'toUtf8') return toUtf8(request)
  if (request.ask === 'sheets') return sheetNames(request.from)
  return sheetToCsv(request)
}

async function openDatabase(request: Extract<TableRequest, { ask: 'open' }>): Promise<void> {
  closeDatabase()
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  open = { instance, connection }
  await lockDown(connection, request)
}

function closeDatabase(): void {
  open?.connection.closeSync()
  open?.instance.closeSync()
  open = null
}

async function run({ statements, progress }: Extract<TableRequest, { ask: 'run' }>): Promise<TableResult[]> {
  if (!open) throw new Error('No database is open.')
  const { connection } = open
  const stop = progress ? reportProgress(connection, statements.length) : () => {}
  try {
    const results: TableResult[] = []
    for (const [index, { sql, params }] of statements.entries()) {
      statementNow = index
      const reader = await connection.runAndReadAll(sql, params ? [...params] : undefined)
      results.push({ columns: reader.columnNames(), rows: reader.getRowsJS().map((row) => row.map(plain)) })
    }
    return results
  } finally {
    stop()
  }
}

/** Streams the numbers of a query, column by column, into cells. */
async function countCells({ query, points }: Extract<TableRequest, { ask: 'countCells' }>): Promise<CellCounts[]> {
  if (!open) throw new Error('No database is open.')
  const counters = points.map(cellCounter)
  // What is missing becomes NaN: then a column is its numbers alone, which are counted as they lie in memory.
  const sql = `SELECT coalesce(COLUMNS(*)::DOUBLE, 'nan'::DOUBLE) FROM (${query.sql})`
  const result = await open.connection.stream(sql, query.params ? [...query.params] : undefined)
  // The engine reads on while what it has read is counted.
  let coming = result.fetchChunk()
  for (;;) {
    const chunk = await coming
    if (!chunk || chunk.rowCount === 0) break
    coming = result.fetchChunk()
    for (const [at, counter] of counters.entries()) counter.addAll(numbersOf(chunk.getColumnVector(at), chunk.rowCount))
  }
  return counters.map(({ cells, missing }) => ({ cells, missing }))
}

/** The numbers of a column of a chunk. */
function numbersOf(vector: DuckDBVector, rowCount: number): Float64Array {
  const { items } = vector as unknown as { items?: unknown }
  if (items instanceof Float64Array) return items.subarray(0, rowCount)
  return Float64Array.from({ length: rowCount }, (_, row) => (vector.getItem(row) as number | null) ?? Number.NaN)
}

/** As JSON would have it: safe integers as numbers, longer ones as text, times as ISO 8601. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString()
  if (Array.isArray(value)) return value.map(plain)
  if (value && typeof value === 'object' && !(value instanceof Uint8Array))
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, plain(part)]))
  return value
}

function reportProgress(connection: DuckDBConnection, statements: number): () => void {
  let last = -1
  const timer = setInterval(() => {
    const percent = Math.floor((100 * (statementNow ?? 0) + Math.max(0, connection.progress.percentage)) / statements)
    if (percent <= last) return
    last = percent
    say({ say: 'progress', percent })
  }, 300)
  return () => clearInterval(timer)
}
