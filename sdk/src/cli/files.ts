import { readFile } from 'node:fs/promises'
import { UsageError } from './context.ts'

export interface RowsFile {
  rows: Record<string, unknown>[]
  /** Whether 1,5 may stand for one and a half: the file's cells are parted by something else. */
  decimalComma: boolean
}

/** Rows to predict: a JSON array of objects, JSON lines, or a table as text with a header (comma, semicolon, tab or bar between cells). */
export async function readRows(path: string): Promise<RowsFile> {
  const text = decoded(
    await readFile(path).catch(() => {
      throw new UsageError(`There is no file "${path}".`)
    }),
  )
  if (/\.jsonl$|\.ndjson$/i.test(path))
    return {
      rows: text.split('\n').flatMap((line, i) => (line.trim() ? [parsed(line, `Line ${i + 1} of "${path}"`)] : [])),
      decimalComma: false,
    }
  if (/\.json$/i.test(path)) {
    const value = parsed(text, `"${path}"`)
    const rows = Array.isArray(value) ? value : ((value as { rows?: unknown }).rows ?? [value])
    return { rows: rows as Record<string, unknown>[], decimalComma: false }
  }
  const delimiter = delimiterOf(text)
  const [header, ...lines] = parseCsv(text, delimiter)
  if (!header) throw new UsageError(`"${path}" is empty.`)
  const rows = lines.map((cells, i) => {
    if (cells.length !== header.length)
      throw new UsageError(`Row ${i + 1} of "${path}" has ${cells.length} cells, the header has ${header.length}.`)
    return Object.fromEntries(header.map((name, j) => [name, cells[j] === '' ? null : cells[j]]))
  })
  return { rows, decimalComma: delimiter !== ',' }
}

/** UTF-8, or what Windows wrote where it is not. */
function decoded(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return new TextDecoder('windows-1252').decode(bytes)
  }
}

function parsed(text: string, what: string): Record<string, unknown> {
  try {
    return JSON.parse(text)
  } catch {
    throw new UsageError(`${what} is not valid JSON.`)
  }
}

/** Whatever parts the cells of the header most often. */
function delimiterOf(text: string): string {
  const header = text.slice(0, text.search(/\r|\n|$/)).replace(/"[^"]*"/g, '')
  const count = (sign: string) => header.split(sign).length
  return [',', ';', '\t', '|'].reduce((best, sign) => (count(sign) > count(best) ? sign : best))
}

/** RFC 4180: quotes double, line breaks live inside quotes. */
export function parseCsv(text: string, delimiter = ','): string[][] {
  const rows: string[][] = []
  let row: string[] = []
  let cell = ''
  let quoted = false
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!
    if (quoted) {
      if (c !== '"') cell += c
      else if (text[i + 1] === '"') {
        cell += '"'
        i++
      } else quoted = false
    } else if (c === '"' && cell === '') quoted = true
    else if (c === delimiter) {
      row.push(cell)
      cell = ''
    } else if (c === '\n' || c === '\r') {
      if (c === '\r' && text[i + 1] === '\n') i++
      row.push(cell)
      if (row.length > 1 || row[0] !== '') rows.push(row)
      row = []
      cell = ''
    } else cell += c
  }
  row.push(cell)
  if (row.length > 1 || row[0] !== '') rows.push(row)
  return rows
}

/** Text of a CSV cell: quoted where needed; a leading formula sign is made harmless. */
export function csvCell(value: unknown): string {
  let text = value === null || value === undefined ? '' : String(value)
  if (typeof value === 'string' && /^[=+\-@\t\r]/.test(text)) text = `'${text}`
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/** CSV gives text: numbers, booleans and dates become what the endpoint's signature asks for. */
export function typedRow(
  row: Record<string, unknown>,
  inputs: { name: string; type: string }[],
  { decimalComma = false }: { decimalComma?: boolean } = {},
): Record<string, unknown> {
  const types = new Map(inputs.map((input) => [input.name, input.type]))
  const typed: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(row)) {
    const type = types.get(name)
    if (type === undefined) continue
    typed[name] = typeof value === 'string' ? typedCell(value, type, decimalComma) : value
  }
  return typed
}

/** What cannot be read goes as it is: the server refuses it by row and column. */
function typedCell(value: string, type: string, decimalComma: boolean): unknown {
  if (type === 'number' || type === 'integer') {
    const text = decimalComma && /^\s*[-+]?[\d. ]*,\d+\s*$/.test(value) ? value.replace(/[. ]/g, '').replace(',', '.') : value
    return text.trim() === '' || Number.isNaN(Number(text)) ? value : Number(text)
  }
  if (type === 'boolean') return /^(true|1|yes)$/i.test(value) ? true : /^(false|0|no)$/i.test(value) ? false : value
  // Points between the parts of a date mean that the day comes first.
  if (type === 'datetime')
    return value.replace(/^(\d{1,2})\.(\d{1,2})\.(\d{4})/, (_, d, m, y) => `${y}-${m.padStart(2, '0')}-${d.padStart(2, '0')}`)
  return value
}
