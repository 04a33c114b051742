import { readdir, readFile, stat } from 'node:fs/promises'
import { basename, join, relative, sep } from 'node:path'
import type { Command } from 'commander'
import type { ScriptInput } from '../../index.ts'
import { connect, parseDuration, parseNumber, UsageError } from '../context.ts'
import { progressPrinter, table } from '../print.ts'
import { answer } from '../run.ts'

const ignored = new Set(['.git', '.venv', 'venv', 'node_modules', '__pycache__', '.ipynb_checkpoints', '.DS_Store'])
const mostFiles = 500

export function scriptCommands(program: Command): void {
  program
    .command('script <path>')
    .description('run a training script, a notebook or a folder of code as a job, by the conventions of SageMaker')
    .option('--entry <file>', 'which file of a folder to start')
    .option('--data <channel=dataset>', 'rows for a channel: train=DATASET[:VERSION] (repeatable)', collect, [])
    .option('--hp <name=value>', 'a hyperparameter (repeatable; values are JSON or text)', collect, [])
    .option('--metric <name=regex>', 'a metric in the output; the first group is its value (repeatable)', collect, [])
    .option('--format <format>', 'csv or parquet', 'csv')
    .option('--runtime <runtime>', 'tabular, deep, audio or llm', 'tabular')
    .option('--limit <time>', 'stop it after so long: 10m, 2h', parseDuration)
    .option('--target <column>', 'register what it leaves as a model of this column, judged on the sealed rows')
    .option('--positive <value>', 'the class to find')
    .option('--goal <goal>', 'judge the model by this goal')
    .option('--name <model>', 'name of the run, and of the model')
    .option('--seed <n>', 'ATOLL_SEED of the script', parseNumber, 7)
    .option('--project <project>')
    .option('--wait', 'wait for it to end')
    .action((path: string, o) =>
      answer(async () => {
        const atoll = connect()
        const created = await atoll.scripts.create({
          name: o.name,
          project: o.project,
          files: await codeOf(path),
          entryPoint: o.entry ?? ((await stat(path)).isFile() ? basename(path) : undefined),
          hyperparameters: Object.fromEntries(pairs('--hp', o.hp).map(([name, value]) => [name, parsed(value)])),
          metrics: pairs('--metric', o.metric).map(([name, regex]) => ({ name, regex })),
          channels: Object.fromEntries(pairs('--data', o.data).map(([name, ref]) => [name, channel(ref, o.format)])),
          runtime: o.runtime,
          seconds: o.limit ?? null,
          seed: o.seed,
          model: o.target ? { target: o.target, positive: o.positive, goal: o.goal, name: o.name } : null,
        })
        if (!o.wait)
          return {
            json: created,
            text: `${created.job.id} is queued. Follow it with: atoll jobs logs ${created.job.id} --follow`,
          }
        const printer = progressPrinter()
        const job = await atoll.jobs.wait(created.job.id, printer).finally(printer.done)
        const run = await atoll.runs.get(created.run)
        return {
          json: { ...job.result, job: job.id, run: run.id, cost: job.cost },
          text: `${run.name} (${run.id}): ${run.state}\n${table(['metric', 'latest'], Object.entries(run.metrics))}\n\n${table(
            ['artifact', 'bytes'],
            run.artifacts.map((one) => [one.path, one.sizeBytes]),
          )}`,
        }
      }),
    )
}

const collect = (value: string, soFar: string[]): string[] => [...soFar, value]

const pairs = (option: string, words: string[]): [string, string][] =>
  words.map((word) => {
    const at = word.indexOf('=')
    if (at < 1) throw new UsageError(`${option} takes name=value, not "${word}".`)
    return [word.slice(0, at), word.slice(at + 1)]
  })

function parsed(value: string): unknown {
  try {
    return JSON.parse(value)
  } catch {
    return value
  }
}

function channel(ref: string, format: string): NonNullable<ScriptInput['channels']>[string] {
  if (format !== 'csv' && format !== 'parquet') throw new UsageError(`--format is csv or parquet, not "${format}".`)
  const colon = ref.lastIndexOf(':')
  return colon < 0 ? { dataset: ref, format } : { dataset: ref.slice(0, colon), version: ref.slice(colon + 1), format }
}

/** The files of a script: itself, or everything in its folder but caches and repositories. */
async function codeOf(path: string): Promise<ScriptInput['files']> {
  const found = await stat(path).catch(() => {
    throw new UsageError(`There is no file or folder "${path}".`)
  })
  if (found.isFile()) return [await fileAt(path, basename(path))]
  const names = await readdir(path, { recursive: true, withFileTypes: true })
  const files = names
    .filter((entry) => entry.isFile())
    .map((entry) => relative(path, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .filter((name) => !name.split('/').some((part) => ignored.has(part)))
  if (files.length === 0) throw new UsageError(`The folder "${path}" holds no files.`)
  if (files.length > mostFiles)
    throw new UsageError(
      `The folder "${path}" holds ${files.length} files; code may have ${mostFiles}. Bring data as a data set.`,
    )
  return Promise.all(files.sort().map((name) => fileAt(join(path, name), name)))
}

async function fileAt(path: string, name: string): Promise<ScriptInput['files'][number]> {
  const bytes = await readFile(path)
  try {
    return { path: name, content: new TextDecoder('utf-8', { fatal: true }).decode(bytes) }
  } catch {
    return { path: name, content: bytes.toString('base64'), encoding: 'base64' }
  }
}
