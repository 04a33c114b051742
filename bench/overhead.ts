import { execFileSync, spawn } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { jobsTestMigrations, jobsWorld } from '../src/domains/jobs/testing.ts'
import { readConfig } from '../src/kernel/config.ts'
import { pythonRuntimes } from '../src/ports/engines/python.ts'
import { openLocalExecutor } from '../src/ports/executors/local.ts'
import { localFiles } from '../src/ports/files/local.ts'
import { openSqlite } from '../src/ports/metadata/sqlite.ts'
import { quietMoment } from './lib/quiet.ts'
import { type BenchOptions, type BenchResult, judged } from './lib/result.ts'
import { enginePython } from './lib/runtime.ts'
import { median, pairedRatio } from './lib/stats.ts'

/** TR1: a training script as a job of the platform (sandbox, live events and metrics, leases) against the same script by hand. */
export async function suite({ quick, rounds }: BenchOptions): Promise<BenchResult[]> {
  const folder = mkdtempSync(join(tmpdir(), 'atoll-bench-overhead-'))
  const { python, sources } = await enginePython()
  const channel = join(folder, 'channel')
  execFileSync(python, [join(import.meta.dirname, 'overhead', 'make_channel.py'), channel])
  const parameters = parametersOf(quick ? 2 : 6)
  const warmUp = parametersOf(1)
  const config = readConfig(process.env, { dataDir: folder })
  const metadata = openSqlite({ file: join(folder, 'atoll.db') })
  await metadata.migrate(jobsTestMigrations)
  const executor = await openLocalExecutor({ python: config.python })
  const runtimes = pythonRuntimes({ dir: config.runtimesDir, python: config.python, sources })
  const files = localFiles()
  const { jobs, admin, project, errors } = await jobsWorld(metadata, { executor, runtimes, files, folder })
  jobs.queue.register({
    kind: 'bench.train',
    run: async (context) => {
      const { result } = await context.runEngine({
        name: 'fit',
        engine: 'tabular.train',
        runtime: 'tabular',
        parameters: context.spec.isWarmUp ? warmUp : parameters,
        seed: 7,
        prepare: (data) => files.copy({ root: folder, path: 'channel' }, { root: data, path: 'train' }),
      })
      return result
    },
    publish: async (_tx, _context, outcome: Record<string, unknown>) => outcome,
  })
  jobs.startWorker({ slots: 1 })

  async function asJob(isWarmUp = false): Promise<number> {
    const start = performance.now()
    const cpu = process.cpuUsage()
    const spec = { kind: 'bench.train', name: 'overhead', projectId: project.id, spec: { isWarmUp } }
    const id = await metadata.transaction((tx) => jobs.queue.enqueue(tx, admin, spec))
    jobs.queue.wake()
    const ended = await jobs.ended(id)
    if (ended.state !== 'succeeded') throw new Error(`The job ${ended.state}: ${ended.failure}`)
    const { user, system } = process.cpuUsage(cpu)
    if (!isWarmUp) platformSeconds.push((user + system) / 1e6)
    return (performance.now() - start) / 1000
  }

  const platformSeconds: number[] = []
  const byHand: number[] = []
  const byPlatform: number[] = []
  try {
    // Both once before anything counts: files into the page cache, the runtime proven.
    await asJob(true)
    await bare({ python, sources, channel, parameters: warmUp, folder })
    for (let round = 0; round < rounds; round++) {
      const inTurn = [
        async () => void byHand.push(await bare({ python, sources, channel, parameters, folder })),
        async () => void byPlatform.push(await asJob()),
      ]
      for (const one of round % 2 === 0 ? inTurn : inTurn.reverse()) {
        await quietMoment()
        await one()
      }
      console.error(`round ${round + 1}: by hand ${byHand.at(-1)!.toFixed(2)} s, as a job ${byPlatform.at(-1)!.toFixed(2)} s`)
    }
    if (errors.length > 0) throw errors[0]
  } finally {
    await jobs.stopWorker()
    await executor.close()
    await metadata.close()
    rmSync(folder, { recursive: true, force: true })
  }
  return [
    judged({
      id: 'TR1',
      suite: 'overhead',
      what: 'Wall time of a training script as a job: sandbox, queue, live metrics, logs, checkpoints',
      ours: { value: median(byPlatform), unit: 's' },
      against: { name: 'the same script by hand', value: median(byHand) },
      ratio: pairedRatio(byPlatform, byHand),
      goal: { compare: '<=', value: 1.01, of: 'ratio' },
      note: `${rounds} rounds in turn, no started Python kept between jobs; the platform's own process took ${median(platformSeconds).toFixed(2)} s of CPU per job`,
    }),
  ]
}

const parametersOf = (trials: number) => ({
  task: 'binary',
  target: 'target',
  positive: 'yes',
  metric: 'roc_auc',
  goal: null,
  recipe: { steps: [] },
  algorithms: ['lightgbm'],
  search: { strategy: 'random', trials, budgetSeconds: null, space: null, warmStart: [] },
  validation: { kind: 'stratified', folds: 5, groupColumn: null, timeColumn: null },
  imbalance: 'none',
  calibration: 'none',
  importance: true,
  threads: availableParallelism(),
})

/** The engine in a folder of its own, as docs/job-contract.md says anybody may run it. */
async function bare(run: {
  python: string
  sources: string
  channel: string
  parameters: object
  folder: string
}): Promise<number> {
  const stage = mkdtempSync(join(run.folder, 'bare-'))
  const start = performance.now()
  for (const path of ['input/config', 'input/data', 'checkpoints', 'output/data', 'model', 'native'])
    mkdirSync(join(stage, path), { recursive: true })
  cpSync(run.channel, join(stage, 'input/data/train'), { recursive: true })
  const write = (name: string, value: unknown) =>
    writeFileSync(join(stage, 'input/config', `${name}.json`), JSON.stringify(value))
  write('job', { id: 'bare', engine: 'tabular.train', seed: 7, attempt: 1, contract: 1 })
  write('hyperparameters', run.parameters)
  write('inputdataconfig', { train: { ContentType: 'application/x-parquet' } })
  write('resourceconfig', { cpus: availableParallelism(), memoryBytes: 4 * 2 ** 30, gpus: 0, current_host: 'local' })
  const threads = String(availableParallelism())
  const child = spawn(run.python, ['-m', 'atoll_engines.run'], {
    cwd: stage,
    env: {
      ...process.env,
      PYTHONPATH: run.sources,
      OMP_NUM_THREADS: threads,
      OPENBLAS_NUM_THREADS: threads,
      OMP_WAIT_POLICY: 'PASSIVE',
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const code = await new Promise((resolve) => child.once('exit', resolve))
  if (code !== 0) throw new Error(`The script by hand ended with ${code}.`)
  const seconds = (performance.now() - start) / 1000
  rmSync(stage, { recursive: true, force: true })
  return seconds
}
