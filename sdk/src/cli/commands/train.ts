import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import type { ModelVersion, TrainingResult } from '../../index.ts'
import { connect, parseDuration, parseNumber, UsageError } from '../context.ts'
import { describeJob, interval, logLine, progressPrinter, round, table } from '../print.ts'
import { answer } from '../run.ts'

export function trainCommands(program: Command): void {
  program
    .command('train')
    .description('train and tune candidates, evaluate the winner once on the sealed rows, register it')
    .requiredOption('--dataset <dataset>')
    .option('--goal <goal>', 'train for this goal')
    .option('--target <column>', 'or: the column to predict')
    .option('--positive <value>', 'the class to find')
    .option('--metric <metric>', 'what to optimise')
    .option('--task <task>', 'where a target does not say it: clustering, anomaly, projection, topics, embedding, forecast, …')
    .option('--algorithms <list>', 'auto, or names separated by commas', 'auto')
    .option('--recipe <file>', 'a JSON file { "steps": […] }, or the name of a stored recipe')
    .option('--budget <time>', 'search for at most this long: 90s, 2m, 1h', parseDuration)
    .option('--trials <n>', 'search at most this many candidates', parseNumber)
    .option('--strategy <name>', 'tpe, auto, gp, asha, hyperband, random, grid, none', 'tpe')
    .option('--parallel <n>', 'trials side by side', parseNumber)
    .option('--objective <name>', 'beside the metric: latency_ms, size_bytes, or another metric (repeatable)', collectName, [])
    .option('--within <name=limit>', 'limits for the winner: latency_ms=2 (repeatable)', collectLimit, {})
    .option('--choose <rule>', 'among the trials that no other beats: knee, best')
    .option('--warm-start <search>', 'start from an earlier search: its id, or that of its job')
    .option('--seed <n>', 'same seed, same model', parseNumber, 7)
    .option('--name <model>', 'name of the model')
    .option('--split <split>', 'train and judge on this split (from `datasets split`); a goal brings its own')
    .option(
      '--option <name=value>',
      'what one family of engines knows: epochs=5, horizon=14 (repeatable; values are JSON or text)',
      collectOption,
      {},
    )
    .option('--stop-on <rules>', 'end the training of a network when one of these rules is broken: overfitting,dead_relu')
    .option('--imbalance <how>', 'auto, none, class_weight, smote, adasyn, random_over, random_under, near_miss')
    .option('--project <project>')
    .option('--wait', 'wait for the result')
    .action((o) =>
      answer(async () => {
        if (!o.goal && !o.target && !o.task)
          throw new UsageError('Say what to train for: --goal GOAL, --target COLUMN, or a --task that needs neither.')
        const atoll = connect()
        const created = await atoll.training.create({
          dataset: o.dataset,
          goal: o.goal,
          target: o.target,
          task: o.task,
          options: withStops(o.option, o.stopOn),
          positive: o.positive,
          metric: o.metric,
          project: o.project,
          algorithms: o.algorithms.split(','),
          recipe: await readRecipe(o.recipe),
          search: {
            strategy: o.strategy,
            budgetSeconds: o.budget ?? null,
            trials: o.trials ?? null,
            parallel: o.parallel,
            objectives: o.objective.map((metric: string) => ({ metric })),
            choose: o.choose || Object.keys(o.within).length > 0 ? { rule: o.choose, within: o.within } : null,
            warmStartFrom: o.warmStart ?? null,
          },
          seed: o.seed,
          model: o.name,
          split: o.split,
          imbalance: o.imbalance,
        })
        if (!o.wait)
          return {
            json: created,
            text: `${created.job.id} is queued. Follow it with: atoll jobs logs ${created.job.id} --follow`,
          }
        const printer = progressPrinter()
        const job = await atoll.jobs.wait(created.job.id, printer).finally(printer.done)
        const result = job.result as unknown as TrainingResult
        return {
          json: { ...result, job: job.id, cost: job.cost },
          text: describeResult(result, await atoll.models.version(result.modelId, result.version)),
        }
      }),
    )

  const jobs = program.command('jobs').description('what is running and what ran')
  jobs
    .command('list')
    .option('--project <project>')
    .option('--state <state>')
    .option('--kind <kind>')
    .action((options) =>
      answer(async () => {
        const page = await connect().jobs.list(options)
        return {
          json: page,
          text: table(
            ['job', 'kind', 'name', 'state', 'seconds', 'created'],
            page.items.map((j) => [j.id, j.kind, j.name, j.state, j.cost ? round(j.cost.wallSeconds, 1) : null, j.createdAt]),
          ),
        }
      }),
    )
  jobs.command('show <job>').action((job: string) =>
    answer(async () => {
      const found = await connect().jobs.get(job)
      return { json: found, text: describeJob(found) }
    }),
  )
  jobs
    .command('logs <job>')
    .option('--follow', 'go on until the job ends')
    .action((job: string, options) =>
      answer(async (say) => {
        const atoll = connect()
        const events = []
        if (options.follow)
          for await (const event of atoll.jobs.follow(job, { after: 0 })) {
            events.push(event)
            say(logLine(event))
          }
        else
          for (let page = await atoll.jobs.log(job, { limit: 500 }); page.items.length > 0; ) {
            events.push(...page.items)
            page = await atoll.jobs.log(job, { after: page.last, limit: 500 })
          }
        return { json: events, text: options.follow ? '' : events.map(logLine).join('\n') }
      }),
    )
  jobs.command('cancel <job>').action((job: string) =>
    answer(async () => {
      const found = await connect().jobs.cancel(job)
      return { json: found, text: describeJob(found) }
    }),
  )

  const runs = program.command('runs').description('experiments: parameters and metrics of every training')
  runs
    .command('list')
    .option('--project <project>')
    .option('--filter <filter>', "metrics.f1 > 0.8 and params.algorithm = 'lightgbm'")
    .option('--order <order>', 'metrics.f1 desc')
    .action((options) =>
      answer(async () => {
        const page = await connect().runs.list(options)
        return {
          json: page,
          text: table(
            ['run', 'name', 'experiment', 'state', 'metrics'],
            page.items.map((r) => [r.id, r.name, r.experimentName, r.state, metricsText(r.metrics)]),
          ),
        }
      }),
    )
  runs.command('show <run>').action((run: string) =>
    answer(async () => {
      const r = await connect().runs.get(run)
      return {
        json: r,
        text: `${r.name} (${r.id}): ${r.state}\n${table(
          ['parameter', 'value'],
          Object.entries(r.parameters).map(([k, v]) => [k, typeof v === 'object' ? JSON.stringify(v) : v]),
        )}\n\n${table(['metric', 'latest'], Object.entries(r.metrics))}`,
      }
    }),
  )
  runs.command('rules <run>').action((run: string) =>
    answer(async () => {
      const found = await connect().runs.rules(run)
      const rows = found.trainings.flatMap((training) =>
        training.rules.map((rule) => [
          training.algorithm ?? training.training,
          rule.rule,
          rule.state.replaceAll('_', ' '),
          rule.value,
          rule.threshold,
          rule.place,
          rule.epoch === null ? (rule.step === null ? null : `step ${rule.step}`) : `epoch ${rule.epoch}`,
        ]),
      )
      return {
        json: found,
        text: rows.length
          ? table(['network', 'rule', 'state', 'value', 'bound', 'where', 'when'], rows)
          : 'No network of this run was watched.',
      }
    }),
  )
  runs.command('compare <runs...>').action((ids: string[]) =>
    answer(async () => {
      const comparison = await connect().runs.compare(ids)
      const names = comparison.runs.map((r) => r.name)
      const differing = comparison.parameters
        .filter((p) => p.differs)
        .map((p) => [p.name, ...p.values.map((v) => (typeof v === 'object' ? JSON.stringify(v) : v))])
      return {
        json: comparison,
        text: `${table(
          ['metric', ...names],
          comparison.metrics.map((m) => [m.name, ...m.values.map((v) => (v === null ? null : round(v, 4)))]),
        )}\n\n${table(['parameter', ...names], differing)}`,
      }
    }),
  )
}

