import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import type { AbTest, Loop, LoopInput, LoopRun } from '../../index.ts'
import { connect, parseNumber, UsageError } from '../context.ts'
import { table } from '../print.ts'
import { answer } from '../run.ts'

interface CreateFlags {
  name?: string
  goal?: string
  project?: string
  policy?: string
  newRows?: number
  schedule?: string
  approval?: boolean
  algorithms?: string
  budget?: number
  rule?: 'better' | 'not_worse_and_fairer' | 'not_worse_and_smaller' | 'not_worse_and_cheaper'
  margin?: number
  shadowMinutes?: number
  watchMinutes?: number
}

/** `loops`: endpoints that heal themselves; `ab`: variants against each other. */
export function loopCommands(program: Command): void {
  const loops = program.command('loops').description('endpoints that retrain, judge and exchange their model by themselves')
  loops
    .command('create <endpoint>')
    .option('--name <name>')
    .option('--goal <goal>', 'that of the version which is served, unless told')
    .option(
      '--policy <file>',
      'JSON with any of triggers, window, training, judge, shadow, rollout, watch, approval, cooldownMinutes',
    )
    .option('--new-rows <n>', 'start when so many predictions got their truth', parseNumber)
    .option('--schedule <cron>', 'start by the clock, UTC')
    .option('--algorithms <names>', 'comma separated; as the champion was made unless told')
    .option('--budget <seconds>', 'of the search', parseNumber)
    .option('--rule <rule>', 'better, not_worse_and_fairer, not_worse_and_smaller or not_worse_and_cheaper')
    .option('--margin <value>', 'of the metric: no worse than by that', parseNumber)
    .option('--shadow-minutes <n>', '', parseNumber)
    .option('--watch-minutes <n>', '', parseNumber)
    .option('--approval', 'a person approves before the challenger meets traffic')
    .option('--project <project>')
    .action((endpoint: string, flags: CreateFlags) =>
      answer(async () => {
        const loop = await connect().loops.create(await inputOf(endpoint, flags))
        return { json: loop, text: `${described(loop)}\nStart it by hand: atoll loops run "${loop.name}"` }
      }),
    )
  loops
    .command('list')
    .option('--endpoint <endpoint>')
    .option('--project <project>')
    .action((options: { endpoint?: string; project?: string }) =>
      answer(async () => {
        const { items } = await connect().loops.list({ ...options, limit: 200 })
        const rows = items.map((loop) => [loop.name, loop.endpointName, loop.enabled ? 'on' : 'off', lastWords(loop)])
        return {
          json: items,
          text: rows.length > 0 ? table(['loop', 'endpoint', '', 'last run'], rows) : 'There is no loop yet.',
        }
      }),
    )
  loops
    .command('show <loop>')
    .option('--project <project>')
    .action((ref: string, { project }: { project?: string }) =>
      answer(async () => {
        const loop = await connect().loops.get(ref, { project })
        return { json: loop, text: described(loop) }
      }),
    )
  loops
    .command('run <loop>')
    .description('start a run now')
    .option('--reason <text>', 'why', '')
    .option('--project <project>')
    .action((ref: string, { reason, project }: { reason: string; project?: string }) =>
      answer(async () => {
        const run = await connect().loops.run(ref, reason, { project })
        return { json: run, text: `Run ${run.number} began. See it: atoll loops runs "${run.loopName}" ${run.number}` }
      }),
    )
  loops
    .command('runs <loop> [run]')
    .description('its runs, or one of them with every step')
    .option('--project <project>')
    .action((ref: string, number: string | undefined, { project }: { project?: string }) =>
      answer(async () => {
        const { loops } = connect()
        if (number !== undefined) {
          const run = await loops.readRun(ref, number, { project })
          return { json: run, text: runWords(run) }
        }
        const { items } = await loops.runs(ref, { project, limit: 50 })
        const rows = items.map((run) => [
          String(run.number),
          run.startedAt.slice(0, 16).replace('T', ' '),
          run.outcome ?? run.step,
          run.sentence,
        ])
        return { json: items, text: rows.length > 0 ? table(['run', 'began', '', ''], rows) : 'It has not run yet.' }
      }),
    )
  for (const [name, about] of [
    ['approve', 'let the challenger of a run meet traffic (administrators of the project)'],
    ['reject', 'keep the champion'],
    ['cancel', 'end a run; the champion stays, or comes back'],
  ] as const)
    loops
      .command(`${name} <loop> [run]`)
      .description(about)
      .option('--note <text>', 'why', '')
      .option('--project <project>')
      .action((ref: string, given: string | undefined, { note, project }: { note: string; project?: string }) =>
        answer(async () => {
          const { loops } = connect()
          const number = given ?? String((await loops.get(ref, { project })).lastRun?.number ?? '')
          if (number === '') throw new UsageError('This loop has not run yet.')
          if (name === 'reject' && note === '') throw new UsageError('Say why with --note.')
          const run = await loops[name](ref, number, note, { project })
          return { json: run, text: runWords(run) }
        }),
      )

  program
    .command('ab <endpoint>')
    .description('which variant does better by what turned out to be true; looking often does not make it lie')
    .option('--outcome <outcome>', 'right, error or truth')
    .option('--value <class>', 'with truth: the class that counts as yes')
    .option('--alpha <share>', '', parseNumber)
    .option('--project <project>')
    .action((endpoint: string, options: { outcome?: AbTest['outcome']; value?: string; alpha?: number; project?: string }) =>
      answer(async () => {
        const found = await connect().ab.read(endpoint, options)
        return { json: found, text: abWords(found) }
      }),
    )
}

