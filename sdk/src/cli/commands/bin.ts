import type { Command } from 'commander'
import { connect, parseNumber } from '../context.ts'
import { table } from '../print.ts'
import { answer } from '../run.ts'

export function binCommands(program: Command): void {
  const bin = program.command('bin').description('what was deleted and can be had back')
  bin
    .command('list')
    .option('--project <project>')
    .option('--limit <n>', 'at most', parseNumber, 50)
    .action((options) =>
      answer(async () => {
        const page = await connect().bin.list({ project: options.project, limit: options.limit })
        const rows = page.items.map((item) => [item.name, item.noun, item.deletedAt.slice(0, 16).replace('T', ' '), item.id])
        return { json: page, text: table(['name', 'noun', 'deleted (UTC)', 'id'], rows) }
      }),
    )
  bin
    .command('restore <id>')
    .description('by its id, as the list shows it')
    .action((id: string) =>
      answer(async () => {
        const item = await connect().bin.restore(id)
        return { json: item, text: `The ${item.noun} "${item.name}" is back.` }
      }),
    )
}
