import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline/promises'
import type { Command } from 'commander'
import type { GenerateInput, GenerateSettings, Written } from '../../index.ts'
import { connect, parseNumber, UsageError } from '../context.ts'
import { answer } from '../run.ts'

const collect = (one: string, before: string[] = []) => [...before, one]

interface GenerateOptions extends GenerateSettings {
  prompt?: string
  message?: string
  system?: string
  schema?: string
  json?: boolean
}

/** `generate`: a language model writes to the terminal, from a prompt, to a message, or line by line in a conversation. */
export function generateCommand(program: Command): void {
  program
    .command('generate <endpoint>')
    .description('let a language model write: it goes on from --prompt, answers --message, or without either talks with you')
    .option('--prompt <text>', 'text to go on from')
    .option('--message <text>', 'a message to answer, put into the chat template of the model')
    .option('--system <text>', 'what it shall keep to in a conversation')
    .option('--max-tokens <n>', 'at most so many tokens', whole)
    .option('--temperature <t>', '0: always the likeliest token', parseNumber)
    .option('--top-p <share>', 'only the likeliest tokens that make up this share', parseNumber)
    .option('--top-k <n>', 'only so many of the likeliest tokens', whole)
    .option('--seed <n>', 'the same seed gives the same text', whole)
    .option('--schema <file>', 'hold the answer to a JSON Schema')
    .option('--stop <text>', 'end there; may be given several times', collect)
    .action((name: string, { prompt, message, system, schema, json: _, ...given }: GenerateOptions) =>
      answer(async () => {
        const settings =
          schema === undefined ? given : { ...given, format: { type: 'schema' as const, schema: await readSchema(schema) } }
        if (prompt !== undefined && (message !== undefined || system !== undefined))
          throw new UsageError('Give --prompt alone, or --message (with --system).')
        if (prompt !== undefined) return once(name, { prompt, ...settings })
        const before = system === undefined ? [] : [{ role: 'system' as const, content: system }]
        if (message !== undefined) return once(name, { messages: [...before, { role: 'user', content: message }], ...settings })
        if (!process.stdin.isTTY) throw new UsageError('Give --prompt or --message; a conversation needs a terminal.')
        return converse(name, before, settings)
      }),
    )
}

async function readSchema(file: string): Promise<Record<string, unknown>> {
  const text = await readFile(file, 'utf8').catch((error: Error) => {
    throw new UsageError(`The schema cannot be read: ${error.message}`)
  })
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new UsageError(`${file} is no JSON: ${(error as Error).message}`)
  }
}

async function once(name: string, input: GenerateInput) {
  const written = await writeOut(name, input)
  return { json: written, text: '' }
}

/** Writes the answer to the terminal as it comes; with --json nothing, as the whole is said at the end. Ctrl-C ends the answer. */
async function writeOut(name: string, input: GenerateInput): Promise<Written | null> {
  const isJson = process.argv.includes('--json')
  const leaving = new AbortController()
  const leave = () => leaving.abort()
  process.once('SIGINT', leave)
  try {
    const pieces = await connect().endpoints.generate(name, input, { signal: leaving.signal })
    for (;;) {
      const { done, value } = await pieces.next()
      if (!done) {
        if (!isJson) process.stdout.write(value)
        continue
      }
      if (!isJson) process.stdout.write('\n')
      if (!isJson && value) process.stderr.write(`${summary(value)}\n`)
      return value
    }
  } catch (error) {
    if (!leaving.signal.aborted) throw error
    process.stdout.write('\n')
    return null
  } finally {
    process.removeListener('SIGINT', leave)
  }
}

async function converse(
  name: string,
  messages: { role: 'system' | 'user' | 'assistant'; content: string }[],
  settings: GenerateSettings,
) {
  const terminal = createInterface({ input: process.stdin, output: process.stdout })
  try {
    for (;;) {
      const content = (await terminal.question('> ').catch(() => '')).trim()
      if (content === '') break
      messages.push({ role: 'user', content })
      const written = await writeOut(name, { messages, ...settings })
      messages.push({ role: 'assistant', content: written?.text ?? '' })
    }
  } finally {
    terminal.close()
  }
  return { json: { messages }, text: '' }
}

const summary = ({ tokens, seconds, finishReason, seed }: Written): string =>
  [
    `${tokens.prompt} + ${tokens.generated} tokens`,
    `${seconds.total.toFixed(1)} s`,
    ...(finishReason === 'stop' ? [] : [`ended by ${finishReason}`]),
    ...(seed === null ? [] : [`seed ${seed}`]),
  ].join(', ')

function whole(text: string): number {
  const value = parseNumber(text)
  if (!Number.isInteger(value)) throw new UsageError(`"${text}" is no whole number.`)
  return value
}
