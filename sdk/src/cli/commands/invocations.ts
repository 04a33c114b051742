import { writeFile } from 'node:fs/promises'
import type { Command } from 'commander'
import type { Invocation } from '../../index.ts'
import { connect, parseDuration, parseNumber, UsageError } from '../context.ts'
import { bytes, table } from '../print.ts'
import { answer } from '../run.ts'

export function invocationCommands(program: Command): void {
  const invocations = program
    .command('invocations')
    .description('what was asked of endpoints to be answered later (predict --async)')

  invocations
    .command('list <endpoint>')
    .option('--state <state>', 'queued, running, succeeded, failed, cancelled or expired')
    .option('--project <project>')
    .option('--limit <n>', 'at most', parseNumber, 50)
    .action((endpoint: string, o) =>
      answer(async () => {
        const page = await connect().invocations.list(endpoint, { project: o.project, state: o.state, limit: o.limit })
        return {
          json: page,
          text: table(
            ['id', 'state', 'asked', 'size', 'result', 'why'],
            page.items.map((one) => [
              one.id,
              one.state,
              one.createdAt,
              bytes(one.bodyBytes),
              bytes(one.resultBytes),
              one.failure?.message ?? one.waiting,
            ]),
          ),
        }
      }),
    )

  invocations
    .command('show <invocation>')
    .option('--out <file>', 'write the result, as JSON')
    .action((id: string, o) =>
      answer(async () => {
        const atoll = connect()
        const one = await atoll.invocations.get(id)
        if (o.out) {
          if (one.state !== 'succeeded') throw new UsageError(`There is no result: ${id} is ${one.state}.`)
          await writeFile(o.out, JSON.stringify(await atoll.invocations.result(id), null, 2))
        }
        return { json: one, text: described(one, o.out) }
      }),
    )

  invocations.command('cancel <invocation>').action((id: string) =>
    answer(async () => {
      const one = await connect().invocations.cancel(id)
      return { json: one, text: described(one) }
    }),
  )

  invocations
    .command('queue <endpoint>')
    .description('how they are worked off; with options, changes that')
    .option('--concurrency <n>', 'at once', parseNumber)
    .option('--max-attempts <n>', 'of one that fails for no fault of its own', parseNumber)
    .option('--expires <duration>', 'how long one may wait', parseDuration)
    .option('--keep-days <n>', 'bodies and results of what is over', parseNumber)
    .option('--new-secret', 'a new secret that webhooks are signed with')
    .option('--project <project>')
    .action((endpoint: string, o) =>
      answer(async () => {
        const atoll = connect()
        const where = { project: o.project }
        const changes = {
          concurrency: o.concurrency,
          maxAttempts: o.maxAttempts,
          expiresInSeconds: o.expires,
          keepDays: o.keepDays,
        }
        const isChange = Object.values(changes).some((value) => value !== undefined)
        if (isChange) await atoll.invocations.setQueue(endpoint, changes, where)
        const secret = o.newSecret ? (await atoll.invocations.newSecret(endpoint, where)).secret : null
        const queue = await atoll.invocations.queue(endpoint, where)
        const lines = [
          `${queue.waiting} wait, ${queue.running} run; ${queue.concurrency} at once, ${queue.maxAttempts} attempts, wait ${queue.expiresInSeconds} s at most, kept ${queue.keepDays} days`,
          ...(secret ? [`secret for webhooks, told this once: ${secret}`] : []),
        ]
        return { json: { ...queue, ...(secret && { secret }) }, text: lines.join('\n') }
      }),
    )
}

const described = (one: Invocation, out?: string): string =>
  [
    `${one.id}: ${one.state} (${one.endpointName}, attempt ${one.attempt})`,
    ...(one.failure ? [`  ${one.failure.message}`] : []),
    ...(one.waiting ? [`  ${one.waiting}`] : []),
    ...(one.webhook ? [`  webhook ${one.webhook.url}: ${one.webhook.said ?? one.webhook.state}`] : []),
    ...(out ? [`  written to ${out}`] : one.result ? [JSON.stringify(one.result, null, 2)] : []),
  ].join('\n')
