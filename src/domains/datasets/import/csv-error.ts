import { invalidInput, isPlatformError } from '../../../kernel/errors.ts'
import { limits } from '../detect/limits.ts'

/** The table engine's complaint about a delimited or JSON file as one sentence that names the line. */
export function readError(
  error: unknown,
  options: { delimiter?: string; encoding?: string; format: string; filename?: string },
): unknown {
  if (!isPlatformError(error) || error.code !== 'invalid_input') return error
  const engine = String(error.facts.engine ?? error.message)
  const line = Number(/CSV Error on Line: (\d+)/.exec(engine)?.[1]) || Number(/in line (\d+)/i.exec(engine)?.[1]) || null
  const where = line === null ? 'One line' : `Line ${line}`
  const fields = /Expected Number of Columns: (\d+) Found: (\d+)/.exec(engine)
  const delimiter = options.delimiter === '\t' ? 'tab' : `"${options.delimiter}"`
  if (fields)
    return invalidInput(
      `${where} has ${count(Number(fields[2]), 'field')} where ${fields[1]} are expected (delimiter ${delimiter}). Mend that line, or name another delimiter or quote.`,
      { line, expected: Number(fields[1]), found: Number(fields[2]) },
    )
  if (/unterminated quote/i.test(engine))
    return invalidInput(
      `${where} opens a quote that is never closed. Double the quotes inside a quoted field, or name another quote character.`,
      { line },
    )
  if (/unicode|not utf-8/i.test(engine))
    return invalidInput(
      `${where} holds bytes that are not ${options.encoding ?? 'utf-8'} text. Name the encoding of the file (for example windows-1252).`,
      { line, encoding: options.encoding ?? 'utf-8' },
    )
  if (/maximum line size|maximum_object_size|buffer size|line too long/i.test(engine))
    return invalidInput(
      `${where} is longer than ${limits.rowBytes / 1024 ** 2} MB, the most that one row (and one cell) may hold.`,
      {
        line,
        maxBytes: limits.rowBytes,
      },
    )
  if (/state machine|not RFC 4180/i.test(engine))
    return invalidInput(
      'The file mixes line ends (\\r\\n and \\n), or has text after a closing quote, so its rows cannot be told apart. Save it with one kind of line end.',
      { line },
    )
  if (options.format === 'jsonl') return brokenJson(engine, options.filename)
  if (options.format === 'parquet')
    return invalidInput('This Parquet file is damaged or cut off: it cannot be read.', { engine: firstLine(engine) })
  return invalidInput(`The file cannot be read: ${firstLine(engine)}`, { line })
}

/** The table engine counts the line that it begins with as the second. */
function brokenJson(engine: string, filename = 'The file') {
  const said = /at byte (\d+) in (?:line|record\/value) (\d+): ([^\n.]*)/.exec(engine)
  if (!said) return invalidInput(`${filename} is not valid JSON: ${firstLine(engine)}`, { filename })
  const line = Math.max(1, Number(said[2]) - 1)
  return invalidInput(
    `${filename}, line ${line}: this is not valid JSON (${said[3]!.trim()}, at byte ${said[1]}). Mend that line, or leave it out.`,
    { line, filename },
  )
}

const count = (n: number, noun: string) => `${n} ${noun}${n === 1 ? '' : 's'}`

const firstLine = (engine: string) =>
  (engine.split('\n')[0] ?? '').replace(/^(Invalid Input|Conversion|IO|Invalid) Error: /, '').slice(0, 300)
