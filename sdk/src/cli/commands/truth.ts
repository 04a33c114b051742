import type { Command } from 'commander'
import type { TruthItem, TruthStored, TruthSummary } from '../../index.ts'
import { connect, parseNumber, UsageError } from '../context.ts'
import { round, table } from '../print.ts'
import { answer } from '../run.ts'
import { uploadFile } from '../upload-file.ts'

interface TruthOptions {
  id?: string
  key?: string
  value?: string
  days: number
  project?: string
}

/** `truth`: what turned out to be true of an endpoint's predictions, and how right they were. */
export function truthCommand(program: Command): void {
  program
    .command('truth <endpoint> [file]')
    .description('tell what turned out to be true: a CSV or Parquet file with id or key, value (and at), or one by --id or --key')
    .option('--id <id>', 'of one prediction')
    .option('--key <key>', 'the value of the field that the capture policy names as key')
    .option('--value <value>', 'what turned out')
    .option('--days <n>', 'without a file and a value: how right the predictions of so many days were', parseNumber, 30)
    .option('--project <project>')
    .action((endpoint: string, file: string | undefined, options: TruthOptions) =>
      answer(async () => {
        const atoll = connect()
        const { project } = options
        if (file !== undefined) {
          const upload = await uploadFile(atoll, file)
          const told = await atoll.truth.fromUpload(endpoint, upload.id, { project })
          return { json: told, text: said(told) }
        }
        if (options.value !== undefined) {
          const { signature } = await atoll.endpoints.get(endpoint, { project })
          const told = await atoll.truth.give(endpoint, [itemOf(options, signature.task)], { project })
          return { json: told, text: said(told) }
        }
        const summary = await atoll.truth.summary(endpoint, { days: options.days, project })
        return { json: summary, text: described(summary) }
      }),
    )
}

function itemOf({ id, key, value }: TruthOptions, task: string): TruthItem {
  if ((id === undefined) === (key === undefined)) throw new UsageError('Give either --id or --key with --value.')
  const typed =
    task === 'regression' || task === 'clustering' ? parseNumber(value!) : task === 'anomaly' ? value === 'true' : value!
  return id !== undefined ? { id, value: typed } : { key, value: typed }
}

function said({ stored, unchanged, empty, unmatched, unmatchedExamples }: TruthStored): string {
  const parts = [
    `${stored} stored`,
    unchanged > 0 && `${unchanged} known already`,
    empty > 0 && `${empty} rows without a value left out`,
    unmatched > 0 &&
      `${unmatched} of no captured prediction yet (${unmatchedExamples.join(', ')}${unmatched > unmatchedExamples.length ? ', …' : ''})`,
  ]
  return parts.filter(Boolean).join(', ')
}

function described({ captured, labelled, score, days }: TruthSummary): string {
  const figures = Object.entries(score ?? {}).flatMap(([name, figure]) =>
    typeof figure === 'object' ? [[name, round(figure.value, 4), `${round(figure.low, 4)} to ${round(figure.high, 4)}`]] : [],
  )
  const head = `${labelled} of ${captured} captured predictions have their truth.`
  const scores = figures.length > 0 ? `\n\n${table(['score', 'value', '95 % interval'], figures)}` : ''
  const byDay =
    days.length > 0
      ? `\n\n${table(
          ['day', 'captured', 'labelled'],
          days.map((day) => [day.day, day.captured, day.labelled]),
        )}`
      : ''
  return `${head}${scores}${byDay}`
}
