import { type Command, Option } from 'commander'
import type { Alert, CheckInput, CheckReport, DriftReport, MonitorInput } from '../../index.ts'
import { connect, parseNumber, UsageError } from '../context.ts'
import { progressPrinter, round, table } from '../print.ts'
import { answer } from '../run.ts'

interface MonitorFlags {
  name?: string
  checks?: string
  set?: string[]
  schedule?: string
  window?: number
  psiAlert?: number
  falseAlarms?: number
  repeatedRuns?: 'lord' | 'none'
  baseline?: string
  webhook?: string
  email?: string[]
  project?: string
}

/** `monitors`: what watches an endpoint; `alerts`: what they raised. */
export function monitorCommands(program: Command): void {
  const monitors = program
    .command('monitors')
    .description('what watches an endpoint: drift, quality, performance, bias, operations')
  monitors
    .command('create <endpoint>')
    .description('a monitor with the checks that suit the model, unless they are named')
    .option('--name <name>')
    .option('--checks <kinds>', 'such as data_drift,performance,operations')
    .option('--set <setting...>', 'of a named check: data_quality.alert=0.1 data_drift.columns=plan,charge operations.p95Ms=200')
    .option('--schedule <cron>', 'in UTC, such as "0 6 * * *"')
    .option('--window <hours>', 'looked back', parseNumber)
    .option('--baseline <what>', 'training, week, day, or the name of a data set')
    .option('--false-alarms <rate>', 'the chance of any, over all checks and runs', parseNumber)
    .addOption(
      new Option(
        '--repeated-runs <control>',
        'lord: the rate holds over all runs from alarm to alarm; none: of each run alone',
      ).choices(['lord', 'none']),
    )
    .option('--webhook <url>', 'its secret is printed once')
    .option('--email <address...>')
    .option('--project <project>')
    .action((endpoint: string, flags: MonitorFlags) =>
      answer(async () => {
        const atoll = connect()
        const monitor = await atoll.monitors.create({
          endpoint,
          name: flags.name,
          checks: checksOf(flags, []),
          schedule: flags.schedule ?? null,
          windowHours: flags.window,
          falseAlarmRate: flags.falseAlarms,
          repeatedRuns: flags.repeatedRuns,
          baseline: baselineOf(flags.baseline),
          webhookUrl: flags.webhook ?? null,
          emails: flags.email,
          project: flags.project,
        })
        const secret = flags.webhook ? (await atoll.monitors.newSecret(monitor.id)).secret : null
        const asks = monitor.checks.map(({ kind }) => kind).join(', ')
        return {
          json: { ...monitor, webhookSecret: secret },
          text: `${monitor.name} watches ${monitor.endpointName}: ${asks}.${secret ? `\nSecret of its webhook, shown once: ${secret}` : ''}`,
        }
      }),
    )
  monitors
    .command('set <endpoint>')
    .description('other checks, or other settings of them; what is not said stays as it is')
    .option('--checks <kinds>', 'the checks from now on; those that were there keep their settings')
    .option('--set <setting...>', 'such as data_quality.alert=0.1; with nothing behind the = it is as usual again')
    .option('--project <project>')
    .action((ref: string, flags: MonitorFlags) =>
      answer(async () => {
        const atoll = connect()
        const [before] = (await atoll.monitors.list({ endpoint: ref, project: flags.project, limit: 1 })).items
        if (!before) throw new UsageError(`Nothing watches ${ref}. Begin with: atoll monitors create ${ref}`)
        const checks = checksOf(flags, before.checks)
        const monitor = checks ? await atoll.monitors.update(before.id, { checks }) : before
        const rows = monitor.checks.map(({ kind, settings }) => [
          kind,
          Object.entries(settings)
            .filter(([, value]) => value !== null)
            .map(([name, value]) => `${name} ${Array.isArray(value) ? value.join(',') : value}`)
            .join(', '),
        ])
        return { json: monitor, text: table(['check', 'settings'], rows) }
      }),
    )
  monitors.command('show <endpoint>').action((ref: string) =>
    answer(async () => {
      const atoll = connect()
      const monitor = await monitorOf(ref)
      const report = monitor.lastReport ? await atoll.monitors.report(monitor.lastReport) : null
      return {
        json: { monitor, report },
        text: report ? describeReport(report) : `${monitor.name} has not run yet. Run it with: atoll monitors run ${ref}`,
      }
    }),
  )
  monitors
    .command('run <endpoint>')
    .option('--dataset <dataset>', 'look at these rows instead of the captured traffic')
    .option('--psi-alert <value>', 'for a new monitor', parseNumber)
    .action((ref: string, options: { dataset?: string; psiAlert?: number }) =>
      answer(async () => {
        const atoll = connect()
        const monitor = await monitorOf(ref, options.psiAlert)
        const printer = progressPrinter()
        const job = await atoll.jobs
          .wait((await atoll.monitors.run(monitor.id, { dataset: options.dataset })).job, printer)
          .finally(printer.done)
        const report = await atoll.monitors.report(String(job.result?.report))
        return { json: report, text: describeReport(report) }
      }),
    )

  const alerts = program.command('alerts').description('what monitors raised')
  alerts
    .command('list')
    .option('--state <state>', 'open, acknowledged, snoozed or closed', 'open')
    .option('--monitor <monitor>')
    .option('--project <project>')
    .action((options: { state: Alert['state']; monitor?: string; project?: string }) =>
      answer(async () => {
        const { items } = await connect().alerts.list({ ...options, limit: 100 })
        const rows = items.map((one) => [
          one.id,
          one.severity,
          one.kinds.join(', '),
          one.monitorName,
          one.count,
          one.message.slice(0, 100),
        ])
        return {
          json: items,
          text:
            items.length === 0
              ? `No alert is ${options.state}.`
              : table(['alert', 'severity', 'checks', 'monitor', 'times', 'reason'], rows),
        }
      }),
    )
  alerts.command('ack <alert>').action((id: string) => answer(() => moved(id, { state: 'acknowledged' })))
  alerts.command('close <alert>').action((id: string) => answer(() => moved(id, { state: 'closed' })))
  alerts
    .command('snooze <alert>')
    .description('silent for so long, unless it gets worse')
    .option('--for <duration>', 'such as 4h or 7d', '1d')
    .action((id: string, options: { for: string }) =>
      answer(() => moved(id, { state: 'snoozed', until: new Date(Date.now() + millisecondsOf(options.for)).toISOString() })),
    )
}

