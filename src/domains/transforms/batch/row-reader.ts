import { buffer } from 'node:stream/consumers'
import type { Files } from '../../../ports/files/files.ts'
import type { ScoringPlan } from '../../../ports/inference/bulk/protocol.ts'
import type { SignatureColumn } from '../../../ports/inference/signature.ts'
import { identifier, literal } from '../../../ports/tables/sql.ts'
import type { TableQuery } from '../../../ports/tables/tables.ts'
import type { PromptTemplate } from '../schema.ts'
import { problemColumn } from './lay-documents.ts'
import { columnsOfTemplate, filled } from './prompt-template.ts'
import type { LaidRows, Stretch } from './spec.ts'

/** A row as a client would send it, or why it cannot be asked about. */
export type ReadRow = { row: Record<string, unknown> } | BadRow

export interface BadRow {
  bad: string
  /** A document without text: no reason to end the work. */
  isUnread?: boolean
}

/** Reads stretches of a table as the rows of a request: files in the place of their paths. */
export function rowReader(
  { files }: { files: Files },
  rows: LaidRows,
  {
    inputs,
    plan,
    columnOf,
    prompt,
  }: {
    inputs: readonly SignatureColumn[]
    plan: ScoringPlan
    columnOf: (input: string) => string | null
    prompt?: PromptTemplate | undefined
  },
) {
  if (prompt !== undefined) return promptReader(rows, prompt)
  const numbers = inputs.filter(({ tensor }) => tensor === 'numbers').sort((a, b) => a.index - b.index)
  const others = inputs.filter(({ tensor, name }) => tensor !== 'numbers' && columnOf(name) !== null)
  const select = [
    ...plan.inputs.numbers,
    ...plan.inputs.badNumbers.map((told, i) => `CASE WHEN isinf(${plan.inputs.numbers[i]}) THEN ${told} END`),
    ...others.map(({ name }) => `${identifier(columnOf(name)!)}::VARCHAR`),
    ...problemOf(rows),
  ]
  const query = (stretch: Stretch) => queryOf(rows, select, stretch)

  async function read(values: readonly unknown[]): Promise<ReadRow> {
    const unread = unreadRow(rows, values)
    if (unread) return unread
    const row: Record<string, unknown> = {}
    for (const [i, input] of numbers.entries()) {
      const value = values[i] as number
      if (value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY)
        return { bad: String(values[numbers.length + i] ?? `Column "${input.name}" holds no value of its type.`) }
      row[input.name] = Number.isNaN(value) ? null : asSent(input, value)
    }
    for (const [i, input] of others.entries()) {
      const value = values[2 * numbers.length + i] as string | null
      const isItem = (input.tensor === 'image' || input.tensor === 'audio') && rows.manifest !== null
      const read = value !== null && isItem ? await itemOf(value) : value
      if (read === undefined) return { bad: `Column "${input.name}": there is no file "${value!.slice(0, 80)}".` }
      row[input.name] = read
    }
    return { row }
  }

  async function itemOf(path: string): Promise<Uint8Array | undefined> {
    if (!(await files.exists(rows.folder, `media/${path}`))) return undefined
    return buffer((await files.open(rows.folder, `media/${path}`)).stream)
  }

  return { query, read }
}

/** Rows as prompts, by a template over their columns. */
function promptReader(rows: LaidRows, prompt: PromptTemplate) {
  const names = columnsOfTemplate(prompt)
  const select = [...names.map((name) => `${identifier(name)}::VARCHAR`), ...problemOf(rows)]
  return {
    query: (stretch: Stretch) => queryOf(rows, select, stretch),
    async read(values: readonly unknown[]): Promise<ReadRow> {
      const unread = unreadRow(rows, values)
      if (unread) return unread
      const absent = names.findIndex((_, i) => values[i] === null)
      if (absent >= 0) return { bad: `Column "${names[absent]}" is missing, and the prompt needs it.` }
      return { row: filled(prompt, (name) => String(values[names.indexOf(name)])) }
    },
  }
}

const queryOf = (rows: LaidRows, select: readonly string[], { from, to }: Stretch): TableQuery => ({
  sql: `SELECT ${select.length > 0 ? select.map((sql, i) => `${sql} AS c${i}`).join(', ') : '1'} FROM read_parquet(${literal(rows.path)}, file_row_number = true) WHERE file_row_number >= ${from} AND file_row_number < ${to}`,
})

const problemOf = ({ documents }: LaidRows): string[] => (documents ? [problemColumn] : [])

function unreadRow({ documents }: LaidRows, values: readonly unknown[]): BadRow | null {
  const problem = documents ? values.at(-1) : null
  return problem === null ? null : { bad: String(problem), isUnread: true }
}

function asSent({ type }: SignatureColumn, value: number): unknown {
  if (type === 'boolean') return value === 1
  return type === 'datetime' ? new Date(value).toISOString() : value
}
