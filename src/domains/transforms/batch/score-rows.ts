import { isPlatformError } from '../../../kernel/errors.ts'
import type { Files } from '../../../ports/files/files.ts'
import { type AnswerColumn, answerColumns, answerSqlType } from '../../../ports/inference/bulk/answer-columns.ts'
import type { ScoringPlan } from '../../../ports/inference/bulk/protocol.ts'
import { compilePrediction } from '../../../ports/inference/row-prediction.ts'
import type { Prompt } from '../../../ports/language/language.ts'
import { identifier, literal, rowGroupSize } from '../../../ports/tables/sql.ts'
import type { Tables } from '../../../ports/tables/tables.ts'
import type { LoadedRows, LoadedText } from '../../endpoints/serving.ts'
import type { ModelVersion, Signature } from '../../registry/schema.ts'
import { type BadRow, type ReadRow, rowReader } from './row-reader.ts'
import { refuseRow, type Scoring } from './run-job.ts'
import type { LaidRows, Stretch } from './spec.ts'
import { doneStretches, stretchesOf } from './stretches.ts'

export interface ScoreRowsNeeds {
  files: Files
  tables: Tables
  /** Opens a version as an endpoint would. */
  load(version: ModelVersion): Promise<LoadedRows | LoadedText>
}

type Answer = Record<string, unknown> | BadRow

/** Rows of one stretch, and of one call of the model. */
const sizes = {
  cells: { stretch: 4096, call: 512 },
  media: { stretch: 128, call: 32 },
  text: { stretch: 16, call: 1 },
}

/** Whatever is not asked by columns (images, sounds, texts, Python workers, pipelines, language models): row by row, as an endpoint would be. */
export async function scoreRows(
  { files, tables, load }: ScoreRowsNeeds,
  { context, version, rows, plan, columnOf, progress }: Scoring & { version: ModelVersion },
): Promise<string> {
  const { signal, spec } = context
  const { signature } = version
  const parts = doneStretches(files, context.checkpointFolder)
  const done = await parts.open()
  const size = signature.task === 'generation' ? sizes.text : signature.inputs.some(isSlow) ? sizes.media : sizes.cells
  const all = stretchesOf(rows.rows, size.stretch)
  const waiting = all.filter(({ number }) => !done.has(number))
  progress(done, all)
  if (waiting.length === 0) return 'finished'
  const loaded = await load(version)
  try {
    const ask = loaded.answers === 'text' ? textAsker(loaded, spec.generation ?? {}, signal) : rowAsker(loaded, signal)
    const reader = rowReader({ files }, rows, { inputs: signature.inputs, plan, columnOf, prompt: spec.prompt })
    const columns = answerColumns(signature)
    for (const stretch of waiting) {
      signal.throwIfAborted()
      await parts.clear(stretch)
      const [found] = await tables.run({ files: [rows.path], statements: [reader.query(stretch)], signal })
      const answers: Answer[] = []
      for (let at = 0; at < found!.rows.length; at += size.call) {
        signal.throwIfAborted()
        const read = await Promise.all(found!.rows.slice(at, at + size.call).map((values) => reader.read(values)))
        answers.push(...(await answered(read, ask)))
      }
      const bad = answers.filter((answer) => 'bad' in answer)
      const refused = spec.onBad === 'fail' ? answers.findIndex((answer) => 'bad' in answer && !answer.isUnread) : -1
      if (refused >= 0)
        throw refuseRow(
          stretch.from + refused,
          (answers[refused] as BadRow).bad,
          await placeOf({ tables, rows }, stretch.from + refused),
        )
      await writeStretch(
        { files, tables },
        { answers, columns, rows, plan, stretch, file: parts.file(stretch), folder: parts.folder, signal },
      )
      await parts.note(stretch, { rows: answers.length, bad: bad.length })
      done.set(stretch.number, { rows: answers.length, bad: bad.length })
      progress(done, all)
    }
    return loaded.answers === 'text' ? 'the language model, prompt by prompt' : `the model, row by row (${loaded.model.place})`
  } finally {
    await loaded.release()
  }
}

const isSlow = ({ tensor }: Signature['inputs'][number]): boolean => tensor !== 'numbers' && tensor !== 'strings'

type Ask = (rows: readonly Record<string, unknown>[]) => Promise<Record<string, unknown>[]>

function rowAsker({ encoder, model, signature }: LoadedRows, signal: AbortSignal): Ask {
  const predict = compilePrediction(signature)
  return async (rows) => {
    const scores = await model.predict((await encoder.encode(rows)).batch, { signal })
    return rows.map((_, r) => {
      const values = scores.values.subarray(r * scores.width, (r + 1) * scores.width)
      if (!values.every(Number.isFinite))
        return { bad: 'The model has no finite answer: a value is too far from what training saw.' }
      return { ...predict(scores, r) }
    })
  }
}

