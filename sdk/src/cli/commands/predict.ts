import { writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Command } from 'commander'
import { type Atoll, AtollError, type Prediction, type PredictOutput, type Signature } from '../../index.ts'
import { connect, UsageError } from '../context.ts'
import { csvCell, readRows, typedRow } from '../files.ts'
import { filesOf, readFileOf, withFiles } from '../item-files.ts'
import { round, table } from '../print.ts'
import { answer } from '../run.ts'

const rowsPerCall = 1000
const filesAtOnce = 4
const collect = (one: string, before: string[] = []) => [...before, one]

interface PredictOptions {
  rows?: string
  file?: string[]
  out?: string
  async?: boolean
}

/** How rows or a file are asked about: at once, or through the queue of the endpoint. */
interface Ask {
  rows(name: string, rows: Record<string, unknown>[]): Promise<PredictOutput>
  file(name: string, file: Blob): Promise<PredictOutput>
}

/** `predict`: rows of a table, or files as they are, to an endpoint. */
export function predictCommand(program: Command): void {
  program
    .command('predict <endpoint>')
    .description('send rows of a CSV or JSON file, or images, sounds and texts as files, to an endpoint')
    .option('--rows <file>', 'a table; a cell of an image or audio column names a file beside it')
    .option('--file <path>', 'a file, or a folder with such files; may be given several times', collect)
    .option('--out <file>', 'write a CSV or JSON file')
    .option('--async', 'put what is asked into the queue of the endpoint, and wait for it: for what takes long')
    .action((name: string, options: PredictOptions) =>
      answer(async () => {
        if ((options.rows === undefined) === (options.file === undefined)) throw new UsageError('Give either --rows or --file.')
        const atoll = connect()
        const { signature } = await atoll.endpoints.get(name)
        const ask = options.async ? asksLater(atoll) : asksNow(atoll)
        return options.file
          ? ofFiles(ask, name, { paths: options.file, signature, out: options.out })
          : ofRows(ask, name, { path: options.rows!, signature, out: options.out })
      }),
    )
}

const asksNow = (atoll: Atoll): Ask => ({
  rows: (name, rows) => atoll.endpoints.predict(name, rows),
  file: (name, file) => atoll.endpoints.predictFile(name, file),
})

function asksLater(atoll: Atoll): Ask {
  async function ask(name: string, body: { rows: Record<string, unknown>[] } | Blob): Promise<PredictOutput> {
    const { id } = await atoll.invocations.create(name, body)
    const { state, failure } = await atoll.invocations.wait(id)
    if (state === 'succeeded') return atoll.invocations.result(id)
    // What is wrong with the rows or the file is told as if it had been asked at once.
    throw new AtollError(
      failure && /^(invalid_input|unprocessable|too_large|unsupported_type)$/.test(failure.code) ? 422 : 0,
      failure?.code ?? state,
      failure?.message ?? `${id} is ${state}.`,
      failure?.facts,
    )
  }
  return { rows: (name, rows) => ask(name, { rows }), file: ask }
}

async function ofRows(ask: Ask, name: string, { path, signature, out }: { path: string; signature: Signature; out?: string }) {
  const { rows: given, decimalComma } = await readRows(path)
  if (given.length === 0) throw new UsageError(`"${path}" holds no rows.`)
  const predictions: Prediction[] = []
  for await (const rows of withFiles(
    given.map((row) => typedRow(row, signature.inputs, { decimalComma })),
    { inputs: signature.inputs, folder: dirname(path), mostRows: rowsPerCall },
  ))
    predictions.push(...(await ask.rows(name, rows)).predictions)
  const shown = asTable(predictions, signature)
  if (out) await write(out, { json: predictions, columns: shown.header, rows: shown.rows })
  return {
    json: { endpoint: name, rows: given.length, predictions, ...(out ? { file: out } : {}) },
    text: out
      ? `${predictions.length} predictions written to ${out}`
      : table(
          ['row', ...shown.columns],
          shown.rows.slice(0, 50).map((cells, i) => [i + 1, ...cells.map(rounded)]),
        ),
  }
}

interface FileAnswer {
  file: string
  prediction: Prediction | null
  warnings: string[]
  error: string | null
}

