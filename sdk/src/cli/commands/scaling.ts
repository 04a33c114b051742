import type { Command } from 'commander'
import type { HostedModels, ScalingFigures } from '../../index.ts'
import { connect, parseNumber, UsageError } from '../context.ts'
import { round, table } from '../print.ts'
import { answer } from '../run.ts'

export function scalingCommands(program: Command): void {
  const scaling = program
    .command('scaling')
    .description('room of an endpoint: workers, sleep, limits, many models behind one name')
  scaling
    .command('show <endpoint>')
    .option('--project <project>')
    .action((endpoint: string, options) =>
      answer(async () => {
        const found = await connect().endpoints.scaling(endpoint, options)
        return { json: found, text: describeScaling(found) }
      }),
    )
  scaling
    .command('set <endpoint>')
    .description('changes what is given and leaves the rest')
    .option('--min-workers <count>', '0: it sleeps when nobody asks', parseNumber)
    .option('--max-workers <count>', 'as many as cores unless told', parseNumber)
    .option('--idle <seconds>', 'with no workers at least: how long until it sleeps', parseNumber)
    .option('--queue-ms <ms>', 'a request that waits longer calls for another worker', parseNumber)
    .option('--max-in-flight <count>', 'requests at once; those beyond get 429', parseNumber)
    .option('--timeout <seconds>', 'for an answer to rows', parseNumber)
    .option('--memory <mb>', 'of one worker', parseNumber)
    .option('--per-second <count>', 'requests of one caller', parseNumber)
    .option('--per-day <count>', 'requests of one caller', parseNumber)
    .option('--project <project>')
    .action((endpoint: string, options) =>
      answer(async () => {
        const { endpoints } = connect()
        const { project } = options
        const { policy } = await endpoints.scaling(endpoint, { project })
        const found = await endpoints.setScaling(
          endpoint,
          {
            minWorkers: options.minWorkers ?? policy.minWorkers,
            maxWorkers: options.maxWorkers ?? policy.maxWorkers,
            idleSeconds: options.idle ?? policy.idleSeconds,
            queueMs: options.queueMs ?? policy.queueMs,
            maxInFlight: options.maxInFlight ?? policy.maxInFlight,
            timeoutSeconds: options.timeout ?? policy.timeoutSeconds,
            memoryMb: options.memory ?? policy.memoryMb,
            perCaller: {
              perSecond: options.perSecond ?? policy.perCaller.perSecond,
              perDay: options.perDay ?? policy.perCaller.perDay,
            },
          },
          { project },
        )
        return { json: found, text: describeScaling(found) }
      }),
    )
  scaling
    .command('usage <endpoint>')
    .description('who asked how much, by day')
    .option('--days <count>', '30 unless told', parseNumber)
    .option('--project <project>')
    .action((endpoint: string, options) =>
      answer(async () => {
        const found = await connect().endpoints.usage(endpoint, options)
        const rows = found.days.map((one) => [one.day, one.name, one.requests, one.rows])
        return { json: found, text: rows.length ? table(['day', 'caller', 'requests', 'rows'], rows) : 'Nobody asked yet.' }
      }),
    )
  scaling
    .command('models <endpoint> [models...]')
    .description('the models that share an endpoint; with NAME=MODEL:VERSION … these and no others, with --none none')
    .option('--max-loaded <count>', 'at once; who was not asked for longest leaves', parseNumber)
    .option('--none', 'take all away')
    .option('--project <project>')
    .action((endpoint: string, models: string[], { maxLoaded, none, project }) =>
      answer(async () => {
        const { endpoints } = connect()
        const found =
          models.length === 0 && !none
            ? await endpoints.hostedModels(endpoint, { project })
            : await endpoints.setHostedModels(endpoint, { models: models.map(parseModel), maxLoaded }, { project })
        return { json: found, text: describeModels(found) }
      }),
    )
}

function parseModel(text: string) {
  const at = text.indexOf('=')
  if (at < 1) throw new UsageError(`"${text}" is no model. Write NAME=MODEL:VERSION.`)
  return { name: text.slice(0, at), model: text.slice(at + 1) }
}

function describeScaling(found: ScalingFigures): string {
  const { state, place, workers, waiting, inFlight, rejected, throttled, memoryBytes, coldStarts, policy, changes } = found
  const lines = [
    `${state}${place ? `, ${place}` : ''}: ${workers} ${workers === 1 ? 'worker' : 'workers'} (${policy.minWorkers} to ${policy.maxWorkers ?? 'as many as cores'}), ${inFlight} requests inside, ${waiting} waiting`,
    `${rejected} refused for want of room, ${throttled} over a caller's limit; ${round(memoryBytes / 2 ** 20)} MB of models`,
    ...(coldStarts.count > 0
      ? [`woken ${coldStarts.count} times, ${round(coldStarts.medianMs!)} ms in the middle, ${round(coldStarts.lastMs!)} ms last`]
      : []),
    ...changes.slice(0, 10).map(({ at, text }) => `${new Date(at).toISOString()}  ${text}`),
  ]
  return lines.join('\n')
}

function describeModels({ models, maxLoaded }: HostedModels): string {
  if (models.length === 0) return 'The endpoint serves its own model alone.'
  const rows = models.map((one) => [
    one.name,
    `${one.modelName}:${one.versionNumber}`,
    one.loaded ? 'loaded' : 'asleep',
    one.requests,
    one.errors,
    one.lastMs === null ? null : round(one.lastMs),
  ])
  return `${table(['name', 'version', 'state', 'requests', 'errors', 'ms to load'], rows)}\n\nAt most ${maxLoaded} are loaded at once. Ask one with the header x-atoll-model: NAME.`
}
