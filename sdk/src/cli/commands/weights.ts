import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import type { Command } from 'commander'
import { connect, parseNumber, UsageError } from '../context.ts'
import { bytes, progressPrinter, table } from '../print.ts'
import { answer } from '../run.ts'
import { sendPath } from '../send-path.ts'

export function weightsCommands(program: Command): void {
  const weights = program.command('weights').description('weights that trainings can begin with (--option weights=NAME)')

  weights
    .command('add <path>')
    .description('a folder, or an archive of one: *.safetensors, config.json, tokenizer.json; or a single .gguf')
    .option('--name <name>', 'what they are called (the name of the folder when absent)')
    .option('--licence <licence>', 'as their makers state it; read from the model card when absent')
    .option('--source <where>', 'where they are from: an address, a paper, a person')
    .option('--project <project>')
    .option('--description <text>')
    .option('--on-server', 'the path is one on the server, in a folder that an administrator allowed')
    .action((path: string, o) =>
      answer(async (say) => {
        const atoll = connect()
        const info = o.onServer ? null : await stat(path).catch(() => null)
        if (!o.onServer && !info) throw new UsageError(`There is no folder or archive "${path}".`)
        const source = o.onServer ? { serverPath: path } : { upload: (await sendPath(atoll, path, info!.isDirectory(), say)).id }
        const created = await atoll.weights.create({
          name: o.name ?? basename(path).replace(/\.(zip|tar|tar\.gz|tgz|gguf)$/i, ''),
          source,
          licence: o.licence,
          origin: o.source,
          project: o.project,
          description: o.description,
        })
        const printer = progressPrinter()
        await atoll.jobs.wait(created.job, printer).finally(printer.done)
        const made = await atoll.weights.get(created.weights.id)
        return { json: made, text: described(made) }
      }),
    )

  weights
    .command('fetch <repository>')
    .description('from a model hub, where an administrator has allowed its host: distilbert/distilbert-base-uncased')
    .option('--revision <revision>', 'a branch, a tag or a commit; its commit is recorded', 'main')
    .option('--hub <address>', 'where the hub is')
    .option('--name <name>', 'what they are called (the name of the repository when absent)')
    .option('--licence <licence>', 'as their makers state it; asked of the hub when absent')
    .option('--project <project>')
    .action((repository: string, o) =>
      answer(async () => {
        const atoll = connect()
        const created = await atoll.weights.create({
          name: o.name ?? repository.split('/').at(-1)!,
          source: { hub: { repository, revision: o.revision, ...(o.hub && { address: o.hub }) } },
          licence: o.licence,
          project: o.project,
        })
        const printer = progressPrinter()
        await atoll.jobs.wait(created.job, printer).finally(printer.done)
        const made = await atoll.weights.get(created.weights.id)
        return { json: made, text: described(made) }
      }),
    )

  weights
    .command('list')
    .option('--project <project>')
    .option('--limit <n>', 'at most', parseNumber, 50)
    .action((o) =>
      answer(async () => {
        const page = await connect().weights.list({ project: o.project, limit: o.limit })
        return {
          json: page,
          text: table(
            ['name', 'kind', 'numbers', 'size', 'licence', 'state', 'id'],
            page.items.map((one) => [
              one.name,
              one.architecture,
              one.parameters?.toLocaleString('en'),
              bytes(one.sizeBytes),
              one.licence || 'not stated',
              one.state,
              one.id,
            ]),
          ),
        }
      }),
    )

  weights
    .command('show <weights>')
    .option('--project <project>')
    .action((ref: string, o) =>
      answer(async () => {
        const one = await connect().weights.get(ref, { project: o.project })
        const files = table(
          ['file', 'size', ''],
          one.files.map((file) => [file.path, bytes(file.sizeBytes), file.sandboxOnly ? 'opened in a sandbox only' : '']),
        )
        return { json: one, text: `${described(one)}\n\n${files}` }
      }),
    )

  weights
    .command('register <weights>')
    .description('make a version of a model of a GGUF file, so that it can be deployed as it is')
    .option('--model <name>', 'the model (the name of the weights when absent)')
    .option('--project <project>')
    .action((ref: string, o) =>
      answer(async () => {
        const version = await connect().weights.register(ref, { model: o.model }, { project: o.project })
        const name = `${version.modelName}:${version.number}`
        return { json: version, text: `${name} is registered. Next: atoll deploy ${name} --name ${version.modelName}` }
      }),
    )

  weights
    .command('delete <weights>')
    .option('--project <project>')
    .action((ref: string, o) =>
      answer(async () => {
        await connect().weights.delete(ref, { project: o.project })
        return { json: { deleted: ref }, text: `${ref} is in the bin.` }
      }),
    )
}

const described = (one: {
  name: string
  id: string
  architecture: string | null
  parameters: number | null
  sizeBytes: number
  licence: string
  origin: string
  provenance: { repository: string; revision: string; commit: string; fetchedAt: string } | null
  notes: string[]
}): string =>
  [
    `${one.name} (${one.id}): ${one.architecture ?? 'unknown kind'}, ${one.parameters?.toLocaleString('en') ?? 'unknown'} numbers, ${bytes(one.sizeBytes)}`,
    `licence: ${one.licence || 'not stated'}; from: ${one.origin || 'not stated'}`,
    ...(one.provenance
      ? [
          `fetched ${one.provenance.fetchedAt.slice(0, 10)}: ${one.provenance.repository}, ${one.provenance.revision} = ${one.provenance.commit}`,
        ]
      : []),
    ...one.notes,
  ].join('\n')
