/** One lane of `table-scorer.ts`: reads parts of a table, runs the graph over them, writes the answers. A process of its own. */
import { readFileSync } from 'node:fs'
import { type DuckDBConnection, type DuckDBDataChunk, DuckDBInstance, type DuckDBVarCharVector } from '@duckdb/node-api'
import { invalidInput } from '../../../kernel/errors.ts'
import { yieldToServer } from '../../executors/politeness.ts'
import { lockDown } from '../../tables/lock-down.ts'
import { identifier, literal, rowGroupSize } from '../../tables/sql.ts'
import { answerRemotely } from '../answer-remotely.ts'
import type { RawBatch, RawScores } from '../inference.ts'
import { fastest } from '../onnx.ts'
import { openOnnxSession } from '../onnx-session.ts'
import type { Session } from '../session.ts'
import { type AnswerTable, answerTable, noAnswer } from './answer-table.ts'
import type { LaneCall, LaneOpened, LaneOpening, PartAnswered, ScoringPlan, TablePart } from './protocol.ts'
import { itemsOf } from './vector-items.ts'

interface Lane {
  session: Session
  connection: DuckDBConnection
  plan: ScoringPlan
  width: number
  answers: AnswerTable
}

let lane: Lane | null = null

answerRemotely<LaneCall, LaneOpened | PartAnswered>(async (call) => (call.ask === 'open' ? open(call.opening) : score(call.part)))

async function open({ model, signature, plan, folders, files, memoryBytes }: LaneOpening): Promise<LaneOpened> {
  const graph = readFileSync(model.file)
  const opened = await openOnnxSession(graph, model)
  // What is not ours is run by the runtime alone.
  const session = model.trust === 'built' ? await fastest(opened, graph, model, 1024) : opened
  const connection = await (await DuckDBInstance.create(':memory:')).connect()
  await lockDown(connection, { folders, files, scratch: null, memoryBytes, threads: 1 })
  const answers = answerTable(signature, plan.prefix)
  await connection.run(`CREATE TEMP TABLE answers (${answers.definition})`)
  lane = { session, connection, plan, width: model.width, answers }
  // The library and the graph are in memory; the threads there are now, and all to come, give way to the server's.
  yieldToServer(process.pid)
  return { runs: session === opened ? 'onnx' : 'trees' }
}

/** The rows of a part, in the order of the file. */
const rowsOf = ({ source, from, to }: TablePart, select: string): string =>
  `SELECT ${select} FROM read_parquet(${literal(source)}, file_row_number = true) WHERE file_row_number >= ${from} AND file_row_number < ${to}`

async function score(part: TablePart): Promise<PartAnswered> {
  const { connection, plan, session, width, answers } = lane!
  const { numbers, strings } = plan.inputs
  await connection.run('DELETE FROM answers')
  const read = [...numbers, ...strings]
  const stream = await connection.stream(rowsOf(part, read.length > 0 ? read.join(', ') : '1'))
  const appender = await connection.createAppender('answers')
  let rows = 0
  let badRows = 0
  for (;;) {
    const chunk = await stream.fetchChunk()
    if (!chunk || chunk.rowCount === 0) break
    const batch = batchOf(chunk, numbers.length, strings.length)
    const bad = badIn(batch, numbers.length)
    const scores: RawScores = { width, values: await session.run(batch) }
    markUnanswerable(scores, batch.rows, bad)
    for (let r = 0; r < batch.rows; r++) {
      if (bad[r] === 0) continue
      badRows++
      if (plan.reason === null) throw await refusal(part, rows + r, bad[r]!)
    }
    appender.appendDataChunk(answers.chunkOf(scores, batch.rows, bad))
    rows += batch.rows
  }
  appender.flushSync()
  appender.closeSync()
  await connection.run(copyOf(part, badRows > 0))
  return { rows, bad: badRows }
}

