import { Readable } from 'node:stream'
import type { LaidColumn } from './layouts/layout.ts'

/** Columns as CSV, the way any table comes in: from here on a media data set is read like every other one. */
export function rowsCsv(columns: readonly LaidColumn[]): Readable {
  const rows = columns[0]?.values.length ?? 0
  return Readable.from(
    (function* () {
      yield Buffer.from(`${columns.map(({ name }) => cell(name)).join(',')}\n`)
      for (let at = 0; at < rows; at += 500) {
        let text = ''
        for (let row = at; row < Math.min(rows, at + 500); row++)
          text += `${columns.map(({ values }) => cell(values[row] ?? '')).join(',')}\n`
        yield Buffer.from(text)
      }
    })(),
  )
}

const cell = (text: string) => `"${text.replaceAll('"', '""').replace(/\r\n?/g, '\n')}"`