async function moved(id: string, patch: { state: Alert['state']; until?: string }) {
  const alert = await connect().alerts.update(id, patch)
  return { json: alert, text: `${alert.id} is ${alert.state}${alert.snoozedUntil ? ` until ${alert.snoozedUntil}` : ''}.` }
}

function millisecondsOf(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(m|h|d)$/.exec(text)
  if (!match) throw new UsageError(`"${text}" is no duration. Give minutes, hours or days, such as 30m, 4h or 7d.`)
  return Number(match[1]) * { m: 60_000, h: 3_600_000, d: 86_400_000 }[match[2] as 'm' | 'h' | 'd']
}

/** The checks that are named, with the settings that they had and those that are said now; undefined where nothing is said. */
function checksOf({ checks: named, set = [] }: MonitorFlags, before: readonly CheckInput[]): CheckInput[] | undefined {
  if (named === undefined && set.length === 0) return undefined
  const kinds = named === undefined ? before.map(({ kind }) => kind) : named.split(',').map((kind) => kind.trim())
  const checks = new Map(
    kinds.map((kind): [string, Record<string, unknown>] => [kind, { ...before.find((one) => one.kind === kind)?.settings }]),
  )
  for (const said of set) {
    const match = /^([a-z_]+)\.([A-Za-z0-9]+)=(.*)$/s.exec(said)
    if (!match) throw new UsageError(`"${said}" is no setting. Write it as check.setting=value, such as data_quality.alert=0.1.`)
    const [, kind, name, text] = match as unknown as [string, string, string, string]
    const settings = checks.get(kind)
    if (!settings)
      throw new UsageError(
        `The check ${kind} is not among those named (${[...checks.keys()].join(', ') || 'none: say --checks'}).`,
      )
    if (text === '') delete settings[name]
    else settings[name] = settingOf(name, text)
  }
  return [...checks].map(([kind, settings]) => ({ kind, settings }) as CheckInput)
}

const lists: ReadonlySet<string> = new Set(['columns', 'facets'])

function settingOf(name: string, text: string): unknown {
  if (lists.has(name))
    return text
      .split(',')
      .map((one) => one.trim())
      .filter(Boolean)
  return text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text
}

function baselineOf(text: string | undefined): MonitorInput['baseline'] {
  if (text === undefined) return undefined
  if (text === 'training') return { kind: 'training' }
  if (text === 'week' || text === 'day') return { kind: 'seasonal', period: text, back: text === 'week' ? 4 : 7 }
  return { kind: 'dataset', dataset: text }
}

/** The monitor of an endpoint; made with defaults when there is none. */
async function monitorOf(endpoint: string, psiAlert?: number) {
  const atoll = connect()
  const found = await atoll.monitors.list({ endpoint, limit: 1 })
  return found.items[0] ?? atoll.monitors.create({ endpoint, psiAlert })
}

export function describeReport(report: DriftReport): string {
  const checks = report.checks.map(({ kind, state, sentence }: CheckReport) => [
    kind,
    state.replaceAll('_', ' '),
    sentence.slice(0, 110),
  ])
  const columns = [...report.columns]
    .sort((a, b) => b.psi - a.psi)
    .slice(0, 15)
    .map((c) => [
      c.column,
      c.state,
      round(c.psi),
      round(c.jensenShannon),
      c.test.name,
      c.test.adjustedPValue < 1e-4 ? '<0.0001' : c.test.adjustedPValue.toFixed(4),
    ])
  return [
    report.sentence,
    ...(checks.length > 0 ? [table(['check', 'state', 'what it found'], checks)] : []),
    ...(columns.length > 0 ? [table(['column', 'state', 'PSI', 'JS', 'test', 'p (Holm)'], columns)] : []),
  ].join('\n\n')
}
