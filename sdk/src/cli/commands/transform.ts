import { createWriteStream } from 'node:fs'
import { rename, rm, stat } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Command } from 'commander'
import { type Atoll, AtollError, type BatchTransform, type BatchTransformInput, type Job } from '../../index.ts'
import { connect, parseNumber, UsageError, unlessAbsent } from '../context.ts'
import { bytes, progressPrinter, table } from '../print.ts'
import { answer } from '../run.ts'
import { sendPath } from '../send-path.ts'

const list = (text: string): string[] =>
  text
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean)

export function transformCommands(program: Command): void {
  program
    .command('transform <model-or-endpoint>')
    .description('predict every row of a file, a folder of images, recordings or documents, or a data set, as a job')
    .option(
      '--rows <path>',
      'a file (Parquet, CSV, JSON lines, Excel), or a folder or archive of images, recordings or documents',
    )
    .option('--documents <by>', 'of documents (.txt .md .rst .html .pdf .docx .odt): a row for each document, or for each page')
    .option('--dataset <name>', 'a data set of the server; NAME or NAME:VERSION')
    .option('--split <id>', 'with --part: only those rows of this split')
    .option('--part <part>', 'train or validation')
    .option('--out <file>', 'where the predictions go: .parquet, .csv or .jsonl')
    .option('--to-dataset <name>', 'the rows with their predictions as a new data set')
    .option('--add-version', 'the predictions as further columns of the data set: a new version of it')
    .option('--keep <columns>', 'columns of the rows to keep beside: all, none, or names with commas', 'all')
    .option('--prefix <text>', 'put before the names of the answers', 'predicted_')
    .option('--input <input=column>', 'the column for an input of the model that is called otherwise (again for more)', pairs, {})
    .option('--prompt <text>', 'what a language model is asked about each row; {{column}} stands for a value')
    .option('--user <text>', 'instead of a prompt: what is said to a model that converses')
    .option('--system <text>', 'with --user: how it is to answer')
    .option('--max-tokens <n>', 'of each answer of a language model', parseNumber)
    .option('--bad-rows <how>', 'fail: a row without an answer ends it; null: it stays without one and says why', 'fail')
    .option('--as <kind>', 'model or endpoint, where there are both of that name')
    .option('--name <name>')
    .option('--project <project>')
    .option('--no-wait', 'print the transform and do not wait for it')
    .action((what: string, o) =>
      answer(async (say) => {
        const atoll = connect()
        const made = await atoll.transforms.create(await inputOf(atoll, what, o, say))
        if (!o.wait) return { json: made, text: `${made.id} is ${made.state}. See: atoll transforms show ${made.id}` }
        return ended(atoll, made, o.out)
      }),
    )

  const transforms = program.command('transforms').description('batch transforms: what ran, how it went, its file')
  transforms
    .command('list')
    .option('--project <project>')
    .option('--limit <n>', 'at most', parseNumber, 50)
    .action((o) =>
      answer(async () => {
        const page = await connect().transforms.list({ project: o.project, limit: o.limit })
        return {
          json: page,
          text: table(
            ['name', 'state', 'rows', 'without', 'id'],
            page.items.map((one) => [one.name, one.state, one.result?.rows, one.result?.bad, one.id]),
          ),
        }
      }),
    )
  transforms
    .command('show <transform>')
    .option('--project <project>')
    .action((ref: string, o) =>
      answer(async () => {
        const atoll = connect()
        const one = await atoll.transforms.get(ref, { project: o.project })
        const isOver = one.state !== 'queued' && one.state !== 'running'
        const { progress } = isOver ? { progress: null } : await atoll.jobs.get(one.job)
        return {
          json: { ...one, progress },
          text: progress
            ? `${described(one)}
  ${underWay(progress)}`
            : described(one),
        }
      }),
    )
  transforms
    .command('wait <transform>')
    .description('follow one that is under way to its end')
    .option('--out <file>', 'where the predictions go')
    .option('--project <project>')
    .action((ref: string, o) =>
      answer(async () => {
        const atoll = connect()
        return ended(atoll, await atoll.transforms.get(ref, { project: o.project }), o.out)
      }),
    )
  transforms
    .command('retry <transform>')
    .description('let one that failed or was cancelled go on after what it had answered')
    .option('--out <file>', 'where the predictions go')
    .option('--no-wait', 'do not wait for it')
    .option('--project <project>')
    .action((ref: string, o) =>
      answer(async () => {
        const atoll = connect()
        const one = await atoll.transforms.get(ref, { project: o.project })
        await atoll.jobs.retry(one.job)
        if (!o.wait)
          return { json: await atoll.transforms.get(one.id), text: `${one.id} goes on. See: atoll transforms show ${one.id}` }
        return ended(atoll, one, o.out)
      }),
    )
  transforms
    .command('get <transform>')
    .description('download the file of predictions')
    .requiredOption('--out <file>')
    .option('--project <project>')
    .action((ref: string, o) =>
      answer(async () => {
        const atoll = connect()
        const one = await atoll.transforms.get(ref, { project: o.project })
        await save(atoll, one, o.out)
        return { json: { ...one, savedTo: o.out }, text: described(one, o.out) }
      }),
    )
  for (const [verb, told] of [
    ['cancel', 'is cancelled'],
    ['delete', 'is in the bin'],
  ] as const)
    transforms
      .command(`${verb} <transform>`)
      .option('--project <project>')
      .action((ref: string, o) =>
        answer(async () => {
          await connect().transforms[verb](ref, { project: o.project })
          return { json: { [verb]: ref }, text: `${ref} ${told}.` }
        }),
      )
}