/** Where one run's numbers lie: it is over before the next is laid out, and fresh memory costs more than what is written to it. */
let space = new Float64Array(0)

function batchOf(chunk: DuckDBDataChunk, numberColumns: number, stringColumns: number): RawBatch {
  const rows = chunk.rowCount
  if (space.length < rows * numberColumns) space = new Float64Array(rows * numberColumns)
  const numbers = space.subarray(0, rows * numberColumns)
  for (let c = 0; c < numberColumns; c++) {
    const items = itemsOf<Float64Array>(chunk.getColumnVector(c))
    for (let r = 0, at = c; r < rows; r++, at += numberColumns) numbers[at] = items[r]!
  }
  const strings = new Array<string>(rows * stringColumns)
  for (let c = 0; c < stringColumns; c++) {
    const vector = chunk.getColumnVector(numberColumns + c) as DuckDBVarCharVector
    for (let r = 0, at = c; r < rows; r++, at += stringColumns) strings[at] = vector.getItem(r) ?? ''
  }
  return { rows, numbers, strings }
}

/** By row: 0, or the number (from 1) of the column whose value is of another type. Such a value is made missing, so that the graph is not asked about it. */
function badIn({ rows, numbers }: RawBatch, columns: number): Int32Array {
  const bad = new Int32Array(rows)
  const { length } = numbers
  for (let i = 0; i < length; i++) {
    const value = numbers[i]!
    // Of no finite number, and of no other, less itself is zero.
    if (value - value === 0 || Number.isNaN(value)) continue
    bad[Math.floor(i / columns)] = (i % columns) + 1
    numbers[i] = Number.NaN
  }
  return bad
}

function markUnanswerable({ values, width }: RawScores, rows: number, bad: Int32Array): void {
  for (let i = 0; i < rows * width; i++)
    if (!Number.isFinite(values[i]!) && bad[Math.floor(i / width)] === 0) bad[Math.floor(i / width)] = noAnswer
}

const unanswered = 'The model has no finite answer: a value is too far from what training saw.'

async function refusal(part: TablePart, row: number, why: number): Promise<Error> {
  const at = part.from + row
  if (why === noAnswer) return invalidInput(`Row ${at}: ${unanswered}`, { row: at })
  const { connection, plan } = lane!
  const told = await connection.runAndReadAll(rowsOf({ ...part, from: at, to: at + 1 }, plan.inputs.badNumbers[why - 1]!))
  return invalidInput(
    `Row ${at}: ${String(told.getRowsJS()[0]?.[0] ?? 'A value is of another type.')} Mend it, or ask for such rows to be left without an answer (onBad: null).`,
    { row: at },
  )
}

/** The answers beside the columns of their rows. Both are in the order of the file, so they need no key. */
function copyOf(part: TablePart, hasBad: boolean): string {
  const { plan, answers } = lane!
  const reason = plan.reason === null ? [] : [`${hasBad ? reasonOf(plan) : 'NULL::VARCHAR'} AS ${identifier(plan.reason)}`]
  const reads = [...new Set([...plan.reads, ...(hasBad ? plan.inputs.names : [])])]
  const select = [...plan.keep.map(({ sql, name }) => `${sql} AS ${identifier(name)}`), ...answers.selected, ...reason]
  const from =
    reads.length === 0 ? 'answers' : `(${rowsOf(part, reads.map(identifier).join(', '))}) AS asked POSITIONAL JOIN answers`
  return `COPY (SELECT ${select.join(', ')} FROM ${from}) TO ${literal(part.out)} (FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE ${rowGroupSize(select.length)})`
}

const reasonOf = ({ inputs: { badNumbers } }: ScoringPlan): string =>
  `CASE __why WHEN 0 THEN NULL WHEN ${noAnswer} THEN ${literal(unanswered)} ${badNumbers.map((told, i) => `WHEN ${i + 1} THEN ${told}`).join(' ')} END`
