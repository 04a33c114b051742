import type { Command } from 'commander'
import type { ExternalInput } from '../../index.ts'
import { connect, parseNumber, UsageError } from '../context.ts'
import { answer } from '../run.ts'

interface Options {
  url: string
  protocol: string
  model?: string
  task: string
  columns?: string
  classes?: string
  target?: string
  positive?: string
  keyEnv?: string
  header: string
  timeout?: number
  context?: number
  licence?: string
  description?: string
  project?: string
}

/** `atoll models external`: a model that answers elsewhere as a version here. */
export function externalCommand(models: Command): void {
  models
    .command('external <name>')
    .description('a model that answers elsewhere: OpenAI-compatible, or rows over HTTP; an administrator allows its host first')
    .requiredOption('--url <url>', 'openai: the base URL, up to /v1; http: where rows are sent')
    .option('--protocol <protocol>', 'openai or http', 'openai')
    .option('--model <model>', 'openai: what it is called there')
    .option('--task <task>', 'generation, embedding; http: binary, multiclass, regression', 'generation')
    .option('--columns <columns>', 'http: name:type with commas between (number, integer, boolean, category, text)')
    .option('--classes <names>', 'with commas between')
    .option('--positive <class>')
    .option('--target <column>', 'what it predicts')
    .option('--key-env <variable>', 'the environment variable that holds its key; it is kept on the server and never shown')
    .option('--header <name>', 'the header that the key travels in; as authorization it follows "Bearer"', 'authorization')
    .option('--context <tokens>', 'generation: tokens that it sees at once', parseNumber)
    .option('--timeout <seconds>', 'how long an answer may take', parseNumber)
    .option('--licence <licence>')
    .option('--description <text>')
    .option('--project <project>')
    .action((name: string, options: Options) =>
      answer(async () => {
        const version = await connect().imports.external(inputOf(name, options))
        const made = `${version.modelName}:${version.number}`
        return {
          json: version,
          text: `${made} is registered; it answered when it was asked. What is asked of it leaves this machine.\nNext: atoll deploy ${made} --name ${name.replaceAll(' ', '-')}`,
        }
      }),
    )
}

function inputOf(name: string, o: Options): ExternalInput {
  const key = o.keyEnv === undefined ? undefined : process.env[o.keyEnv]
  if (o.keyEnv !== undefined && !key) throw new UsageError(`The environment has no variable ${o.keyEnv}.`)
  const listOf = (text: string) => text.split(',').map((one) => one.trim())
  return {
    name,
    url: o.url,
    protocol: o.protocol as ExternalInput['protocol'],
    task: o.task as ExternalInput['task'],
    ...(o.model !== undefined && { model: o.model }),
    ...(o.classes !== undefined && { classes: listOf(o.classes) }),
    ...(o.positive !== undefined && { positive: o.positive }),
    ...(o.target !== undefined && { target: o.target }),
    ...(o.columns !== undefined && {
      inputs: listOf(o.columns).map((column) => {
        const [columnName = '', type = 'number'] = column.split(':')
        return { name: columnName, type: type as 'number' }
      }),
    }),
    ...(key && {
      header: { name: o.header, value: o.header.toLowerCase() === 'authorization' ? `Bearer ${key}` : key },
    }),
    ...(o.context !== undefined && { contextLength: o.context }),
    ...(o.timeout !== undefined && { timeoutSeconds: o.timeout }),
    ...(o.licence !== undefined && { licence: o.licence }),
    ...(o.description !== undefined && { description: o.description }),
    ...(o.project !== undefined && { project: o.project }),
  }
}
