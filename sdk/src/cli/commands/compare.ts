import type { Command } from 'commander'
import type { ComparisonResult } from '../../types.ts'
import { connect, parseNumber, UsageError } from '../context.ts'
import { progressPrinter, round, table } from '../print.ts'
import { answer } from '../run.ts'

export function compareCommand(program: Command): void {
  program
    .command('compare <candidates...>')
    .description('which is better: versions (NAME:VERSION) or algorithms, over repeated folds, with corrected paired tests')
    .option('--repeats <n>', 'how often the rows are divided anew', parseNumber, 5)
    .option('--folds <n>', 'folds of each division', parseNumber, 5)
    .option('--delta <x>', 'differences below this do not matter: two may be found equivalent', parseNumber)
    .option('--metric <metric>', 'what is compared (the versions’ own when absent)')
    .option('--dataset <dataset>', 'for algorithms alone: the data set')
    .option('--goal <goal>', 'and its goal')
    .option('--target <column>', 'or its target')
    .option('--seed <n>', 'same seed, same folds', parseNumber, 7)
    .option('--project <project>')
    .action((candidates: string[], o) =>
      answer(async () => {
        if (candidates.length < 2) throw new UsageError('Name two candidates or more.')
        const atoll = connect()
        const { repeats, folds, delta, metric, dataset, goal, target, seed, project } = o
        const { job } = await atoll.comparisons.create({
          candidates,
          repeats,
          folds,
          delta,
          metric,
          dataset,
          goal,
          target,
          seed,
          project,
        })
        const printer = progressPrinter()
        const ended = await atoll.jobs.wait(job.id, printer).finally(printer.done)
        const result = ended.result as unknown as ComparisonResult
        return { json: result, text: textOf(result) }
      }),
    )
}

const textOf = ({ candidates, pairs, sealed, sentence, metric, repeats, folds }: ComparisonResult): string =>
  [
    table(
      ['candidate', 'algorithm', `${metric} ± sd over ${repeats} x ${folds} folds`],
      candidates.map(({ name, algorithm, mean, std }) => [name, algorithm, `${round(mean, 4)} ± ${round(std, 4)}`]),
    ),
    table(
      ['pair', 'difference [95 %]', 'effect', 'p (Holm)', 'verdict'],
      pairs.map(({ a, b, difference: { value, low, high }, effect, adjustedPValue, verdict }) => [
        `${b} against ${a}`,
        `${round(value, 4)} [${round(low, 4)}, ${round(high, 4)}]`,
        effect && round(effect.value, 2),
        adjustedPValue < 0.001 ? '< 0.001' : round(adjustedPValue, 3),
        verdict.replace('_', ' '),
      ]),
    ),
    ...(pairs.length > 1 ? pairs.map((pair) => pair.sentence) : []),
    ...sealed.map((one) => `Sealed rows: ${one.sentence}`),
    sentence,
  ].join('\n\n')
