import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import type { Atoll, PipelineSpec, ReplayResult } from '../../index.ts'
import { createAtoll } from '../../index.ts'
import { connect, parseNumber, saveCredentials, UsageError, unlessAbsent, versionOf } from '../context.ts'
import { progressPrinter, round, table } from '../print.ts'
import { answer } from '../run.ts'
import { externalCommand } from './external-model.ts'
import { importCommand } from './import-model.ts'

export function serveCommands(program: Command): void {
  const models = program.command('models').description('registered models')
  importCommand(models)
  externalCommand(models)
  models
    .command('list')
    .option('--project <project>')
    .action((options) =>
      answer(async () => {
        const page = await connect().models.list(options)
        return {
          json: page,
          text: table(
            ['model', 'latest', 'state', 'algorithm', 'target'],
            page.items.map((m) => [m.name, m.latest?.number, m.latest?.state, m.latest?.algorithm, m.target]),
          ),
        }
      }),
    )
  models.command('show <model>').action((ref: string) =>
    answer(async () => {
      const atoll = connect()
      const { model, version } = await versionOf(atoll, ref)
      const found = await atoll.models.version(model, version)
      return { json: found, text: await atoll.models.card(model, version) }
    }),
  )
  models
    .command('promote <model>')
    .option('--to <state>', 'approved, deprecated, archived', 'approved')
    .option('--override <reason>', 'why, although the goal is not met (administrators)')
    .action((ref: string, options) =>
      answer(async () => {
        const atoll = connect()
        const { model, version } = await versionOf(atoll, ref)
        const found = await atoll.models.promote(model, version, { to: options.to, overrideReason: options.override })
        return { json: found, text: `${found.modelName}:${found.number} is ${found.state}.` }
      }),
    )
  program
    .command('replay <model>')
    .description('make the model again from its pinned data, recipe and seed, and compare')
    .action((ref: string) =>
      answer(async () => {
        const atoll = connect()
        const { model, version } = await versionOf(atoll, ref)
        const printer = progressPrinter()
        const job = await atoll.jobs.wait((await atoll.models.replay(model, version)).job.id, printer).finally(printer.done)
        return { json: job.result, text: describeReplay(job.result as unknown as ReplayResult) }
      }),
    )
  program
    .command('deploy [model]')
    .description('serve a model version, or a pipeline of several, under a name')
    .option(
      '--pipeline <file>',
      'instead of a model: a pipeline as JSON, which becomes a version of a model of the name of the endpoint',
    )
    .option('--model-name <name>', 'with --pipeline: the model of which it becomes a version')
    .requiredOption('--name <endpoint>')
    .option('--weight <percent>', 'of the requests to an endpoint that stands, beside what it serves', parseNumber)
    .option('--shadow', 'beside what an endpoint serves, answering nobody')
    .option('--variant <name>', 'with --weight or --shadow: its name', 'challenger')
    .option('--override <reason>', 'why, although the goal is not met (administrators)')
    .option('--project <project>')
    .action((model: string | undefined, options) =>
      answer(async () => {
        const atoll = connect()
        const ref = await modelToDeploy(atoll, model, options)
        if (options.weight !== undefined || options.shadow) return deployBeside(ref, options)
        const existing = await unlessAbsent(atoll.endpoints.get(options.name, { project: options.project }))
        const endpoint = existing
          ? await atoll.endpoints.update(existing.id, { model: ref, overrideReason: options.override })
          : await atoll.endpoints.create({
              name: options.name,
              model: ref,
              overrideReason: options.override,
              project: options.project,
            })
        return {
          json: endpoint,
          text: `${endpoint.name} serves ${endpoint.modelName}:${endpoint.versionNumber} (${endpoint.state}). Try: atoll ${endpoint.signature.task === 'generation' ? `generate ${endpoint.name} --prompt "…"` : `predict ${endpoint.name} --rows rows.csv`}`,
        }
      }),
    )
  program
    .command('login <url>')
    .description('remember a server and a personal token (made under Settings › Tokens)')
    .option('--token <token>', 'or ATOLL_TOKEN')
    .action((url: string, options) =>
      answer(async () => {
        const token = options.token ?? process.env.ATOLL_TOKEN
        if (!token) throw new UsageError('Give the token with --token or ATOLL_TOKEN.')
        const { user } = await createAtoll({ url, token }).session.get()
        if (!user) throw new UsageError('The server does not know this token.')
        const file = saveCredentials({ url, token })
        return { json: { url, user: user.name }, text: `Signed in to ${url} as ${user.name}; kept in ${file}.` }
      }),
    )
  program.command('status').action(() =>
    answer(async () => {
      const status = await connect().platform.status()
      return {
        json: status,
        text: `Atoll ${status.version} (${status.roles.join(', ')}; ${status.database}), up since ${status.startedAt}\n${status.sandbox?.reason ?? 'No worker runs in this process.'}`,
      }
    }),
  )
}

interface Beside {
  name: string
  variant: string
  weight?: number
  shadow?: boolean
  override?: string
  project?: string
}

/** Adds a variant to an endpoint; those it has stay as they are. */
async function deployBeside(model: string, { name, variant, weight = 0, shadow = false, override, project }: Beside) {
  const { endpoints } = connect()
  const { sticky, variants } = await endpoints.traffic(name, { project })
  const others = variants.filter((one) => one.name !== 'main' && one.name !== variant)
  const kept = others.map((one) => ({ name: one.name, model: one.version, weight: one.weight, shadow: one.shadow }))
  const wanted = { name: variant, model, weight, shadow }
  const now = await endpoints.setTraffic(name, { sticky, variants: [...kept, wanted], overrideReason: override }, { project })
  return {
    json: now,
    text: `${name} ${shadow ? `asks ${model} beside what answers` : `sends ${weight} % of its requests to ${model}`}. See: atoll traffic show ${name}`,
  }
}

function describeReplay({ sentence, metrics, environmentChanged }: ReplayResult): string {
  const figures = table(
    ['metric', 'then', 'now'],
    Object.entries(metrics).map(([name, { before, now }]) => [name, round(before, 6), now === null ? null : round(now, 6)]),
  )
  return [sentence, figures, ...(environmentChanged.length ? [`Changed since: ${environmentChanged.join(', ')}`] : [])].join(
    '\n\n',
  )
}

/** The model as it is named; of a pipeline the version that it becomes. */
async function modelToDeploy(
  atoll: Atoll,
  model: string | undefined,
  options: { pipeline?: string; modelName?: string; name: string; project?: string },
): Promise<string> {
  if ((model === undefined) === (options.pipeline === undefined)) throw new UsageError('Name a model, or give --pipeline FILE.')
  if (options.pipeline === undefined) return model!
  const text = await readFile(options.pipeline, 'utf8').catch(() => {
    throw new UsageError(`There is no file "${options.pipeline}".`)
  })
  let pipeline: PipelineSpec
  try {
    pipeline = JSON.parse(text) as PipelineSpec
  } catch (error) {
    throw new UsageError(`"${options.pipeline}" is not valid JSON: ${(error as Error).message}`)
  }
  const { id } = await atoll.pipelines.create({ name: options.modelName ?? options.name, pipeline, project: options.project })
  return id
}