function describeResult(result: TrainingResult, { validation }: Pick<ModelVersion, 'validation'>): string {
  const lines = [
    `${result.model}:${result.version} (${result.algorithm}), served by ${{ onnx: 'ONNX', python: 'a Python worker', gguf: 'llama.cpp', external: 'a server elsewhere' }[result.served]}`,
  ]
  const names = Object.keys(result.test)
  lines.push(
    '',
    table(
      ['metric', 'baseline', 'validation ± sd', 'sealed test [95 %]'],
      names.map((name) => [
        name,
        result.baseline[name] === undefined ? null : round(result.baseline[name]),
        spread(validation[name]),
        interval(result.test[name]!),
      ]),
    ),
  )
  if (result.goal) lines.push('', result.goal.sentence)
  lines.push(
    '',
    `Parity: ${result.parity.rows} rows replayed, ${result.parity.flips} label flips, largest difference ${result.parity.maxDiff.toExponential(1)}`,
  )
  return lines.join('\n')
}

/** The rules that end the job, beside what else was said of them. */
function withStops(options: Record<string, unknown>, rules: string | undefined): Record<string, unknown> {
  if (rules === undefined) return options
  return { ...options, rules: { ...(options.rules as object | undefined), stop: rules.split(',').map((rule) => rule.trim()) } }
}

