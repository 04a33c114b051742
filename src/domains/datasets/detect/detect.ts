import type * as z from 'zod'
import { invalidInput } from '../../../kernel/errors.ts'
import { parquet } from '../../../ports/tables/sql.ts'
import { parameters } from '../import/cast.ts'
import { type PlannedColumn, planColumns, valueExpression } from '../import/plan.ts'
import { badValueError, checkValues, giveWay, makeRawTable, type Work } from '../import/raw-table.ts'
import { openSource, rawTextColumns, type SourceFile } from '../import/source.ts'
import type { Column, ColumnChange, Detection, ReadOptions } from '../schema.ts'
import { ColumnShapes, shapeStatistics } from './shapes.ts'

/** What is known of a file after looking at its beginning. */
export interface Inspection {
  source: SourceFile
  columns: PlannedColumn[]
  notes: string[]
  /** Rows that were looked at, and whether that was all. */
  rows: number
  complete: boolean
  /** Of the whole file, where its beginning is all of it. */
  total: number | null
  missing: Map<string, number>
  distinct: Map<string, number>
  raw: string
}

const sampleRows = 50_000
const previewRows = 50

/**
 * Looks at a file: format, encoding, delimiter, header, types, personal data. A small file is looked at whole, so that whatever is wrong with it
 * is said now; a large one by its first 8 MB.
 */
export async function inspect(
  work: Work,
  file: { path: string; filename: string },
  given: Partial<ReadOptions> = {},
  changes: readonly z.input<typeof ColumnChange>[] = [],
): Promise<Inspection> {
  refuseOddOptions(given)
  const source = await openSource({ tables: work.tables, scratch: work.folder, signal: work.signal }, file, given)
  const large = !source.sample.complete || source.options.format === 'parquet'
  const raw = await makeRawTable(work, source, {
    path: source.sample.path,
    mostRows: large ? sampleRows : undefined,
  })
  const complete = source.sample.complete && raw.rows <= sampleRows
  const looked = complete ? parquet(raw.path) : `(SELECT * FROM ${parquet(raw.path)} LIMIT ${sampleRows})`
  const strings = rawTextColumns(source.columns)
  const results = await work.tables.run({
    folders: [work.folder],
    files: [raw.path],
    statements: strings.length > 0 ? [{ sql: shapeStatistics(looked, strings) }] : [],
    quick: work.quick,
    memoryBytes: work.memoryBytes,
    signal: work.signal,
  })
  const shapes = ColumnShapes.read(results[0]?.rows ?? [])
  const { columns, notes } = planColumns(source, shapes, changes)
  const rows = Math.min(raw.rows, complete ? raw.rows : sampleRows)
  if (
    strings.length === source.columns.length &&
    complete &&
    source.columns.every(({ raw: name }) => (shapes.get(name)?.total('n', 'blank', 'na') ?? 0) === 0)
  )
    throw invalidInput(`The table has ${raw.rows} rows and ${source.columns.length} columns, and every value is missing.`, {
      rows: raw.rows,
    })
  const bad = await checkValues(work, raw, source, columns)
  const refused = bad.filter(({ column }) => column.chosen)
  if (refused.length > 0) throw badValueError(refused)
  notes.push(...giveWay(bad).map(({ message }) => message))
  const count = (of: (shape: ColumnShapes | undefined) => number) =>
    new Map(columns.map(({ raw: name, name: as }) => [as, of(shapes.get(name))]))
  return {
    source,
    columns,
    notes: [...source.notes, ...trim(notes)],
    rows,
    complete,
    total: source.sample.complete && source.options.format !== 'parquet' ? raw.rows : null,
    raw: raw.path,
    missing: count((shape) => rows - (shape?.total('n', 'blank', 'na') ?? 0)),
    distinct: count((shape) => shape?.total('distinct', 'blank', 'na') ?? 0),
  }
}

const trim = (notes: string[]) =>
  notes.length > 30 ? [...notes.slice(0, 30), `${notes.length - 30} more notes of this kind.`] : notes

function refuseOddOptions({ delimiter, quote, dateFormat, encoding }: Partial<ReadOptions>): void {
  if (delimiter !== undefined && !/^(\t|[^\p{L}\p{N}\s"'\\]{1,4})$/u.test(delimiter))
    throw invalidInput('The delimiter must be one to four signs (no letters, digits, quotes or spaces), or a tab.', {
      field: 'options.delimiter',
    })
  if (quote !== undefined && !/^["'|`^~]?$/.test(quote))
    throw invalidInput('The quote must be one of " \' | ` ^ ~ or nothing.', { field: 'options.quote' })
  if (dateFormat !== undefined && !/^(%[YymdHMSfpzbBjIaA-]|[ ,./:TZ-])+$/.test(dateFormat))
    throw invalidInput('The date format is written with %Y %m %d %H %M %S and signs between them, for example %d.%m.%Y.', {
      field: 'options.dateFormat',
    })
  if (encoding !== undefined && !/^[A-Za-z0-9_:.-]+$/.test(encoding))
    throw invalidInput('The encoding is a name such as utf-8 or windows-1252.', { field: 'options.encoding' })
}

/** Whether a column of the looked-at rows has a missing value. Typed files are not counted here: they say so when imported. */
const nullable = (inspection: Inspection, column: PlannedColumn) =>
  column.kind === 'text' || column.kind === 'string' ? (inspection.missing.get(column.name) ?? 0) > 0 : true

/** What the person is shown before anything is stored. */
export async function toDetection(work: Work, inspection: Inspection): Promise<z.output<typeof Detection>> {
  const { source, columns } = inspection
  const { values, add } = parameters()
  const shown = columns.slice(0, 200)
  const select = shown.map((column) => valueExpression(column, source.options, add)).join(', ')
  const [preview] = await work.tables.run({
    folders: [work.folder],
    files: [inspection.raw],
    statements: [
      { sql: `SELECT ${select} FROM (SELECT * FROM ${parquet(inspection.raw)} LIMIT ${previewRows})`, params: values },
    ],
    quick: true,
    threads: 1,
    memoryBytes: 1024 ** 3,
    signal: work.signal,
  })
  const isCut = shown.length < columns.length
  return {
    options: source.options,
    columns: columns.map(
      (column): Pick<Column, 'name' | 'type' | 'nullable' | 'personalData'> => ({
        name: column.name,
        type: column.reading.type,
        nullable: nullable(inspection, column),
        personalData: column.personalData,
      }),
    ),
    preview: preview!.rows,
    notes: [...inspection.notes, ...(isCut ? [`The preview shows the first ${shown.length} of ${columns.length} columns.`] : [])],
    ...(source.sheets && { sheets: source.sheets }),
    rowsEstimate: inspection.total ?? estimateRows(inspection),
  }
}

function estimateRows({ source }: Pick<Inspection, 'source'>): number | null {
  const { bytesPerLine } = source.sample
  return bytesPerLine === undefined ? null : Math.round(source.sizeBytes / bytesPerLine)
}
