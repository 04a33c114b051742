import { readdir } from 'node:fs/promises'
import type { Command } from 'commander'
import { connect, UsageError } from '../context.ts'
import { table } from '../print.ts'
import { answer } from '../run.ts'
import { unpackTar } from '../unpack-tar.ts'

/** The group that commands about endpoints are in, whoever adds the first. */
export const endpointsGroup = (program: Command): Command =>
  program.commands.find((command) => command.name() === 'endpoints') ??
  program.command('endpoints').description('what answers over HTTP')

export function endpointCommands(program: Command): void {
  const endpoints = endpointsGroup(program)
  endpoints
    .command('list')
    .option('--project <project>')
    .action((options) =>
      answer(async () => {
        const page = await connect().endpoints.list(options)
        return {
          json: page,
          text: table(
            ['endpoint', 'state', 'model', 'version', 'task'],
            page.items.map((one) => [one.name, one.state, one.modelName, one.versionNumber, one.signature.task]),
          ),
        }
      }),
    )
  endpoints
    .command('show <endpoint>')
    .description('what it serves, takes and answers')
    .option('--project <project>')
    .action((ref: string, options) =>
      answer(async () => {
        const found = await connect().endpoints.metadata(ref, options)
        const columns = found.inputs.map(({ name, type, nullable }) => [name, type, nullable ? 'may be missing' : ''])
        const answers = found.outputs.map(({ name, kind, width }) => [name, kind, width ?? ''])
        return {
          json: found,
          text: `${found.name} is ${found.state}: ${found.model}:${found.version}, ${found.task}\n\n${table(['takes', 'type', ''], columns)}\n\n${table(['answers', 'as', 'values'], answers)}`,
        }
      }),
    )
  endpoints
    .command('health <endpoint>')
    .description('whether it answers (exit code 1 where not)')
    .option('--project <project>')
    .action((ref: string, options) =>
      answer(async () => {
        const found = await connect().endpoints.health(ref, options)
        return { json: found, text: `${found.endpoint} answers with ${found.model}:${found.version}.` }
      }),
    )
  endpoints
    .command('openapi <endpoint>')
    .description('the OpenAPI description of this endpoint, for generating a client')
    .option('--project <project>')
    .action((ref: string, options) =>
      answer(async () => {
        const found = await connect().endpoints.openapi(ref, options)
        return { json: found, text: JSON.stringify(found, null, 2) }
      }),
    )
  endpoints
    .command('export <endpoint>')
    .description('a folder that answers without Atoll: server, Dockerfile, Kubernetes manifests, the rows that prove it')
    .requiredOption('--out <folder>', 'where to; it must be empty or not there yet')
    .option('--project <project>')
    .action((ref: string, { out, project }) =>
      answer(async () => {
        if ((await readdir(out).catch(() => [])).length > 0)
          throw new UsageError(`${out} holds files. Name a folder that does not.`)
        const reply = await connect().endpoints.export(ref, { project })
        const files = await unpackTar(new Uint8Array(await reply.arrayBuffer()), out)
        return {
          json: { folder: out, files: files.length },
          text: `${files.length} files in ${out}. Its README.md says how to run it: npm ci --ignore-scripts, npm start, npm run prove.`,
        }
      }),
    )
}
