import type * as z from 'zod'
import { invalidInput } from '../../../kernel/errors.ts'
import type { Tables } from '../../../ports/tables/tables.ts'
import { inspect } from '../detect/detect.ts'
import type { Column, ColumnChange, DatasetVersion, ReadOptions } from '../schema.ts'
import type { ColumnStatistics } from '../store.ts'
import { badValueError, checkValues, giveWay, makeRawTable, type Work } from './raw-table.ts'
import type { SourceFile } from './source.ts'
import { settleIdentifiers, writeTable } from './write-version.ts'

export interface ImportedTable {
  path: string
  rows: number
  columns: Column[]
  statistics: Record<string, ColumnStatistics>
  options: ReadOptions
  warnings: DatasetVersion['warnings']
}

/** Reads a whole file into one Parquet table. What the person chose is held to; what was guessed from the beginning of the file gives way to the rest of it. */
export async function importTable(
  work: { tables: Tables; folder: string; signal?: AbortSignal; progress(stage: string, done: number, of: number | null): void },
  file: { path: string; filename: string },
  wish: { options?: Partial<ReadOptions>; columns?: readonly z.input<typeof ColumnChange>[]; pseudonymKey: string | null },
): Promise<ImportedTable> {
  const stage = (name: string, at: number): Work => ({
    tables: work.tables,
    folder: work.folder,
    signal: work.signal,
    onProgress: (percent) => work.progress(name, at + percent / 4, 100),
  })
  work.progress('look', 0, 100)
  const { source, columns, notes } = await inspect(stage('look', 0), file, wish.options, wish.columns)
  work.progress('read', 5, 100)
  const readable = await asUtf8(work, source)
  const raw = await makeRawTable(stage('read', 5), source, { path: readable })
  work.progress('check', 35, 100)
  const bad = await checkValues(stage('check', 35), raw, source, columns)
  const refused = bad.filter(({ column }) => column.chosen)
  if (refused.length > 0) throw badValueError(refused)
  const warnings: ImportedTable['warnings'] = notes.slice(1).map((message) => ({ code: 'detected', message, facts: {} }))
  for (const found of giveWay(bad)) warnings.push({ code: 'read_as_category', ...found })
  work.progress('write', 60, 100)
  const table = await writeTable(stage('write', 60), raw, source, columns, wish.pseudonymKey)
  const named: Column[] = columns.map((column) => ({
    name: column.name,
    type: column.reading.type,
    nullable: (table.statistics[column.name]?.missing ?? 0) > 0,
    personalData: column.personalData,
    description: '',
    unit: null,
  }))
  work.progress('finish', 90, 100)
  for (const { from, to, position } of source.renamed)
    if (from.trim() !== to)
      warnings.push({
        code: 'renamed',
        message: `Column ${position} is called "${to}" (in the file: "${from.slice(0, 60)}").`,
        facts: { from, to, position },
      })
  return { ...table, columns: await settleIdentifiers(stage('finish', 90), table, named), options: source.options, warnings }
}

/** The file as the table engine reads it. */
async function asUtf8(work: { tables: Tables; folder: string; signal?: AbortSignal }, source: SourceFile): Promise<string> {
  const { format, encoding } = source.options
  const isUtf8 = encoding === undefined || /^utf-?8$/i.test(encoding)
  if (format !== 'csv' || (isUtf8 && !source.mixedLineEnds)) return source.path
  const to = `${work.folder}/utf8.csv`
  const { replaced, firstReplacedLine } = await work.tables.toUtf8({
    from: source.path,
    to,
    encoding: encoding ?? 'utf-8',
    signal: work.signal,
  })
  // UTF-8 is checked by the table engine: the character for what could not be read may be in the file itself.
  if (replaced > 0 && !isUtf8) {
    throw invalidInput(`Line ${firstReplacedLine} holds bytes that are not ${encoding} text. Name another encoding.`, {
      line: firstReplacedLine,
      encoding,
    })
  }
  return to
}
