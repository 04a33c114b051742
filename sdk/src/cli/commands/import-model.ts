import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import type { Command } from 'commander'
import { AtollError } from '../../http.ts'
import type { Atoll, ImportInput, Inspection } from '../../index.ts'
import { connect, parseNumber, UsageError } from '../context.ts'
import { bytes, progressPrinter } from '../print.ts'
import { answer } from '../run.ts'
import { sendPath } from '../send-path.ts'

/** `atoll models import`: a model from elsewhere as a version here. */
export function importCommand(models: Command): void {
  models
    .command('import <path>')
    .description(
      'a model made elsewhere: ONNX, GGUF, a folder of transformers, TorchScript, scikit-learn, XGBoost, LightGBM, CatBoost, MLflow, model.tar.gz',
    )
    .option('--name <name>', 'of the model (the name of the file when absent)')
    .option('--format <format>', 'what it must be; its bytes say what it is', 'auto')
    .option('--file <path>', 'the model within a folder that holds several')
    .option('--task <task>', 'binary, multiclass, regression, …')
    .option('--target <column>', 'what it predicts')
    .option('--classes <names>', 'in the order of its scores, with commas between')
    .option('--positive <class>')
    .option('--threshold <n>', 'from which probability on it is the positive class', parseNumber)
    .option('--columns <names>', 'of its inputs in its order, with commas between; or "numbered"')
    .option('--scores <kind>', 'what an ONNX classifier answers with: probabilities or logits')
    .option('--takes <what>', 'what a graph or program is given: rows, tensor or image')
    .option('--sizes <numbers>', 'of a graph over tensors: what it leaves free beside the rows, in its order')
    .option('--image-size <size>', 'height and width of the images that a network takes: 224 or 224x320')
    .option('--image-fit <way>', 'how images of another shape get there: stretch, crop or pad')
    .option('--image-resized <n>', 'of crop: the short side before the middle is cut out', parseNumber)
    .option('--image-scale <n>', 'pixels (0 to 255) are multiplied by it first', parseNumber)
    .option('--image-mean <numbers>', 'then taken off, by colour, with commas between')
    .option('--image-std <numbers>', 'then divided by, by colour')
    .option('--image-layout <layout>', 'NCHW or NHWC, where the sizes do not show it')
    .option('--image-colours <order>', 'rgb or bgr')
    .option('--runtime <name>', 'for code of your own (--format custom): tabular, deep, audio or llm')
    .option('--content-type <type>', 'how rows are given to an input_fn of your own: text/csv or application/json')
    .option('--sample <file>', 'rows on which the original and what is served are compared')
    .option('--expected <column>', "a column of the sample that holds the original's answers")
    .option('--licence <licence>', 'as its makers state it; read from the files when absent')
    .option('--origin <where>', 'where it is from: an address, a paper, a person')
    .option('--description <text>')
    .option('--project <project>')
    .option('--on-server', 'the paths are ones on the server, in a folder that an administrator allowed')
    .option('--inspect', 'only say what it is and what is lacking')
    .action((path: string, o) =>
      answer(async (say) => {
        const atoll = connect()
        const input = await inputOf(atoll, path, o, say)
        if (o.inspect) {
          const { name: _, licence: _l, origin: _o, description: _d, ...rest } = input
          const found = await atoll.imports.inspect(rest)
          return { json: found, text: described(found) }
        }
        const { job, inspection } = await atoll.imports.create(input).catch(explain)
        say(described(inspection))
        const printer = progressPrinter()
        const done = await atoll.jobs.wait(job, printer).finally(printer.done)
        const made = done.result as {
          model: string
          version: number
          versionId: string
          served: string
          parity: Parity | null
          notes: string[]
        }
        const version = `${made.model}:${made.version}`
        return {
          json: made,
          text: [
            `${version} is registered. ${servedWords[made.served] ?? made.served}`,
            made.parity
              ? `Compared with the original on ${made.parity.rows} rows: ${made.parity.flips} answers differ, the largest difference is ${made.parity.maxDiff.toExponential(2)}.`
              : 'It was not compared with the original: there were no rows on which that could be asked.',
            ...made.notes,
            `Next: atoll deploy ${version} --name ${made.model.replaceAll(' ', '-')}`,
          ].join('\n'),
        }
      }),
    )
}

interface Parity {
  rows: number
  flips: number
  maxDiff: number
}

const servedWords: Record<string, string> = {
  onnx: 'A graph answers, in a process of its own.',
  python: 'Its own library answers, in a sandboxed Python process.',
  gguf: 'llama.cpp answers, in a process of its own.',
}

