import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { finished } from 'node:stream/promises'
import readWorkbook from 'read-excel-file/node'
import { openWorkbookArchive, tooLargeWorkbook } from './workbook-archive.ts'

/** A cell far out makes every row as wide as that: more than any table may have is not written out. */
const maxColumns = 5000

/** Names the sheets of an .xlsx workbook. */
export async function sheetNames(from: string): Promise<string[]> {
  return (await readWorkbook(await openWorkbookArchive(from))).map(({ sheet }) => sheet)
}

/** Writes one sheet of a workbook as CSV; the first when none is named. */
export async function sheetToCsv({ from, to, sheet }: { from: string; to: string; sheet: string | null }) {
  const sheets = await readWorkbook(await openWorkbookArchive(from))
  const chosen = sheet === null ? sheets[0] : sheets.find((one) => one.sheet === sheet)
  if (!chosen) throw new Error(`SHEET_NOT_FOUND ${JSON.stringify(sheets.map((one) => one.sheet))}`)
  const columns = chosen.data.reduce((most, row) => Math.max(most, row.length), 0)
  if (columns > maxColumns) throw tooLargeWorkbook(`its sheet is ${columns} columns wide`)
  const out = createWriteStream(to, { mode: 0o600 })
  for (const row of chosen.data) {
    if (row.every((cell) => cell === null)) continue
    const cells = Array.from({ length: columns }, (_, at) => csvCell(row[at] ?? null))
    if (!out.write(`${cells.join(',')}\n`)) await once(out, 'drain')
  }
  out.end()
  await finished(out)
  return { sheet: chosen.sheet, rows: chosen.data.length, columns }
}

function csvCell(value: unknown): string {
  if (value === null || value === undefined) return ''
  if (value instanceof Date) return value.toISOString().replace(/T00:00:00\.000Z$/, '')
  const text = String(value)
  return /[",\n\r]/.test(text) || text === '' ? `"${text.replaceAll('"', '""')}"` : text
}
