import { type ChildProcess, spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Command } from 'commander'
import { type Atoll, AtollError, createAtoll, type TrainingResult } from '../../index.ts'
import { parseDuration } from '../context.ts'
import { csvCell, parseCsv, typedRow } from '../files.ts'
import { interval, progressPrinter, table } from '../print.ts'
import { answer } from '../run.ts'

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..', '..')
const target = 'churn'

export function demoCommand(program: Command): void {
  program
    .command('demo')
    .description('the whole life of a model on real data: churn of 5,000 telephone customers')
    .option('--data <dir>', 'data folder', './atoll-data')
    .option('--port <port>', 'port (any free one when absent)', '0')
    .option('--budget <time>', 'search for at most this long', parseDuration, 60)
    .option('--keep-running', 'leave the server up')
    .action((options) =>
      answer(async () => {
        const server = await startServer(options.data, options.port)
        let isDone = false
        try {
          const outcome = await runDemo(createAtoll({ url: server.url, token: server.token }), {
            url: server.url,
            budgetSeconds: options.budget,
            staysUp: Boolean(options.keepRunning),
          })
          isDone = true
          return outcome
        } finally {
          if (options.keepRunning && isDone) void stayUp(server.child)
          else await stop(server.child)
        }
      }),
    )
}

/** From a file to a monitored model; what each step showed goes to standard error. */
export async function runDemo(
  atoll: Atoll,
  { url, budgetSeconds, staysUp }: { url: string; budgetSeconds: number; staysUp: boolean },
) {
  const started = Date.now()
  const step = stepPrinter(started)
  const csv = await readFile(join(root, 'examples', 'churn', 'mlc_churn.csv'), 'utf8')
  const run = await demoRun(atoll)
  const named = (name: string) => (run === 1 ? name : `${name} ${run}`)

  step('Adding the data: examples/churn/mlc_churn.csv')
  const upload = await atoll.uploads.send(new Blob([csv]), { filename: 'mlc_churn.csv' })
  const added = await atoll.datasets.create({
    name: named('Customers'),
    source: { upload: upload.id },
    target,
    description: 'Telephone customers (MLC++ churn), one row a customer.',
  })
  await waitFor(atoll, added.job)
  const dataset = await atoll.datasets.get(added.dataset.id)
  step(`  ${dataset.latest?.rows} rows, ${dataset.latest?.columns.length} columns`)

  step('Profiling it')
  await waitFor(atoll, (await atoll.datasets.makeProfile(dataset.id, { target })).job)
  const profile = await atoll.datasets.profile(dataset.id, { target })
  for (const warning of profile?.warnings.slice(0, 3) ?? []) step(`  ${warning.message}`)

  step('Stating the goal')
  const goal = await atoll.goals.create({
    name: named('Find churners'),
    dataset: dataset.id,
    target,
    positive: 'yes',
    metric: 'f1',
    atLeast: 0.85,
    costFalsePositive: 1,
    costFalseNegative: 5,
  })
  step(`  ${goal.sentence}`)

  step(`Preparing, training and tuning (search budget ${budgetSeconds} s), then the sealed test and the parity proof`)
  const training = await atoll.training.create({
    dataset: dataset.id,
    goal: goal.id,
    search: { budgetSeconds },
    model: named('Churn'),
  })
  const result = (await waitFor(atoll, training.job.id)) as unknown as TrainingResult
  step(`  the winner is ${result.algorithm}`)

  step('Approving and deploying it')
  await atoll.models.promote(result.modelId, result.version, { to: 'approved' })
  const endpoint = await atoll.endpoints.create({ name: run === 1 ? 'churn' : `churn-${run}`, model: result.versionId })
  const ready = await untilReady(atoll, endpoint.id)

  step('Predicting 1,000 rows over HTTP')
  const rows = toRows(csv).slice(0, 1000)
  const predictions = []
  for (let i = 0; i < rows.length; i += 100)
    predictions.push(
      ...(
        await atoll.endpoints.predict(
          ready.id,
          rows.slice(i, i + 100).map((row) => typedRow(row, ready.signature.inputs)),
        )
      ).predictions,
    )
  const churners = predictions.filter((prediction) => prediction.label === 'yes').length
  step(`  ${predictions.length} answers, ${churners} customers would leave`)

  step('Watching for drift: an ordinary month, then one after a price change')
  const monitor = await atoll.monitors.create({ endpoint: ready.id, name: named('Churn drift'), minimumRows: 200 })
  const quiet = await atoll.monitors.report(String((await waitFor(atoll, (await atoll.monitors.run(monitor.id)).job)).report))
  step(`  ordinary: ${quiet.sentence}`)
  const shiftedUpload = await atoll.uploads.send(new Blob([shiftedMonth(csv)]), { filename: 'shifted_month.csv' })
  const shifted = await atoll.datasets.create({
    name: named('Customers after a price change'),
    source: { upload: shiftedUpload.id },
    target,
  })
  await waitFor(atoll, shifted.job)
  const drift = await atoll.monitors.report(
    String((await waitFor(atoll, (await atoll.monitors.run(monitor.id, { dataset: shifted.dataset.id })).job)).report),
  )
  step(`  shifted: ${drift.sentence}`)

  const { user } = await atoll.session.get()
  const { link } = await atoll.users.signInLink(user?.id ?? 'me')
  const signIn = `${url}/sign-in#link=${link}`
  const page = `${url}/open/${result.modelId}`
  const seconds = Math.round((Date.now() - started) / 1000)
  const f1 = result.test.f1!
  const drifted = drift.columns.filter((column) => column.state === 'alert').map((column) => column.column)
  const text = [
    '',
    table(
      ['what', 'result'],
      [
        ['goal', result.goal?.sentence],
        ['winner', `${result.algorithm}, beats the baseline's F1 of ${(result.baseline.f1 ?? 0).toFixed(2)}`],
        ['F1 of churners, cross-validated', result.validation.f1?.toFixed(3)],
        ['F1 of churners, sealed test [95 %]', interval(f1)],
        ['ROC AUC, sealed test [95 %]', result.test.roc_auc ? interval(result.test.roc_auc) : null],
        [
          'served = trained',
          `${result.parity.rows} rows replayed, ${result.parity.flips} label flips, largest difference ${result.parity.maxDiff.toExponential(1)}`,
        ],
        ['predicted over HTTP', `${predictions.length} rows, ${churners} churners`],
        ['drift, ordinary month', quiet.state],
        ['drift, shifted month', `${drift.state}: ${drifted.join(', ')}`],
        ['time', `${seconds} s`],
      ],
    ),
    '',
    ...(staysUp
      ? [`See all of it:  ${page}`, `Sign in with:   ${signIn}`]
      : [
          `To look at it:  npm run demo -- --keep-running   (everything is kept in the data folder; npx atoll up opens it again)`,
        ]),
  ].join('\n')
  const json = {
    model: result.model,
    version: result.version,
    endpoint: ready.name,
    algorithm: result.algorithm,
    validation: result.validation,
    test: result.test,
    baseline: result.baseline,
    goal: result.goal,
    parity: result.parity,
    predictions: predictions.length,
    drift: { ordinary: quiet.state, shifted: drift.state, columns: drifted },
    url: page,
    link: signIn,
    seconds,
  }
  return { json, text }
}

