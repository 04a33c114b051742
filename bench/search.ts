import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { peerPython } from './lib/python.ts'
import { quietMoment } from './lib/quiet.ts'
import { type BenchOptions, type BenchResult, judged } from './lib/result.ts'
import { median, pairedRatio } from './lib/stats.ts'

type Trials = Record<string, Record<string, number[]>>

/** HP1 and HP2: trials that a search needs on known functions, and what one question costs. ATOLL_OPTUNA_PYTHON names an interpreter that has Optuna. */
export async function suite({ quick }: BenchOptions): Promise<BenchResult[]> {
  const folder = join(import.meta.dirname, 'search')
  const python = process.env.ATOLL_OPTUNA_PYTHON ?? peerPython(join(folder, 'requirements.txt'))
  const measure = <T>(...asked: string[]): T =>
    JSON.parse(
      execFileSync(python, [join(folder, 'measure.py'), ...asked], {
        env: { ...process.env, OMP_NUM_THREADS: '1', PYTHONPATH: join(import.meta.dirname, '..', 'python') },
        stdio: ['ignore', 'pipe', 'inherit'],
        maxBuffer: 2 ** 26,
      }).toString(),
    ) as T
  const [seeds, cap] = quick ? [6, 60] : [30, 150]
  const trials = measure<Trials>('trials', String(seeds), String(cap), quick ? 'tpe,optuna' : 'tpe,gp,optuna')
  const results = Object.entries(trials).flatMap(([name, found]) =>
    Object.entries({ tpe: 'TPE', gp: 'Gaussian process' }).flatMap(([sampler, title]) => {
      const ours = found[sampler]
      if (!ours) return []
      return judged({
        id: 'HP1',
        suite: 'search',
        what: `Trials until the quality of 200 random ones, ${name}, ${title}`,
        ours: { value: median(ours), unit: 'trials' },
        against: { name: 'Optuna TPE, multivariate', value: median(found.optuna!) },
        ratio: pairedRatio(ours, found.optuna!),
        goal: { compare: '<=', value: 20, of: 'value' },
        note: `median of ${seeds} seeds; one that is not there after ${cap} trials counts as ${2 * cap}`,
      })
    }),
  )
  await quietMoment()
  const costs = measure<Trials>('cost', quick ? '20' : '60', '1000')
  for (const [dimensions, { tpe, optuna }] of Object.entries(costs))
    results.push(
      judged({
        id: 'HP2',
        suite: 'search',
        what: `One ask and tell at 1,000 trials, ${dimensions} parameters`,
        ours: { value: median(tpe!), unit: 'ms' },
        against: { name: 'Optuna TPE, multivariate, in memory', value: median(optuna!) },
        ratio: pairedRatio(tpe!, optuna!),
        goal: { compare: '<=', value: 1, of: 'value' },
        note: `${tpe!.length} of each in turn, one core`,
      }),
    )
  return results
}
