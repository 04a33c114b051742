import type { Command } from 'commander'
import { connect, parseNumber } from '../context.ts'
import { answer } from '../run.ts'

const list = (text: string): string[] =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean)

/** `capture`: what is kept of an endpoint's requests. */
export function captureCommand(program: Command): void {
  program
    .command('capture <endpoint>')
    .description('what is kept of requests; shows it, and changes what is said')
    .option('--share <share>', 'of the requests, 0 to 1', parseNumber)
    .option('--days <n>', 'for how long', parseNumber)
    .option('--hide <inputs>', 'inputs that are not kept, by commas ("" for none)', list)
    .option('--hash <inputs>', 'inputs, or the key, of which only a hash is kept ("" for none)', list)
    .option('--files <megabytes>', 'keep the bytes of images and sounds too, the newest of so much (0: none)', parseNumber)
    .option('--key <field>', 'an input, or a further field of each row, by which truth is told later ("" for none)')
    .option('--project <project>')
    .action((name: string, { share, days, hide, hash, files, key, project }) =>
      answer(async () => {
        const atoll = connect()
        const endpoint = await atoll.endpoints.get(name, { project })
        const asked = { share, keepDays: days, hide, hash, filesMegabytes: files, key: key === '' ? null : key }
        const changes = Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined))
        const { capture } =
          Object.keys(changes).length === 0
            ? endpoint
            : await atoll.endpoints.update(endpoint.id, { capture: { ...endpoint.capture, ...changes } })
        const parts = [
          `${(100 * capture.share).toFixed(0)} % of the requests are kept for ${capture.keepDays} days`,
          capture.hide.length > 0 && `not kept: ${capture.hide.join(', ')}`,
          capture.hash.length > 0 && `only hashes: ${capture.hash.join(', ')}`,
          capture.filesMegabytes > 0 && `files: the newest ${capture.filesMegabytes} MB`,
          capture.key !== null && `the key is ${capture.key}`,
        ]
        return { json: capture, text: parts.filter(Boolean).join('; ') }
      }),
    )
}