async function inputOf(endpoint: string, flags: CreateFlags): Promise<LoopInput> {
  const policy = (flags.policy ? JSON.parse(await readFile(flags.policy, 'utf8')) : {}) as Partial<LoopInput>
  const { name, goal, project, newRows, schedule, approval, algorithms, budget, rule, margin, shadowMinutes, watchMinutes } =
    flags
  return {
    ...policy,
    endpoint,
    ...(name && { name }),
    ...(goal && { goal }),
    ...(project && { project }),
    triggers: { ...policy.triggers, ...(newRows !== undefined && { newRows }), ...(schedule && { schedule }) },
    training: {
      ...policy.training,
      ...(algorithms && { algorithms: algorithms.split(',').map((one) => one.trim()) }),
      ...(budget !== undefined && { budgetSeconds: budget }),
    },
    judge: { ...policy.judge, ...(rule && { rule }), ...(margin !== undefined && { margin }) },
    shadow: { ...policy.shadow, ...(shadowMinutes !== undefined && { minutes: shadowMinutes }) },
    watch: { ...policy.watch, ...(watchMinutes !== undefined && { minutes: watchMinutes }) },
    ...(approval && { approval }),
  }
}

const lastWords = ({ lastRun }: Loop): string =>
  lastRun ? `${lastRun.number}, ${(lastRun.outcome ?? `at ${lastRun.step}`).replace('_', ' ')}: ${lastRun.sentence}` : 'none yet'

function described(loop: Loop): string {
  const { triggers, window, judge, shadow, rollout, watch } = loop
  const starts = [
    triggers.drift && 'drift',
    triggers.decay && 'decay',
    triggers.newRows !== null && `${triggers.newRows} new rows with their truth`,
    triggers.reviewedLabels && 'reviewed labels',
    triggers.schedule && `the schedule ${triggers.schedule}`,
  ].filter(Boolean)
  return [
    `${loop.name} looks after ${loop.endpointName} by the goal "${loop.goalName}"${loop.enabled ? '' : ' (off: only people start it)'}`,
    `  starts by    ${starts.join(', ') || 'nothing but people'}; then not again for ${loop.cooldownMinutes} minutes`,
    `  learns from  the labelled rows of ${window.days} days${window.original ? ' and those that the champion learnt from' : ''}; the newest ${100 * window.sealedShare} % are sealed`,
    `  judges       ${judge.rule.replaceAll('_', ' ')}, alpha ${judge.alpha}, margin ${judge.margin}`,
    `  exchanges    ${loop.approval || loop.approvalByProject ? 'after a person approved it, ' : ''}${shadow.minutes} minutes as a shadow, then ${rollout.steps.map(({ weight }) => `${weight} %`).join(', ')}, 100 %; watched for ${watch.minutes} minutes`,
    `  last run     ${lastWords(loop)}`,
  ].join('\n')
}

function runWords(run: LoopRun): string {
  const steps = run.steps.map((step) => [step.step, step.state, step.sentence])
  return [
    `Run ${run.number} of ${run.loopName}, ${(run.outcome ?? run.state).replace('_', ' ')}: ${run.sentence}`,
    `Began because: ${run.trigger.sentence}`,
    table(['step', '', ''], steps),
    ...(run.state === 'waiting' ? [`Decide: atoll loops approve "${run.loopName}" ${run.number}, or reject`] : []),
  ].join('\n')
}

function abWords({ counts, variants, comparisons }: AbTest): string {
  const figure = (value: number) => value.toPrecision(3)
  const rows = variants.map(({ name, versionName, weight, rows: n, mean }) => [
    name,
    versionName,
    `${weight} %`,
    String(n),
    mean ? `${figure(mean.value)} (${figure(mean.low)} to ${figure(mean.high)})` : '',
  ])
  const said = comparisons.map(({ sentence }) => sentence)
  return [
    table(['variant', 'version', 'share', 'rows', counts], rows),
    ...(said.length > 0 ? said : ['There is no other variant to compare with.']),
  ].join('\n')
}