/** Waits for it; says how to go on where it did not succeed. */
async function ended(atoll: Atoll, { id, job }: BatchTransform, out?: string) {
  const printer = progressPrinter()
  await atoll.jobs
    .wait(job, printer)
    .catch((error) => {
      // What is wrong with the rows would end it again.
      if (!(error instanceof AtollError) || error.code === 'invalid_input') throw error
      const further = `What was answered is kept for a while; go on from there: atoll transforms retry ${id}`
      throw new AtollError(error.status, error.code, `${error.message} ${further}`, error.facts)
    })
    .finally(printer.done)
  const done = await atoll.transforms.get(id)
  if (out) await save(atoll, done, out)
  return { json: done, text: described(done, out) }
}

function underWay({ stage, done, of, etaSeconds, message }: NonNullable<Job['progress']>): string {
  const share = of ? ` ${Math.round((100 * done) / of)} %` : ''
  return `${stage}${share}${message ? `, ${message}` : ''}${etaSeconds ? `, about ${Math.ceil(etaSeconds)} s left` : ''}`
}

function pairs(text: string, before: Record<string, string>): Record<string, string> {
  const at = text.indexOf('=')
  if (at < 1) throw new UsageError(`"${text}" is not INPUT=COLUMN.`)
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) }
}

const formats: Record<string, 'parquet' | 'csv' | 'jsonl'> = { parquet: 'parquet', csv: 'csv', jsonl: 'jsonl', ndjson: 'jsonl' }

async function inputOf(
  atoll: Atoll,
  what: string,
  o: Record<string, any>,
  say: (text: string, passing?: boolean) => void,
): Promise<BatchTransformInput> {
  if ((o.rows === undefined) === (o.dataset === undefined)) throw new UsageError('Say either --rows FILE or --dataset NAME.')
  const format = o.out ? formats[/\.(\w+)$/.exec(o.out)?.[1]?.toLowerCase() ?? ''] : null
  if (o.out && !format) throw new UsageError(`"${o.out}" is neither .parquet, .csv nor .jsonl.`)
  const dataset = o.addVersion ? { addTo: 'input' as const } : o.toDataset ? { name: o.toDataset as string } : null
  return {
    ...(await modelOrEndpoint(atoll, what, o)),
    input: o.rows ? { upload: await sent(atoll, o.rows, say), ...(o.documents && { documents: o.documents }) } : datasetOf(o),
    ...promptOf(o),
    output: { format: format ?? (dataset ? null : 'parquet'), dataset },
    keep: o.keep === 'all' || o.keep === 'none' ? o.keep : list(o.keep),
    prefix: o.prefix,
    inputs: o.input,
    onBad: o.badRows,
    name: o.name,
    project: o.project,
  }
}

