import { identifier, literal, rowGroupSize } from '../../../ports/tables/sql.ts'
import type { Tables } from '../../../ports/tables/tables.ts'
import type { outputFormats } from '../schema.ts'

export interface ResultColumn {
  name: string
  /** Text that a person wrote, or that a model did: a spreadsheet must not run it. */
  isText: boolean
  isTime: boolean
}

/** The parts of an answered table as one file. */
export async function writeResult(
  { tables }: { tables: Tables },
  work: {
    parts: readonly string[]
    partsFolder: string
    columns: readonly ResultColumn[]
    format: (typeof outputFormats)[number]
    to: string
    folder: string
    signal: AbortSignal
    onProgress(percent: number): void
  },
): Promise<void> {
  const { parts, columns, format, to, folder, partsFolder, signal, onProgress } = work
  const from = `read_parquet([${parts.map(literal).join(', ')}])`
  const select = columns.map((column) =>
    format === 'csv' ? csvColumn(column) : format === 'jsonl' ? jsonColumn(column) : identifier(column.name),
  )
  const how = {
    parquet: `FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE ${rowGroupSize(columns.length)}`,
    csv: `FORMAT csv, HEADER, DELIMITER ',', QUOTE '"', ESCAPE '"'`,
    jsonl: 'FORMAT json',
  }[format]
  await tables.run({
    folders: [folder, partsFolder],
    scratch: `${folder}/spill`,
    statements: [{ sql: `COPY (SELECT ${select.join(', ')} FROM ${from}) TO ${literal(to)} (${how})` }],
    signal,
    onProgress,
  })
}

const isoTime = (column: string): string => `strftime(${column}, '%Y-%m-%dT%H:%M:%SZ')`
const startsFormula = /^[=+\-@\t\r]/

function csvColumn({ name, isText, isTime }: ResultColumn): string {
  const column = identifier(name)
  const header = identifier(startsFormula.test(name) ? `'${name}` : name)
  if (isTime) return `${isoTime(column)} AS ${header}`
  if (!isText) return `${column} AS ${header}`
  return `CASE WHEN regexp_matches(${column}::VARCHAR, '^[=+\\-@\\t\\r]') THEN '''' || ${column} ELSE ${column}::VARCHAR END AS ${header}`
}

const jsonColumn = ({ name, isTime }: ResultColumn): string =>
  isTime ? `${isoTime(identifier(name))} AS ${identifier(name)}` : identifier(name)