function textAsker({ language, signature }: LoadedText, settings: Record<string, unknown>, signal: AbortSignal): Ask {
  return async (rows) => {
    const answers: Record<string, unknown>[] = []
    for (const { prompt, messages } of rows) {
      if (messages === undefined && (typeof prompt !== 'string' || prompt === '')) {
        answers.push({ bad: 'There is no prompt.' })
        continue
      }
      const asked = (messages === undefined ? { prompt } : { messages }) as Prompt
      const maxTokens = signature.generation?.maxNewTokens ?? 256
      answers.push({ ...(await language.generate({ maxTokens, ...settings, ...asked }, { signal })) })
    }
    return answers
  }
}

/** The answers of rows of which some may be refused: together, and one by one where that fails. */
async function answered(read: readonly ReadRow[], ask: Ask): Promise<Answer[]> {
  const rows = read.flatMap((one) => ('row' in one ? [one.row] : []))
  const answers = rows.length > 0 ? await together(rows, ask) : []
  let next = 0
  return read.map((one) => ('row' in one ? answers[next++]! : one))
}

async function together(rows: readonly Record<string, unknown>[], ask: Ask): Promise<Answer[]> {
  try {
    return await ask(rows)
  } catch (error) {
    if (!isOfRow(error)) throw error
    if (rows.length === 1) return [{ bad: withoutPlace((error as Error).message) }]
    const middle = rows.length >> 1
    return [...(await together(rows.slice(0, middle), ask)), ...(await together(rows.slice(middle), ask))]
  }
}

const ofRows: ReadonlySet<string> = new Set(['invalid_input', 'unprocessable', 'too_large', 'unsupported_type'])
const isOfRow = (error: unknown): boolean => isPlatformError(error) && ofRows.has(error.code)

/** Where a row is from, for whoever sent documents: they know no numbers of rows. */
async function placeOf({ tables, rows }: { tables: Tables; rows: LaidRows }, row: number): Promise<string | undefined> {
  if (!rows.documents) return undefined
  const [found] = await tables.run({
    files: [rows.path],
    statements: [
      {
        sql: `SELECT path, page FROM read_parquet(${literal(rows.path)}, file_row_number = true) WHERE file_row_number = ${row}`,
      },
    ],
  })
  const [path, page] = found!.rows[0]!
  return page === null ? `"${path}"` : `"${path}", page ${page}`
}

/** A place within one call says nothing about the table. */
const withoutPlace = (message: string): string => message.replace(/^Row \d+[,:]? ?/, '')

async function writeStretch(
  { files, tables }: { files: Files; tables: Tables },
  part: {
    answers: readonly Answer[]
    columns: readonly AnswerColumn[]
    rows: LaidRows
    plan: ScoringPlan
    stretch: Stretch
    file: string
    folder: string
    signal: AbortSignal
  },
): Promise<void> {
  const { answers, columns, rows, plan, stretch, file, folder, signal } = part
  const lines = answers.map((answer) =>
    JSON.stringify(
      'bad' in answer
        ? { why: answer.bad }
        : Object.fromEntries(columns.map((column, i) => [`v${i}`, column.of(answer as Parameters<AnswerColumn['of']>[0])])),
    ),
  )
  const name = 'answers.jsonl'
  await files.writeText(folder, name, `${lines.join('\n')}\n`)
  const types = ["why: 'VARCHAR'", ...columns.map(({ kind }, i) => `v${i}: '${answerSqlType[kind]}'`)]
  const told = `read_json(${literal(`${folder}/${name}`)}, format = 'newline_delimited', columns = {${types.join(', ')}}, maximum_object_size = ${mostAnswerBytes})`
  const select = [
    ...plan.keep.map(({ sql, name: as }) => `${sql} AS ${identifier(as)}`),
    ...columns.map(({ name: as }, i) => `v${i} AS ${identifier(`${plan.prefix}${as}`)}`),
    ...(plan.reason === null ? [] : [`why AS ${identifier(plan.reason)}`]),
  ]
  const asked = `SELECT ${plan.reads.map(identifier).join(', ')} FROM read_parquet(${literal(rows.path)}, file_row_number = true) WHERE file_row_number >= ${stretch.from} AND file_row_number < ${stretch.to}`
  const from = plan.reads.length === 0 ? told : `(${asked}) AS asked POSITIONAL JOIN ${told} AS told`
  await tables.run({
    folders: [folder],
    files: [rows.path],
    threads: 1,
    statements: [
      {
        sql: `COPY (SELECT ${select.join(', ')} FROM ${from}) TO ${literal(file)} (FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE ${rowGroupSize(select.length)})`,
      },
    ],
    signal,
  })
}

const mostAnswerBytes = 64 * 2 ** 20
