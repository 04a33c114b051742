import { AtollError } from '../http.ts'
import { UsageError } from './context.ts'

export interface Answer {
  json: unknown
  text: string
}

const wantsJson = () => process.argv.includes('--json')

/**
 * Runs a command: one JSON value on standard output with --json, text otherwise.
 * Errors go to standard error: exit code 1, or 2 for wrong usage.
 */
export async function answer(work: (say: (line: string, rewrite?: boolean) => void) => Promise<Answer>): Promise<void> {
  let rewriting = false
  const say = (line: string, rewrite = false) => {
    if (wantsJson()) return
    if (rewrite) {
      if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${line}`)
      rewriting = true
    } else process.stdout.write(`${line}\n`)
  }
  try {
    const result = await work(say)
    if (rewriting && process.stderr.isTTY) process.stderr.write('\r\x1b[K')
    if (wantsJson()) process.stdout.write(`${JSON.stringify(result.json)}\n`)
    else if (result.text) process.stdout.write(`${result.text}\n`)
  } catch (error) {
    report(error)
  }
}

function report(error: unknown): void {
  const usage = error instanceof UsageError
  const unreachable = error instanceof TypeError && error.message === 'fetch failed'
  const message = unreachable
    ? 'The server cannot be reached. Is `atoll up` running?'
    : error instanceof Error
      ? error.message
      : String(error)
  if (wantsJson())
    process.stderr.write(
      `${JSON.stringify({ error: { code: error instanceof AtollError ? error.code : usage ? 'usage' : 'failed', message, facts: error instanceof AtollError ? error.facts : {} } })}\n`,
    )
  else
    process.stderr.write(
      `${message}\n${error instanceof AtollError && Object.keys(error.facts).length ? `${JSON.stringify(error.facts)}\n` : ''}`,
    )
  process.exitCode = usage ? 2 : 1
}
