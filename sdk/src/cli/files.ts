import { openAsBlob } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import type { Atoll, Upload } from '../index.ts'
import { UsageError } from './context.ts'

/** Uploads a local file in parts, without reading it into memory. */
export async function uploadFile(atoll: Atoll, path: string, onProgress?: (sent: number, of: number) => void): Promise<Upload> {
  const info = await stat(path).catch(() => null)
  if (!info?.isFile()) throw new UsageError(`There is no file "${path}".`)
  return atoll.uploads.send(await openAsBlob(path), { filename: basename(path), onProgress })
}

/** Rows to predict: a JSON array of objects, JSON lines, or CSV with a header. */
export async function readRows(path: string): Promise<Record<string, unknown>[]> {
  const text = (
    await readFile(path, 'utf8').catch(() => {
      throw new UsageError(`There is no file "${path}".`)
    })
  ).replace(/^\uFEFF/, '')
  if (/\.jsonl$|\.ndjson$/i.test(path))
    return text
      .split('\n')
      .filter((line) => line.trim())
      .map((line) => JSON.parse(line))
  if (/\.json$/i.test(path)) {
    const value: unknown = JSON.parse(text)
    const rows = Array.isArray(value) ? value : ((value as { rows?: unknown }).rows ?? [value])
    return rows as Record<string, unknown>[]
  }
  const [header, ...lines] = parseCsv(text)
  if (!header) throw new UsageError(`"${path}" is empty.`)
  return lines.map((cells, i) => {
    if (cells.length !== header.length)
      throw new UsageError(`Row ${i + 1} of "${path}" has ${cells.length} cells, the header has ${header.length}.`)
    return Object.fromEntries(header.map((name, j) => [name, cells[j] === '' ? null : cells[j]]))
  })
}

/** RFC 4180: quotes double, line breaks live inside quotes. */
export function parseCsv(text: string): string[][] {
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
    else if (c === ',') {
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

/** CSV gives text: numbers and booleans become what the endpoint's signature asks for. */
export function typedRow(row: Record<string, unknown>, inputs: { name: string; type: string }[]): Record<string, unknown> {
  const types = new Map(inputs.map((input) => [input.name, input.type]))
  const typed: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(row)) {
    const type = types.get(name)
    if (type === undefined) continue
    if (typeof value !== 'string') typed[name] = value
    else if (type === 'number' || type === 'integer')
      typed[name] = value.trim() === '' || Number.isNaN(Number(value)) ? value : Number(value)
    else if (type === 'boolean')
      typed[name] = /^(true|1|yes)$/i.test(value) ? true : /^(false|0|no)$/i.test(value) ? false : value
    else typed[name] = value
  }
  return typed
}
