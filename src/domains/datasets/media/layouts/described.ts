import { findDialect, parseRecords } from '../../detect/dialect.ts'
import { columnNames, findHeader } from '../../detect/header.ts'
import type { FindItem } from './find-item.ts'
import type { MediaWarning } from './layout.ts'

/** A text beside the items, read as a table: cells as text, missing ones null. */
export interface Described {
  file: string
  names: string[]
  rows: { line: number; cells: (string | null)[] }[]
  warnings: MediaWarning[]
}

const mostBroken = 50

/** CSV, TSV and their kin; JSON lines; a JSON list of objects. Null when it is none of them. */
export function readDescribed(file: string, text: string, isItem: FindItem): Described | null {
  const plain = text.replace(/^\ufeff/, '')
  if (/^\s*[[{]/.test(plain)) return readJson(file, plain)
  const { delimiter, quote, records: first } = findDialect(plain)
  const records = parseRecords(plain, { delimiter, quote, most: Number.POSITIVE_INFINITY })
  if (records.length === 0) return null
  // A first line that names an item is a row, whatever it looks like.
  const header = findHeader(first).header && !records[0]!.some((cell) => isItem(cell) !== null)
  const width = records[0]!.length
  const { names } = columnNames(header ? records[0]! : records[0]!.map((_, at) => `column_${at + 1}`))
  const warnings: MediaWarning[] = []
  const rows: Described['rows'] = []
  for (const [at, record] of records.entries()) {
    if (header && at === 0) continue
    if (record.length === width) rows.push({ line: at + 1, cells: record.map((cell) => (cell === '' ? null : cell)) })
    else note(warnings, file, at + 1, `has ${record.length} fields where ${width} are expected`)
  }
  return { file, names, rows, warnings }
}

function readJson(file: string, text: string): Described | null {
  const warnings: MediaWarning[] = []
  const objects: { line: number; value: Record<string, unknown> }[] = []
  const whole = text.trimStart().startsWith('[') ? parsed(text) : undefined
  if (Array.isArray(whole)) {
    for (const [at, value] of whole.entries())
      if (isObject(value)) objects.push({ line: at + 1, value })
      else note(warnings, file, at + 1, 'is no object')
  } else
    for (const [at, line] of text.split('\n').entries()) {
      if (line.trim() === '') continue
      const value = parsed(line)
      if (isObject(value)) objects.push({ line: at + 1, value })
      else note(warnings, file, at + 1, 'is not valid JSON')
    }
  if (objects.length === 0) return null
  const names = [...new Set(objects.flatMap(({ value }) => Object.keys(value)))]
  const rows = objects.map(({ line, value }) => ({ line, cells: names.map((name) => cellOf(value[name])) }))
  return { file, names: columnNames(names).names, rows, warnings }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const cellOf = (value: unknown): string | null =>
  value === null || value === undefined || value === '' ? null : typeof value === 'object' ? JSON.stringify(value) : String(value)

function note(warnings: MediaWarning[], file: string, line: number, what: string): void {
  if (warnings.length < mostBroken)
    warnings.push({ code: 'broken_line', message: `"${file}", line ${line} ${what}: it is left out.`, facts: { file, line } })
  else warnings[mostBroken - 1]!.facts.more = Number(warnings[mostBroken - 1]!.facts.more ?? 0) + 1
}