/** Which run of the demo this is in its data folder: names are unique in a project. */
async function demoRun(atoll: Atoll): Promise<number> {
  const isFree = (asked: Promise<unknown>) =>
    asked.then(
      () => false,
      (error) => {
        if (error instanceof AtollError && error.status === 404) return true
        throw error
      },
    )
  for (let run = 1; ; run++) {
    const suffix = run === 1 ? '' : ` ${run}`
    if (await isFree(atoll.datasets.get(`Customers${suffix}`))) return run
  }
}

const toRows = (csv: string): Record<string, unknown>[] => {
  const [header, ...lines] = parseCsv(csv)
  return lines.map((cells) => Object.fromEntries(header!.map((name, i) => [name, cells[i] === '' ? null : cells[i]])))
}

/** A month after a price change: people talk longer by day, at higher charges, and more of them take the international plan. */
function shiftedMonth(csv: string): string {
  const [header, ...lines] = parseCsv(csv)
  const at = (name: string) => header!.indexOf(name)
  const shifted = lines.slice(0, 1500).map((cells, i) => {
    const row = [...cells]
    for (const name of ['total_day_minutes', 'total_day_charge']) row[at(name)] = (Number(row[at(name)]) * 1.3).toFixed(2)
    if (i % 4 === 0) row[at('international_plan')] = 'yes'
    return row
  })
  return [header!, ...shifted].map((row) => row.map(csvCell).join(',')).join('\n')
}

async function waitFor(atoll: Atoll, job: string): Promise<Record<string, unknown>> {
  const printer = progressPrinter({ stages: false })
  const ended = await atoll.jobs.wait(job, printer).finally(printer.done)
  return ended.result ?? {}
}

async function untilReady(atoll: Atoll, endpoint: string) {
  for (let i = 0; i < 300; i++) {
    const found = await atoll.endpoints.get(endpoint)
    if (found.state === 'ready') return found
    if (found.state === 'failed') throw new Error(found.message ?? 'The endpoint failed to start.')
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error('The endpoint did not become ready within 30 s.')
}

const stepPrinter = (started: number) => (text: string) => {
  process.stderr.write(
    `${text.startsWith('  ') ? '        ' : `${String(Math.round((Date.now() - started) / 1000)).padStart(4)} s  `}${text}\n`,
  )
}

interface Server {
  child: ChildProcess
  url: string
  token: string
}

async function startServer(data: string, port: string): Promise<Server> {
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', join(root, 'src', 'main.ts'), 'up', '--json', '--data', data, '--port', port],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const lines = createInterface({ input: child.stdout! })
  for await (const line of lines) {
    const ready = JSON.parse(line) as { url: string; token: string }
    return { child, ...ready }
  }
  throw new Error('The server ended before it was ready.')
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  await ended
}

/** Leaves the server running until this process is told to stop. */
async function stayUp(child: ChildProcess): Promise<void> {
  child.ref()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => child.kill(signal))
  await new Promise((resolve) => child.once('exit', resolve))
}
