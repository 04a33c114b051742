import { invalidInput } from '../../kernel/errors.ts'
import type { StreamReply } from '../../kernel/route.ts'
import type { BlobStore } from '../../ports/blobs/blob-store.ts'
import type { Files } from '../../ports/files/files.ts'
import { copyToParquet, identifier, literal, parquet } from '../../ports/tables/sql.ts'
import type { Tables } from '../../ports/tables/tables.ts'
import { localTable } from './lay.ts'
import type { Column } from './schema.ts'
import type { Scratch } from './scratch.ts'

/** A table as a file to take away. Text that a spreadsheet would run as a formula is made harmless in CSV. */
export async function exportTable(
  { tables, blobs, files, scratch }: { tables: Tables; blobs: BlobStore; files: Files; scratch: Scratch },
  table: { sha256: string; columns: readonly Column[]; name: string },
  format: 'csv' | 'parquet',
  only?: string,
  signal?: AbortSignal,
): Promise<StreamReply> {
  const wanted = only?.split(',').map((name) => name.trim())
  for (const name of wanted ?? [])
    if (!table.columns.some((column) => column.name === name))
      throw invalidInput(`There is no column "${name.slice(0, 80)}".`, { field: 'columns', column: name.slice(0, 80) })
  const columns = wanted ? table.columns.filter(({ name }) => wanted.includes(name)) : table.columns
  const folder = await scratch.open()
  try {
    const source = await localTable({ blobs }, table.sha256, async () => folder.path)
    const file = `table.${format}`
    const into = `${folder.path}/${file}`
    // The file has the rows in their order, and the engine keeps it: sorting them again would cost a large table its memory.
    const select = `SELECT ${columns.map((column) => (format === 'csv' ? csvColumn(column) : identifier(column.name))).join(', ')} FROM ${parquet(source)}`
    const sql =
      format === 'csv'
        ? `COPY (${select}) TO ${literal(into)} (FORMAT csv, HEADER, DELIMITER ',', QUOTE '"', ESCAPE '"')`
        : copyToParquet(select, into, columns.length)
    await tables.run({ folders: [folder.path], files: [source], statements: [{ sql }], scratch: `${folder.path}/spill`, signal })
    const { stream, sizeBytes } = await files.open(folder.path, file)
    stream.once('close', () => void folder.remove())
    return {
      contentType: format === 'csv' ? 'text/csv; charset=utf-8' : 'application/vnd.apache.parquet',
      body: stream,
      sizeBytes,
      filename: `${table.name}.${format}`,
    }
  } catch (error) {
    await folder.remove()
    throw error
  }
}

/** ASVS 1.2.10: a cell that begins with = + - @ tab or return is text, and must not be taken for a formula. */
const startsFormula = /^[=+\-@\t\r]/
function csvColumn({ name, type }: Column): string {
  const column = identifier(name)
  const header = harmlessHeader(name)
  if (type === 'datetime') return `strftime(${column}, '%Y-%m-%dT%H:%M:%SZ') AS ${header}`
  if (type !== 'category' && type !== 'text' && type !== 'id') return `${column} AS ${header}`
  return `${harmlessText(column)} AS ${header}`
}

/** SQL of a text that no spreadsheet takes for a formula. */
export const harmlessText = (text: string): string =>
  `CASE WHEN regexp_matches(${text}::VARCHAR, '^[=+\\-@\\t\\r]') THEN '''' || ${text} ELSE ${text}::VARCHAR END`

/** A column's name as the head of a CSV file, which a spreadsheet reads as any cell. */
export const harmlessHeader = (name: string): string => identifier(startsFormula.test(name) ? `'${name}` : name)