const collectName = (name: string, soFar: string[]): string[] => [...soFar, name]

function collectLimit(text: string, soFar: Record<string, number>): Record<string, number> {
  const [name, limit] = text.split('=')
  if (!name || limit === undefined) throw new UsageError(`--within takes name=limit, not "${text}".`)
  return { ...soFar, [name]: parseNumber(limit) }
}

/** Adds one `name=value` to the options; a value that is JSON is read as such. */
function collectOption(text: string, soFar: Record<string, unknown>): Record<string, unknown> {
  const at = text.indexOf('=')
  if (at < 1) throw new UsageError(`--option takes name=value, not "${text}".`)
  const value = text.slice(at + 1)
  return { ...soFar, [text.slice(0, at)]: parsed(value) }
}

function parsed(value: string): unknown {
  try {
    return JSON.parse(value)
  } catch {
    return value
  }
}

/** Mean and standard deviation over the folds. */
const spread = (metric: ModelVersion['validation'][string] | undefined): string | null =>
  metric ? `${metric.mean.toFixed(3)}${metric.std === null ? '' : ` ± ${metric.std.toFixed(3)}`}` : null

async function readRecipe(text: string | undefined) {
  if (!text) return 'auto' as const
  if (!/\.json$/i.test(text)) return text
  const recipe = JSON.parse(
    await readFile(text, 'utf8').catch(() => {
      throw new UsageError(`There is no file "${text}".`)
    }),
  )
  return { steps: Array.isArray(recipe) ? recipe : recipe.steps }
}

/** What was measured on the sealed rows first, then on the folds; the baseline and the search last. */
const metricsText = (metrics: Record<string, number>): string =>
  Object.entries(metrics)
    .sort(([a], [b]) => metricRank(a) - metricRank(b))
    .slice(0, 4)
    .map(([name, value]) => `${name} ${round(value)}`)
    .join(', ')

function metricRank(name: string): number {
  const usual = ['f1', 'roc_auc', 'accuracy', 'f1_macro', 'rmse', 'mae', 'r2'].indexOf(name.split('.').at(-1)!)
  const part = ['test', 'validation'].indexOf(name.split('.')[0]!)
  return (part < 0 ? 200 : part * 100) + (usual < 0 ? 50 : usual)
}