function promptOf(o: Record<string, any>): Pick<BatchTransformInput, 'prompt' | 'generation'> {
  if (o.prompt !== undefined && (o.user !== undefined || o.system !== undefined))
    throw new UsageError('Say either --prompt, or --user with --system.')
  if (o.system !== undefined && o.user === undefined) throw new UsageError('Say with --user what is asked about each row.')
  const prompt = o.user === undefined ? o.prompt : { user: o.user, ...(o.system !== undefined && { system: o.system }) }
  return { ...(prompt !== undefined && { prompt }), ...(o.maxTokens !== undefined && { generation: { maxTokens: o.maxTokens } }) }
}

function datasetOf(o: Record<string, any>): BatchTransformInput['input'] {
  const [, name, version] = /^(.*?)(?::v?(\d+))?$/.exec(o.dataset) ?? []
  return { dataset: name!, ...(version && { version }), ...(o.split && { split: o.split }), ...(o.part && { part: o.part }) }
}

/** What is in production goes first, unless somebody says otherwise or names a version. */
async function modelOrEndpoint(
  atoll: Atoll,
  what: string,
  o: Record<string, any>,
): Promise<{ model: string } | { endpoint: string }> {
  if (o.as === 'model' || /:\d+$/.test(what)) return { model: what }
  if (o.as === 'endpoint') return { endpoint: what }
  return (await unlessAbsent(atoll.endpoints.get(what, { project: o.project }))) ? { endpoint: what } : { model: what }
}

async function sent(atoll: Atoll, path: string, say: (text: string, passing?: boolean) => void): Promise<string> {
  const info = await stat(path).catch(() => null)
  if (!info) throw new UsageError(`There is no file or folder "${path}".`)
  return (await sendPath(atoll, path, info.isDirectory(), say)).id
}

/** Whole or not at all: under another name until the last byte is there. */
async function save(atoll: Atoll, { id, result }: BatchTransform, out: string): Promise<void> {
  const format = result?.file?.format
  if (format && formats[/\.(\w+)$/.exec(out)?.[1]?.toLowerCase() ?? format] !== format)
    throw new UsageError(`The file is ${format}, so "${out}" is no name for it. Say --out NAME.${format}.`)
  const response = await atoll.transforms.result(id)
  const beside = `${out}.part`
  try {
    await pipeline(Readable.fromWeb(response.body as never), createWriteStream(beside))
    await rename(beside, out)
  } catch (error) {
    await rm(beside, { force: true })
    throw error
  }
}

function described(one: BatchTransform, savedTo?: string): string {
  const { result } = one
  const lines = [`${one.name} (${one.id}): ${one.state}`, `  ${one.rows} with ${one.modelName}:${one.versionNumber}`]
  if (one.failure) lines.push(`  ${one.failure}`)
  if (one.state === 'cancelled')
    lines.push(`  What was answered is kept for a while; go on from there: atoll transforms retry ${one.id}`)
  if (result) {
    const { read, predict, write } = result.seconds
    const rate = predict > 0 ? `, ${Math.round(result.rows / predict).toLocaleString('en')} rows a second` : ''
    lines.push(
      `  ${result.rows.toLocaleString('en')} rows${result.bad ? `, ${result.bad} without an answer` : ''}; ${result.ran}`,
      `  ${read.toFixed(1)} s to read, ${predict.toFixed(1)} s to predict${rate}, ${write.toFixed(1)} s to write`,
    )
    for (const note of result.notes.slice(0, 20)) lines.push(`  ${note}`)
    if (result.documents) {
      const { files, unread, unreadCount, leftOut } = result.documents
      lines.push(`  ${files} documents${unreadCount ? `, ${unreadCount} of them could not be read:` : ', all read'}`)
      for (const { path, why } of unread.slice(0, 20)) lines.push(`    ${path} ${why}`)
      if (leftOut.length > 0)
        lines.push(
          `  left out: ${leftOut
            .slice(0, 5)
            .map(({ path, why }) => `${path} (${why})`)
            .join(', ')}`,
        )
    }
    if (result.file)
      lines.push(
        `  ${savedTo ?? `${result.file.filename} (atoll transforms get ${one.id} --out FILE)`}: ${bytes(result.file.sizeBytes)}`,
      )
    if (result.dataset) lines.push(`  data set ${result.dataset.id}, version ${result.dataset.version}`)
  }
  return lines.join('\n')
}
