import type { Command } from 'commander'
import type { Atoll } from '../../index.ts'
import type { CompressionInput, Ladder, TrainingResult } from '../../types.ts'
import { connect, parseNumber, UsageError, versionOf } from '../context.ts'
import { bytes, interval, progressPrinter, round, table } from '../print.ts'
import { answer } from '../run.ts'

export function compressionCommands(program: Command): void {
  program
    .command('shrink [model]')
    .description('make a smaller or faster version from a version (NAME:VERSION), or from the one that an endpoint serves')
    .option('--endpoint <name>', 'in place of a version: the one that this endpoint serves, which then is the teacher')
    .requiredOption('--method <method>', 'quantise, distil, prune or trim')
    .option('--scheme <scheme>', 'quantise: int8_static, int8_dynamic, int8_weights, float16')
    .option('--algorithms <names>', 'distil: what the student may be, with commas')
    .option('--temperature <value>', 'distil: how much the unlikely classes teach', parseNumber)
    .option('--alpha <share>', 'distil: share of the true labels', parseNumber)
    .option('--budget <seconds>', 'distil: how long the search among students may take', parseNumber)
    .option('--space <json>', 'distil: settings of the students, {"lightgbm": {"n_estimators": 40}}')
    .option('--sparsity <share>', 'prune: share of the channels or weights that goes', parseNumber)
    .option('--unstructured', 'prune: single weights, not whole channels')
    .option('--standard-errors <number>', 'trim: how far below the best the metric may fall', parseNumber)
    .option('--option <name=value...>', 'what the engine knows besides (JSON values)')
    .option('--name <model>', 'the model that gets the new version (the same when absent)')
    .option('--seed <seed>', 'seed', parseNumber)
    .option('--project <project>', 'project (id or name)')
    .option('--no-wait', 'return once the job is queued')
    .action((named: string | undefined, options) =>
      answer(async () => {
        const atoll = connect()
        if ((named === undefined) === (options.endpoint === undefined))
          throw new UsageError('Name a version (NAME:VERSION), or an endpoint (--endpoint NAME) whose version is meant.')
        const ref = named ?? (await servedBy(atoll, options.endpoint, options.project))
        const { model, version } = await versionOf(atoll, ref)
        const created = await atoll.models.compress(model, version, inputOf(options), { project: options.project })
        if (!options.wait) return { json: created, text: `Job ${created.job.id} is queued.` }
        const printer = progressPrinter()
        const job = await atoll.jobs.wait(created.job.id, printer).finally(printer.done)
        const result = job.result as unknown as TrainingResult
        const parity = `${result.parity.rows} rows replayed, ${result.parity.flips} label flips`
        const test = Object.entries(result.test).map(([name, value]) => [name, interval(value)])
        return {
          json: result,
          text: `${result.model}:${result.version} was made from ${ref} (${parity}).\n${table(['metric', 'sealed test'], test)}\nCompare with: atoll ladder ${result.model}:${result.version} --measure`,
        }
      }),
    )

  program
    .command('ladder <model>')
    .description('a version (NAME:VERSION) and what was made from it: quality, speed, size, and the one that a rule picks')
    .option('--measure', 'measure all of them anew on the server, side by side')
    .option('--repetitions <number>', 'with --measure: requests of one row for each', parseNumber)
    .option('--max-loss <amount>', 'how much of the metric may be lost', parseNumber)
    .option('--max-p95 <ms>', 'how long an answer may take, 95th percentile', parseNumber)
    .option('--optimise <what>', 'size, latency, throughput or energy')
    .option('--promote', 'approve the version that is picked')
    .option('--deploy <endpoint>', 'serve the version that is picked under this name')
    .option('--project <project>', 'project (id or name)')
    .action((ref: string, options) =>
      answer(async () => {
        const atoll = connect()
        const { model, version } = await versionOf(atoll, ref)
        if (options.measure) {
          const printer = progressPrinter()
          const input = options.repetitions === undefined ? {} : { repetitions: options.repetitions }
          const { job } = await atoll.models.measureLadder(model, version, input, { project: options.project })
          await atoll.jobs.wait(job.id, printer).finally(printer.done)
        }
        const { maxLoss, maxP95: maxP95Ms, optimise, project } = options
        const ladder = await atoll.models.ladder(model, version, { maxLoss, maxP95Ms, optimise, project })
        const picked = ladder.rungs.find((rung) => rung.version === ladder.choice.version)
        if ((options.promote || options.deploy) && !picked) throw new UsageError(ladder.choice.sentence)
        if (options.promote && picked?.state === 'registered')
          await atoll.models.promote(picked.model, picked.number, { to: 'approved' })
        if (options.deploy && picked) await atoll.endpoints.create({ name: options.deploy, model: picked.name, project })
        return { json: ladder, text: textOf(ladder) }
      }),
    )
}

/** The version that answers at an endpoint, as NAME:VERSION. */
async function servedBy(atoll: Atoll, endpoint: string, project?: string): Promise<string> {
  const { modelName, versionNumber } = await atoll.endpoints.get(endpoint, { project })
  return `${modelName}:${versionNumber}`
}

function inputOf(options: Record<string, unknown>): CompressionInput {
  const extra = ((options.option as string[] | undefined) ?? []).map((pair) => {
    const at = pair.indexOf('=')
    if (at < 1) throw new UsageError(`--option takes NAME=VALUE, not "${pair}".`)
    return [pair.slice(0, at), jsonOr(pair.slice(at + 1))]
  })
  const given = {
    method: options.method,
    scheme: options.scheme,
    algorithms: options.algorithms === undefined ? undefined : String(options.algorithms).split(','),
    temperature: options.temperature,
    alpha: options.alpha,
    budgetSeconds: options.budget,
    space: options.space === undefined ? undefined : jsonOr(String(options.space)),
    sparsity: options.sparsity,
    structured: options.unstructured ? false : undefined,
    standardErrors: options.standardErrors,
    model: options.name,
    seed: options.seed,
    options: Object.fromEntries(extra),
  }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as unknown as CompressionInput
}

function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function textOf({ metric, rungs, choice }: Ladder): string {
  const rows = rungs.map(({ name, derived, quality, difference, sizeBytes, measured, isOnFront }) => [
    `${name}${isOnFront ? ' *' : ''}`,
    derived?.summary ?? 'the original',
    quality ? interval(quality) : null,
    difference ? `${round(difference.value, 4)} [${round(difference.low, 4)}, ${round(difference.high, 4)}]` : null,
    bytes(sizeBytes),
    measured && round(measured.one.p50Ms, 2),
    measured && round(measured.one.p95Ms, 2),
    measured && Math.round(measured.many.rowsPerSecond),
    bytes(measured?.peakMemoryBytes ?? null),
  ])
  const head = ['version', 'how', metric, 'difference', 'size', 'p50 ms', 'p95 ms', 'rows/s', 'memory']
  const { machine, many, repetitions } = rungs.find((rung) => rung.measured)?.measured ?? {}
  const on = machine
    ? `\nMeasured on ${machine.processor}, ${machine.cores} cores, ${repetitions} requests of one row, throughput with ${many?.rows} rows a request. * on the front of quality and latency.`
    : '\nNot measured yet: add --measure.'
  return `${table(head, rows)}${on}\n${choice.sentence}`
}
