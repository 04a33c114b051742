import { createWriteStream } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Command } from 'commander'
import type { LogEntry, LogQuery } from '../../index.ts'
import { connect, parseNumber } from '../context.ts'
import { round, table } from '../print.ts'
import { answer } from '../run.ts'

interface LogOptions extends Omit<LogQuery, 'limit'> {
  limit: number
  out?: string
}

/** `log`: what an endpoint was asked and answered, searched and taken away. */
export function logCommand(program: Command): void {
  program
    .command('log <endpoint>')
    .description('captured predictions, newest first; what is asked must all hold')
    .option('--q <text>', 'in any column of the row, or in the answer')
    .option('--column <name>', 'look for --q in this column alone')
    .option('--id <id>', 'of a prediction, or of a request')
    .option('--key <key>', 'the value of the captured key')
    .option('--from <time>', 'such as 2026-01-31T12:00:00Z')
    .option('--to <time>')
    .option('--label <label>', 'what was answered')
    .option('--variant <name>')
    .option('--above <score>', 'score at least', parseNumber)
    .option('--below <score>', 'score less than', parseNumber)
    .option('--truth <state>', 'known, unknown, right or wrong')
    .option('--limit <n>', 'at most', parseNumber, 50)
    .option('--out <file>', 'write all that meets the filter into a .csv or .parquet file')
    .option('--project <project>')
    .action((endpoint: string, { out, limit, ...filter }: LogOptions & { json?: boolean }) =>
      answer(async () => {
        const atoll = connect()
        const { json: _, ...asked } = filter
        if (out) {
          const response = await atoll.log.export(endpoint, { ...asked, format: /\.parquet$/i.test(out) ? 'parquet' : 'csv' })
          await pipeline(Readable.fromWeb(response.body as never), createWriteStream(out))
          return { json: { file: out }, text: `written to ${out}` }
        }
        const page = await atoll.log.search(endpoint, { ...asked, limit })
        const rest = page.searchedTo
          ? `\n\nSearched back to ${page.searchedTo}; ask with --to ${page.searchedTo} for what is older.`
          : ''
        return {
          json: page,
          text: `${table(['when', 'id', 'answer', 'score', 'truth', 'variant'], page.items.map(cellsOf))}${rest}`,
        }
      }),
    )
}

const cellsOf = ({ at, id, prediction, score, truth, variant }: LogEntry): unknown[] => [
  at,
  id,
  prediction.label ?? prediction.value ?? JSON.stringify(prediction).slice(0, 60),
  score === null ? null : round(score, 4),
  truth ? String(truth.value) : null,
  variant,
]