async function ofFiles(
  ask: Ask,
  name: string,
  { paths, signature, out }: { paths: string[]; signature: Signature; out?: string },
) {
  const files = await filesOf(paths, signature.inputs)
  const answers = new Array<FileAnswer>(files.length)
  let next = 0
  await Promise.all(
    Array.from({ length: Math.min(filesAtOnce, files.length) }, async () => {
      while (next < files.length) {
        const at = next++
        answers[at] = await ofFile(ask, name, files[at]!)
      }
    }),
  )
  const refused = answers.filter(({ error }) => error !== null)
  if (refused.length === answers.length) throw new Error(`${refused[0]!.file}: ${refused[0]!.error}`)
  if (refused.length > 0) process.exitCode = 1
  const shown = asTable(
    answers.map(({ prediction }) => prediction ?? { id: '' }),
    signature,
  )
  if (out)
    await write(out, {
      json: answers,
      columns: ['file', ...shown.header, 'error'],
      rows: shown.rows.map((cells, i) => [answers[i]!.file, ...cells, answers[i]!.error]),
    })
  const failures = refused.map(({ file, error }) => `${file}: ${error}`).join('\n')
  const text = out
    ? `${answers.length - refused.length} predictions written to ${out}`
    : table(
        ['file', ...shown.columns],
        shown.rows.map((cells, i) => [answers[i]!.file, ...cells.map(rounded)]),
      )
  return {
    json: { endpoint: name, files: answers, refused: refused.length, ...(out ? { file: out } : {}) },
    text: failures ? `${text}\n\nRefused:\n${failures}` : text,
  }
}

async function ofFile(ask: Ask, name: string, path: string): Promise<FileAnswer> {
  try {
    const { predictions, warnings } = await ask.file(name, await readFileOf(path))
    return { file: path, prediction: predictions[0]!, warnings, error: null }
  } catch (error) {
    // What is wrong with one file says nothing of the others; what is wrong with the call does.
    if (error instanceof AtollError && [400, 413, 422].includes(error.status))
      return { file: path, prediction: null, warnings: [], error: error.message.replace(/^Row 0, column "[^"]*": /, '') }
    throw error
  }
}

/** Predictions as a table: what is decided, then probabilities by class and whatever numbers there are. */
function asTable(predictions: Prediction[], signature: Signature) {
  const cells = predictions.map(cellsOf)
  const classes = (signature.classes ?? []).filter((name) => cells.some((one) => one.has(`p_${name}`)))
  const found = new Set(cells.flatMap((one) => [...one.keys()]))
  const keys = [...[...found].filter((key) => !key.startsWith('p_')), ...classes.map((name) => `p_${name}`)]
  return {
    columns: keys.map((key) => key.replace(/^p_/, '')),
    header: keys,
    rows: cells.map((one) => keys.map((key) => one.get(key))),
  }
}

function cellsOf({ id: _, probabilities = {}, outputs = {}, ...rest }: Prediction): Map<string, unknown> {
  const cells = new Map<string, unknown>()
  for (const [name, value] of [...Object.entries(rest), ...Object.entries(outputs)]) {
    if (name === 'labels') cells.set(name, (value as string[]).join('; '))
    else if (name === 'segments') cells.set(name, segmentsText(value as NonNullable<Prediction['segments']>))
    else if (name === 'turns') cells.set(name, turnsText(value as NonNullable<Prediction['turns']>))
    else if (name === 'spans') cells.set(name, (value as NonNullable<Prediction['spans']>).map(spanText).join('; ') || 'none')
    else if (name === 'objects')
      cells.set(name, (value as NonNullable<Prediction['objects']>).map(objectText).join('; ') || 'none')
    // A picture is no cell, nor what each step of a pipeline said: they are in the JSON.
    else if (name === 'mask' || name === 'steps') continue
    else if (name === 'areas')
      for (const [label, share] of Object.entries(value as Record<string, number>)) cells.set(`area_${label}`, share)
    else if (Array.isArray(value)) value.forEach((one, i) => void cells.set(`${name}_${i}`, one))
    else if (value !== null && typeof value === 'object')
      for (const [part, one] of Object.entries(value)) cells.set(`${name}_${part}`, one)
    else if (value !== undefined) cells.set(name, value)
  }
  for (const [name, value] of Object.entries(probabilities)) cells.set(`p_${name}`, value)
  return cells
}

/** "0.0 to 4.2 s: what was said; …" */
const segmentsText = (segments: NonNullable<Prediction['segments']>): string =>
  segments.map(({ start, end, text }) => `${start.toFixed(1)} to ${end.toFixed(1)} s: ${text}`).join('; ')

const turnsText = (turns: NonNullable<Prediction['turns']>): string =>
  turns.map(({ start, end, speaker }) => `${start.toFixed(2)} to ${end.toFixed(2)} s: ${speaker}`).join('; ') || 'nobody speaks'

const spanText = ({ label, text, score }: NonNullable<Prediction['spans']>[number]): string =>
  `${label} "${text}" ${score.toFixed(2)}`

const objectText = ({ label, score, box }: NonNullable<Prediction['objects']>[number]): string =>
  `${label} ${score.toFixed(2)} [${box.map(Math.round).join(' ')}]`

const rounded = (cell: unknown): string | number | null | undefined =>
  typeof cell === 'number' ? round(cell, 4) : typeof cell === 'boolean' ? String(cell) : (cell as string | undefined)

async function write(file: string, what: { json: unknown; columns: string[]; rows: unknown[][] }): Promise<void> {
  const csv = [what.columns, ...what.rows].map((cells) => cells.map(csvCell).join(',')).join('\n')
  await writeFile(file, /\.json$/i.test(file) ? JSON.stringify(what.json, null, 2) : `${csv}\n`)
}
