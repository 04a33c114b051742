import { BIGINT, BOOLEAN, DuckDBDataChunk, FLOAT, INTEGER, VARCHAR } from '@duckdb/node-api'
import { identifier, literal } from '../../tables/sql.ts'
import type { RawScores } from '../inference.ts'
import { binaryRule, firstLargest } from '../label.ts'
import { compilePrediction } from '../row-prediction.ts'
import type { ModelSignature } from '../signature.ts'
import { type AnswerColumn, answerColumns, answerSqlType, isPlainAnswer } from './answer-columns.ts'
import { fillVector } from './vector-items.ts'

/** The mark of a row whose values are all right, and whose answer is no finite number. */
export const noAnswer = -1

/** Answers on their way into a table. */
export interface AnswerTable {
  /** The columns of the table that takes them; `__why` is 0, or marks a row that has none. */
  definition: string
  /** What is selected from that table. */
  selected: string[]
  chunkOf(scores: RawScores, rows: number, why: Int32Array): DuckDBDataChunk
}

/** Classes and numbers go over by the column; whatever else a model says, by the row. */
export function answerTable(signature: ModelSignature, prefix: string): AnswerTable {
  return isPlainAnswer(signature) ? plainTable(signature, prefix) : anyTable(signature, prefix)
}

function plainTable(signature: ModelSignature, prefix: string): AnswerTable {
  const { task, classes } = signature
  const width = task === 'regression' ? 1 : classes!.length
  const decide =
    task === 'regression'
      ? null
      : task === 'binary'
        ? binaryRule(signature)
        : (values: Float32Array, at: number) => firstLargest(values, at, width)
  const types = [INTEGER, INTEGER, ...Array.from({ length: width }, () => FLOAT)]
  const [first, ...others] = answerColumns(signature)
  const named = (name: string) => identifier(`${prefix}${name}`)
  const value = (k: number) => `CASE WHEN __why = 0 THEN v${k} END`
  return {
    definition: `__why INTEGER, label INTEGER, ${Array.from({ length: width }, (_, k) => `v${k} FLOAT`).join(', ')}`,
    selected: decide
      ? [
          `CASE WHEN __why = 0 THEN [${classes!.map(literal).join(', ')}][label + 1] END AS ${named(first!.name)}`,
          ...others.map(({ name }, k) => `${value(k)} AS ${named(name)}`),
        ]
      : [`${value(0)} AS ${named(first!.name)}`],
    chunkOf({ values }, rows, why) {
      const chunk = DuckDBDataChunk.create(types, rows)
      fillVector<Int32Array>(chunk, 0, (items) => items.set(why.subarray(0, rows)))
      fillVector<Int32Array>(chunk, 1, (items) => {
        for (let r = 0; r < rows; r++) items[r] = decide ? decide(values, r * width) : 0
      })
      for (let k = 0; k < width; k++)
        fillVector<Float32Array>(chunk, 2 + k, (items) => {
          for (let r = 0, at = k; r < rows; r++, at += width) items[r] = values[at]!
        })
      return chunk
    },
  }
}

const duckTypes = { VARCHAR, FLOAT, BIGINT, BOOLEAN } as const

function anyTable(signature: ModelSignature, prefix: string): AnswerTable {
  const predict = compilePrediction(signature)
  const columns = answerColumns(signature)
  const typeOf = ({ kind }: AnswerColumn) => answerSqlType[kind] as keyof typeof duckTypes
  const types = [INTEGER, ...columns.map((column) => duckTypes[typeOf(column)])]
  return {
    definition: `__why INTEGER, ${columns.map((column, k) => `v${k} ${typeOf(column)}`).join(', ')}`,
    selected: columns.map(({ name }, k) => `v${k} AS ${identifier(`${prefix}${name}`)}`),
    chunkOf(scores, rows, why) {
      const chunk = DuckDBDataChunk.create(types, rows)
      const told = Array.from({ length: rows }, (_, r) => (why[r] === 0 ? predict(scores, r) : null))
      chunk.setColumnValues(0, [...why.subarray(0, rows)])
      for (const [k, column] of columns.entries())
        chunk.setColumnValues(
          k + 1,
          told.map((prediction) => duckValue(column, prediction as Parameters<AnswerColumn['of']>[0] | null)),
        )
      return chunk
    },
  }
}

function duckValue(column: AnswerColumn, prediction: Parameters<AnswerColumn['of']>[0] | null) {
  const value = prediction && column.of(prediction)
  return column.kind === 'integer' && typeof value === 'number' ? BigInt(value) : value
}
