import { invalidInput } from '../../kernel/errors.ts'
import type { AnyEncoder } from '../../ports/inference/encode.ts'
import type { LoadedModel } from '../../ports/inference/inference.ts'
import { compilePrediction } from '../../ports/inference/row-prediction.ts'
import { cellCounter } from '../../ports/tables/cell-counts.ts'
import { identifier, parquet } from '../../ports/tables/sql.ts'
import type { Tables } from '../../ports/tables/tables.ts'
import type { Signature } from '../registry/schema.ts'
import type { Answer } from './answers.ts'
import { type BaselineColumn, pointsOf } from './baseline.ts'
import type { Counted } from './captured-rows.ts'
import type { NowColumn } from './compare-columns.ts'
import { type WatchedColumn, watchedAlias } from './watched-columns.ts'

const rowsAsked = 10_000
const rowsAtOnce = 2_000

/** Refuses a table that lacks what the model reads. */
export function refuseOtherTable(signature: Signature, columns: readonly { name: string }[], table: string): void {
  const absent = signature.inputs
    .filter((input) => !columns.some((column) => column.name === input.name))
    .map((input) => input.name)
  if (absent.length === 0) return
  throw invalidInput(
    `${table} lacks ${absent.length === 1 ? 'the column' : 'columns'} that the model reads: ${absent.slice(0, 10).join(', ')}. Choose data with the columns of its training.`,
    { columns: absent, column: absent[0] },
  )
}

/** The watched inputs of a table that lies as `data.parquet` in a folder. */
export async function watchTable(
  tables: Tables,
  { columns, folder, signal }: { columns: readonly WatchedColumn[]; folder: string; signal: AbortSignal },
): Promise<Counted> {
  const file = parquet(`${folder}/data.parquet`)
  const [counted] = await tables.run({ folders: [folder], signal, statements: [{ sql: `SELECT count(*) FROM ${file}` }] })
  const watched = columns.map((column, i) => `${column.ofTable} AS ${watchedAlias(i)}`).join(', ')
  return { rows: counted!.rows[0]![0] as number, source: `SELECT __row AS row_id, ${watched} FROM ${file}`, folders: [folder] }
}

/** A table that drifted may hold fractions where there were whole numbers; that is for the comparison to say, not for the encoder. */
export const lenient = (signature: Signature): Signature => ({
  ...signature,
  inputs: signature.inputs.map((input) => ({
    ...input,
    nullable: true,
    type: input.type === 'integer' ? ('number' as const) : input.type,
  })),
})

/** Whether a table's cells are all that the model reads: images and sounds lie beside it. */
export const isOfCells = (signature: Signature): boolean =>
  signature.inputs.every(({ tensor }) => tensor !== 'image' && tensor !== 'audio')

/** What the model says of the table's rows, of a sample where there are many; with their truth where the table has the target. */
export async function answerTable(
  tables: Tables,
  about: {
    signature: Signature
    model: LoadedModel
    /** Of the `lenient` signature. */
    encoder: AnyEncoder
    /** The column of truths, if the table has it. */
    truth: string | null
    folder: string
    signal: AbortSignal
  },
): Promise<Answer[]> {
  const { signature, model, encoder, truth, folder, signal } = about
  const { inputs } = lenient(signature)
  const names = signature.inputs.map((input) => input.name)
  const predict = compilePrediction(signature)
  const answers: Answer[] = []
  await tables.session({ folders: [folder], scratch: folder, signal }, async (run) => {
    const known = truth === null ? 'NULL' : `${identifier(truth)}${signature.classes === null ? '' : '::VARCHAR'}`
    const sample = `SELECT ${inputs.map(asRead).join(', ')}, ${known} AS __truth FROM ${parquet(`${folder}/data.parquet`)} ORDER BY hash(__row), __row LIMIT ${rowsAsked}`
    await run([{ sql: `CREATE TEMP TABLE asked AS ${sample}` }])
    for (;;) {
      const [found] = await run([{ sql: `SELECT * FROM asked LIMIT ${rowsAtOnce} OFFSET ${answers.length}` }])
      if (found!.rows.length === 0) break
      const asked = found!.rows.map((values) => Object.fromEntries(names.map((name, i) => [name, values[i]])))
      const scores = await model.predict((await encoder.encode(asked)).batch)
      for (const [row, values] of found!.rows.entries())
        answers.push({ said: predict(scores, row), truth: values.at(-1) as Answer['truth'] })
    }
  })
  return answers
}

/** Answers counted as the watched column of them. */
export function countAnswers(signature: Signature, baseline: BaselineColumn, answers: readonly Answer[]): NowColumn {
  const rows = answers.length
  if (baseline.kind === 'category') {
    const labels = new Map<string, number>()
    for (const { said } of answers) if (said.label !== undefined) labels.set(said.label, (labels.get(said.label) ?? 0) + 1)
    const categories = [...labels].map(([value, count]) => ({ value, count })).sort((a, b) => b.count - a.count)
    return { kind: 'category', rows, missing: 0, categories, others: 0 }
  }
  const counter = cellCounter(pointsOf(baseline))
  const positive = signature.positive ?? signature.classes?.[1] ?? ''
  for (const { said } of answers) {
    // Characters as SQL counts them.
    if (said.text !== undefined) counter.add([...said.text].length)
    else counter.add(signature.task === 'regression' ? (said.value ?? null) : (said.probabilities?.[positive] ?? null))
  }
  return { kind: 'number', rows, missing: counter.missing, cells: counter.cells }
}

/** A column as the watch reads it: what is no number, or an infinite one, is missing; a label is text whatever its type. */
function asRead({ name, type, tensor }: Signature['inputs'][number]): string {
  const column = identifier(name)
  if (tensor !== 'numbers') return `${column}::VARCHAR AS ${column}`
  if (type !== 'number') return column
  const number = `TRY_CAST(${column} AS DOUBLE)`
  return `CASE WHEN isfinite(${number}) THEN ${number} END AS ${column}`
}