const listOf = (text: string | undefined): string[] | undefined => text?.split(',').map((one) => one.trim())

type Said = Record<string, string | undefined> & {
  threshold?: number
  imageScale?: number
  imageResized?: number
  onServer?: boolean
}

const numbersOf = (text: string | undefined): number[] | undefined => listOf(text)?.map(parseNumber)

/** How images are prepared, where anything was said of it. */
function imageOf(o: Said): ImportInput['image'] {
  const size = o.imageSize?.split(/[x,]/).map(parseNumber)
  const said = {
    size: size && ([size[0]!, size[1] ?? size[0]!] as [number, number]),
    fit: o.imageFit,
    resized: o.imageResized,
    scale: o.imageScale,
    mean: numbersOf(o.imageMean),
    std: numbersOf(o.imageStd),
    layout: o.imageLayout,
    colours: o.imageColours,
  }
  return Object.values(said).some((one) => one !== undefined) ? (said as ImportInput['image']) : undefined
}

async function inputOf(
  atoll: Atoll,
  path: string,
  o: Said,
  say: (text: string, passing?: boolean) => void,
): Promise<ImportInput> {
  const send = async (what: string, isFolderAllowed: boolean) => {
    if (o.onServer) return { serverPath: what }
    const info = await stat(what).catch(() => null)
    if (!info || (info.isDirectory() && !isFolderAllowed)) throw new UsageError(`There is no file "${what}".`)
    return { upload: (await sendPath(atoll, what, info.isDirectory(), say)).id }
  }
  const source = await send(path, true)
  return {
    source,
    name: o.name ?? basename(path).replace(/\.(zip|tar|tar\.gz|tgz|onnx|gguf|pt|pth|pkl|pickle|joblib|json|ubj|txt|cbm)$/i, ''),
    format: o.format as ImportInput['format'],
    file: o.file,
    task: o.task as ImportInput['task'],
    target: o.target,
    classes: listOf(o.classes),
    positive: o.positive,
    threshold: o.threshold,
    columns: o.columns === 'numbered' ? 'numbered' : listOf(o.columns),
    scores: o.scores as ImportInput['scores'],
    takes: o.takes as ImportInput['takes'],
    image: imageOf(o),
    sizes: numbersOf(o.sizes),
    runtime: o.runtime as ImportInput['runtime'],
    contentType: o.contentType as ImportInput['contentType'],
    ...(o.sample && { sample: await send(o.sample, false) }),
    expected: o.expected,
    licence: o.licence,
    origin: o.origin,
    description: o.description,
    project: o.project,
  }
}

/** What is lacking, as the options that say it. */
function explain(error: unknown): never {
  const missing = error instanceof AtollError ? (error.facts.missing as Inspection['missing'] | undefined) : undefined
  if (missing) throw new UsageError(`More must be said before it can be imported:\n${lacking(missing)}`)
  throw error
}

const lacking = (missing: Inspection['missing']): string =>
  missing.map(({ field, why, choices }) => `  --${field}${choices.length > 0 ? ` ${choices.join('|')}` : ''}  ${why}`).join('\n')

function described(found: Inspection): string {
  const container = found.container ? ` in ${found.container}` : ''
  const marks = {
    pickle: 'It can run code when it is loaded: only the sandbox loads it.',
    code: 'It is a program: only the sandbox runs it.',
  }
  const columns = found.columns?.map(({ name }) => name)
  return [
    `${found.format}${container}: ${found.algorithm} (${bytes(found.sizeBytes)}, sha256 ${found.sha256.slice(0, 12)}…)`,
    ...(found.task ? [`task: ${found.task}${found.classes ? `, classes: ${found.classes.slice(0, 20).join(', ')}` : ''}`] : []),
    ...(columns
      ? [`columns: ${columns.slice(0, 20).join(', ')}${columns.length > 20 ? ` and ${columns.length - 20} more` : ''}`]
      : []),
    ...(found.graph
      ? [
          `graph: ${[...found.graph.inputs, ...found.graph.outputs].map(({ name, datatype, shape }) => `${name} ${datatype}${shape ? ` [${shape.map((size) => size ?? '?').join(', ')}]` : ''}`).join('; ')}`,
        ]
      : []),
    ...(found.licence ? [`licence: ${found.licence}`] : []),
    ...(found.marked ? [marks[found.marked]] : []),
    ...found.notes.filter((note) => !found.marked || !note.startsWith('It is a p')),
    ...(found.missing.length > 0 ? ['To be said:', lacking(found.missing)] : []),
  ].join('\n')
}
