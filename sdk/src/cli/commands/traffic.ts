import type { Command } from 'commander'
import type { Rollout, ShadowSummary, Traffic, TrafficInput } from '../../index.ts'
import { connect, parseNumber, UsageError } from '../context.ts'
import { round, table } from '../print.ts'
import { answer } from '../run.ts'

export function trafficCommands(program: Command): void {
  const traffic = program.command('traffic').description('several versions behind one endpoint: shares, shadows, rollouts')
  traffic
    .command('show <endpoint>')
    .option('--project <project>')
    .action((endpoint: string, options) =>
      answer(async () => {
        const found = await connect().endpoints.traffic(endpoint, options)
        return { json: found, text: describeTraffic(found) }
      }),
    )
  traffic
    .command('set <endpoint> [variants...]')
    .description('all variants besides main: NAME=MODEL:VERSION@PERCENT, or @shadow; none: main alone')
    .option('--sticky <key>', 'who stays with a variant: caller, header:NAME or field:NAME')
    .option('--override <reason>', 'why, although a goal is not met (administrators)')
    .option('--project <project>')
    .action((endpoint: string, variants: string[], options) =>
      answer(async () => {
        const input: TrafficInput = {
          variants: variants.map(parseVariant),
          sticky: options.sticky ? parseSticky(options.sticky) : null,
          overrideReason: options.override,
        }
        const found = await connect().endpoints.setTraffic(endpoint, input, { project: options.project })
        return { json: found, text: describeTraffic(found) }
      }),
    )
  traffic
    .command('promote <endpoint> <variant>')
    .description('make a variant main at once; what main was stays loaded as "previous"')
    .option('--override <reason>', 'why, although a goal is not met (administrators)')
    .option('--project <project>')
    .action((endpoint: string, variant: string, options) =>
      answer(async () => {
        const input = { variant, overrideReason: options.override }
        const found = await connect().endpoints.promote(endpoint, input, { project: options.project })
        return { json: found, text: describeTraffic(found) }
      }),
    )
  traffic
    .command('rollout <endpoint> <variant>')
    .description('give a variant more of the requests step by step, and make it main after the last')
    .option('--steps <steps>', 'PERCENT@MINUTES,…', '5@10,25@10,50@10')
    .option('--max-errors <share>', "by how much more of its requests may fail than of main's", parseNumber)
    .option('--max-latency <factor>', 'p95 against that of main', parseNumber)
    .option('--min-requests <count>', 'a step does not end before', parseNumber)
    .option('--override <reason>', 'why, although a goal is not met (administrators)')
    .option('--project <project>')
    .action((endpoint: string, variant: string, options) =>
      answer(async () => {
        const guard = {
          ...(options.maxErrors !== undefined && { maxErrorRate: options.maxErrors }),
          ...(options.maxLatency !== undefined && { maxLatencyFactor: options.maxLatency }),
          ...(options.minRequests !== undefined && { minimumRequests: options.minRequests }),
        }
        const input = { variant, steps: parseSteps(options.steps), guard, overrideReason: options.override }
        const found = await connect().endpoints.startRollout(endpoint, input, { project: options.project })
        return { json: found, text: describeRollout(found) }
      }),
    )
  for (const [name, how, text] of [
    ['complete', 'complete', 'make the variant that is being rolled out main now'],
    ['roll-back', 'roll_back', 'take its share from the variant that is being rolled out'],
  ] as const)
    traffic
      .command(`${name} <endpoint>`)
      .description(text)
      .option('--project <project>')
      .action((endpoint: string, options) =>
        answer(async () => {
          const found = await connect().endpoints.endRollout(endpoint, { how }, options)
          return { json: found, text: describeRollout(found) }
        }),
      )
  traffic
    .command('shadows <endpoint>')
    .description('how shadows differed from what answered')
    .option('--variant <name>')
    .option('--project <project>')
    .action((endpoint: string, options) =>
      answer(async () => {
        const found = await connect().endpoints.shadows(endpoint, options)
        return { json: found, text: describeShadows(found) }
      }),
    )
}

function parseVariant(text: string): TrafficInput['variants'][number] {
  const found = /^([^=]+)=(.+)@(shadow|[\d.]+%?)$/.exec(text)
  if (!found) throw new UsageError(`"${text}" is no variant. Write NAME=MODEL:VERSION@PERCENT or NAME=MODEL:VERSION@shadow.`)
  const [, name, model, share] = found as unknown as [string, string, string, string]
  return share === 'shadow' ? { name, model, shadow: true } : { name, model, weight: Number.parseFloat(share) }
}

function parseSticky(text: string): TrafficInput['sticky'] {
  const [by, name = ''] = text.split(':')
  if (by !== 'caller' && by !== 'header' && by !== 'field')
    throw new UsageError(`"${text}" is no key. Write caller, header:NAME or field:NAME.`)
  return { by, name }
}

const parseSteps = (text: string) =>
  text.split(',').map((step) => {
    const [weight, minutes] = step.split('@').map(Number)
    if (!Number.isFinite(weight) || !Number.isFinite(minutes))
      throw new UsageError(`"${step}" is no step. Write PERCENT@MINUTES, as 5@10.`)
    return { weight: weight!, minutes: minutes! }
  })

function describeTraffic({ variants, sticky, rollout }: Traffic): string {
  const rows = variants.map((one) => [
    one.name,
    `${one.modelName}:${one.versionNumber}`,
    one.shadow ? 'shadow' : `${round(one.weight)} %`,
    one.state,
    one.live.requests,
    one.live.errors,
    one.live.latencyMs ? round(one.live.latencyMs.p95) : null,
  ])
  const kept = sticky && `By ${sticky.by}${sticky.name && ` "${sticky.name}"`}, whoever has the same keeps a variant.`
  const shares = table(['variant', 'version', 'share', 'state', 'requests (1 h)', 'errors', 'p95 ms'], rows)
  return [shares, kept, rollout?.state === 'running' ? describeRollout(rollout) : null].filter(Boolean).join('\n\n')
}

function describeRollout({ variant, versionNumber, state, step, steps, reason, log }: Rollout): string {
  const said = {
    running: `is being rolled out: step ${step + 1} of ${steps.length}, ${steps[step]!.weight} % of the requests.`,
    completed: 'is main now.',
    rolled_back: `was rolled back: ${reason}.`,
  }
  return [`${variant} (version ${versionNumber}) ${said[state]}`, ...log.map(({ at, text }) => `${at}  ${text}`)].join('\n')
}

function describeShadows({ requests, rows, differing, errors, skipped, mainMs, shadowMs, meanAbsDifference }: ShadowSummary) {
  if (requests === 0) return 'No shadow was asked yet.'
  const times =
    mainMs && shadowMs ? ` p95 ${round(mainMs.p95)} ms of what answered, ${round(shadowMs.p95)} ms of the shadow.` : ''
  const by = meanAbsDifference === null ? '' : ` On average they lie ${round(meanAbsDifference)} apart.`
  return `${differing} of ${rows} rows differ (${requests} requests; ${errors} failed, ${skipped} skipped).${by}${times}`
}
