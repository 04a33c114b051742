import { createWriteStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Command } from 'commander'
import type { Column } from '../../types.ts'
import { connect, parseNumber, unlessAbsent } from '../context.ts'
import { progressPrinter, round, table } from '../print.ts'
import { answer } from '../run.ts'
import { sendPath } from '../send-path.ts'

export function dataCommands(program: Command): void {
  const datasets = program.command('datasets').description('tables, images and audio: add, look at, profile, export')

  datasets
    .command('add <path>')
    .description(
      'upload a table (CSV, TSV, Parquet, JSON lines, Excel), or a folder or archive of images or audio, as a data set or a new version of one',
    )
    .option('--name <name>', 'name of the data set (the file name when absent)')
    .option('--target <column>', 'the column to predict')
    .option('--project <project>', 'project (id or name)')
    .option('--description <text>', 'what it is')
    .option('--on-server', 'the path is one on the server, in a folder that an administrator allowed (Settings › Platform)')
    .option(
      '--layout <layout>',
      'how a folder says what its items are: folders, table, coco, voc, yolo, masks, files (detected when absent)',
    )
    .option('--drop <columns>', 'columns to leave out, comma separated')
    .option('--pseudonymise <columns>', 'columns to replace by keyed hashes, comma separated')
    .action((path: string, options) =>
      answer(async (say) => {
        const atoll = connect()
        const isFolder = !options.onServer && (await stat(path).catch(() => null))?.isDirectory() === true
        const name = options.name ?? nameFrom(path)
        const source = options.onServer ? { serverPath: path } : { upload: (await sendPath(atoll, path, isFolder, say)).id }
        const read = options.layout ? { layout: options.layout } : undefined
        const media =
          isFolder || options.onServer || archive.test(path)
            ? (await atoll.datasets.detect({ source, options: read })).media
            : null
        if (media) say([media.sentence, ...media.warnings.map(({ message }) => `  ${message}`)].join('\n'))
        const columns = [
          ...split(options.drop).map((column) => ({ name: column, action: 'drop' as const })),
          ...split(options.pseudonymise).map((column) => ({ name: column, action: 'pseudonymise' as const })),
        ]
        const existing = await unlessAbsent(atoll.datasets.get(name, { project: options.project }))
        const created = existing
          ? await atoll.datasets.addVersion(existing.id, { source, columns, options: read })
          : await atoll.datasets.create({
              name,
              source,
              columns,
              options: read,
              target: options.target ?? media?.target ?? undefined,
              project: options.project,
              description: options.description,
            })
        const printer = progressPrinter()
        await atoll.jobs.wait(created.job, printer).finally(printer.done)
        const dataset = await atoll.datasets.get(created.dataset.id)
        return {
          json: dataset,
          text: [
            `${dataset.name}, version ${dataset.latest?.number}: ${dataset.latest?.rows} rows, ${dataset.latest?.columns.length} columns (${dataset.id})`,
            ...personalNote(dataset.latest?.columns ?? []),
          ].join('\n'),
        }
      }),
    )

  datasets
    .command('list')
    .option('--project <project>')
    .option('--limit <n>', 'at most', parseNumber, 50)
    .action((options) =>
      answer(async () => {
        const page = await connect().datasets.list({ project: options.project, limit: options.limit })
        return {
          json: page,
          text: table(
            ['name', 'version', 'rows', 'columns', 'target', 'id'],
            page.items.map((d) => [d.name, d.latest?.number, d.latest?.rows, d.latest?.columns.length, d.target, d.id]),
          ),
        }
      }),
    )

  datasets.command('show <dataset>').action((ref: string) =>
    answer(async () => {
      const dataset = await connect().datasets.get(ref)
      const columns = dataset.latest?.columns ?? []
      return {
        json: dataset,
        text: `${dataset.name} (${dataset.id})\n${dataset.latest?.rows ?? 0} rows, version ${dataset.latest?.number ?? '–'}, target ${dataset.target ?? '–'}\n\n${table(
          ['column', 'type', 'missing?', 'personal data'],
          columns.map((c) => [c.name, c.type, c.nullable ? 'yes' : 'no', c.personalData?.kind ?? '']),
        )}`,
      }
    }),
  )

  datasets
    .command('profile <dataset>')
    .option('--target <column>')
    .action((ref: string, options) =>
      answer(async () => {
        const atoll = connect()
        let profile = await atoll.datasets.profile(ref, { target: options.target })
        if (!profile) {
          const printer = progressPrinter()
          await atoll.jobs
            .wait((await atoll.datasets.makeProfile(ref, { target: options.target })).job, printer)
            .finally(printer.done)
          profile = await atoll.datasets.profile(ref, { target: options.target })
        }
        if (!profile) throw new Error('The profile was made but cannot be read.')
        const rows = profile.columns.map((c) => [
          c.name,
          c.type,
          c.missing,
          c.distinct,
          c.numeric ? round(c.numeric.mean) : null,
          c.numeric?.std == null ? null : round(c.numeric.std),
          c.target ? round(c.target.value) : null,
        ])
        return {
          json: profile,
          text: `${profile.rows} rows, ${profile.duplicateRows} repeated\n\n${table(['column', 'type', 'missing', 'distinct', 'mean', 'sd', 'target relation'], rows)}\n\n${profile.warnings.map((w) => `${w.severity}: ${w.message}`).join('\n')}`,
        }
      }),
    )

  datasets
    .command('export <dataset>')
    .option('--format <format>', 'csv or parquet; archive: a .tar of the table and all its images or recordings', 'csv')
    .option('--out <file>', 'where to (the name and format when absent)')
    .action((ref: string, options) =>
      answer(async () => {
        const response = await connect().datasets.export(ref, { format: options.format })
        const file = options.out ?? `${ref}.${options.format === 'archive' ? 'tar' : options.format}`
        await pipeline(Readable.fromWeb(response.body as never), createWriteStream(file))
        return { json: { file }, text: `Written to ${file}` }
      }),
    )

  datasets
    .command('split <dataset>')
    .description(
      'divide the rows by time, by group or as the data says, and seal the test part; goals make the usual split by themselves',
    )
    .option('--kind <kind>', 'auto, random, stratified, grouped, time, given', 'auto')
    .option('--target <column>')
    .option('--task <task>', 'what the target is for, where it is text: transcription, seq2seq, …')
    .option('--time-column <column>', 'later rows are the test')
    .option('--group-column <column>', 'no group is on both sides')
    .option('--by-column <column>', 'the split came with the data: this column says train, validation or test')
    .option('--test <share>', 'share of the rows that is sealed', parseNumber)
    .option('--validation <share>', 'share of the rows for validation (0: folds on the training part)', parseNumber)
    .option('--seed <n>', 'same seed, same rows', parseNumber)
    .action((ref: string, o) =>
      answer(async () => {
        const atoll = connect()
        const made = await atoll.splits.create({
          dataset: ref,
          task: o.task,
          kind: o.kind,
          target: o.target,
          timeColumn: o.timeColumn,
          groupColumn: o.groupColumn,
          partColumn: o.byColumn,
          test: o.test,
          validation: o.validation,
          seed: o.seed,
        })
        if (made.job && made.state === 'making') await atoll.jobs.wait(made.job)
        const split = await atoll.splits.get(made.id)
        const parts = table(
          ['part', 'rows', ''],
          split.parts.map((part) => [part.part, part.rows, part.sealed ? 'sealed' : '']),
        )
        return {
          json: split,
          text: [
            `${split.kind} split ${split.id}`,
            parts,
            ...split.leaks.map((leak) => `${leak.severity}: ${leak.message}`),
          ].join('\n\n'),
        }
      }),
    )

  const goals = program.command('goals').description('what the project wants of a model')
  goals
    .command('create')
    .requiredOption('--dataset <dataset>')
    .option('--target <column>', 'the column to predict; a --task such as clustering needs none')
    .requiredOption('--metric <metric>', 'f1, roc_auc, accuracy, rmse, word_error_rate, …')
    .option('--task <task>', 'where a target does not say it: clustering, topics, transcription, forecast, multilabel, …')
    .option('--at-least <value>', 'the metric must reach this', parseNumber)
    .option('--at-most <value>', 'the metric must stay below this', parseNumber)
    .option('--positive <value>', 'the class to find')
    .option('--cost-fp <cost>', 'cost of a false alarm', parseNumber)
    .option('--cost-fn <cost>', 'cost of a miss', parseNumber)
    .option('--split <split>', 'judge on this split (from `datasets split`)')
    .option('--name <name>')
    .option('--project <project>')
    .action((o) =>
      answer(async () => {
        const goal = await connect().goals.create({
          dataset: o.dataset,
          target: o.target ?? null,
          task: o.task,
          metric: o.metric,
          atLeast: o.atLeast,
          atMost: o.atMost,
          positive: o.positive,
          costFalsePositive: o.costFp,
          costFalseNegative: o.costFn,
          split: o.split,
          name: o.name,
          project: o.project,
        })
        return { json: goal, text: `${goal.name} (${goal.id}): ${goal.sentence}` }
      }),
    )
  goals
    .command('list')
    .option('--project <project>')
    .action((options) =>
      answer(async () => {
        const page = await connect().goals.list({ project: options.project })
        return {
          json: page,
          text: table(
            ['name', 'goal', 'id'],
            page.items.map((g) => [g.name, g.sentence, g.id]),
          ),
        }
      }),
    )
  goals.command('show <goal>').action((ref: string) =>
    answer(async () => {
      const progress = await connect().goals.progress(ref)
      const rows = progress.versions.map((version) => [
        `${version.modelName}:${version.number}`,
        version.algorithm,
        version.goalOutcome?.met ? 'met' : 'not met',
        version.goalOutcome?.sentence ?? '',
      ])
      return { json: progress, text: `${progress.goal.sentence}\n\n${table(['model', 'algorithm', 'goal', ''], rows)}` }
    }),
  )
}

const archive = /\.(zip|tar|tar\.gz|tgz)$/i
const nameFrom = (path: string) =>
  basename(path)
    .replace(archive, '')
    .replace(/\.[^.]+$/, '')

const split = (text: string | undefined): string[] =>
  (text ?? '')
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean)

/** What looks personal, and how to keep it out. */
function personalNote(columns: readonly Column[]): string[] {
  const personal = columns.flatMap(({ name, personalData }) => (personalData ? [{ name, ...personalData }] : []))
  if (personal.length === 0) return []
  return [
    `Personal data? ${personal.map(({ name, kind, why }) => `"${name}" (${kind}: ${why})`).join(', ')}.`,
    'To leave a column out add --drop, to replace it by keyed hashes --pseudonymise, and add the file again.',
  ]
}
