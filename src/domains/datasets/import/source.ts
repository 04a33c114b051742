import { basename } from 'node:path'
import { invalidInput, PlatformError } from '../../../kernel/errors.ts'
import { literal, parquet } from '../../../ports/tables/sql.ts'
import type { Tables, TextSample } from '../../../ports/tables/tables.ts'
import { findDialect } from '../detect/dialect.ts'
import { columnNames, findHeader } from '../detect/header.ts'
import { limits } from '../detect/limits.ts'
import type { ReadOptions } from '../schema.ts'
import type { RawKind } from './cast.ts'
import { readError } from './csv-error.ts'

/** A column as the file has it. `raw` is its name in the raw table. */
export interface SourceColumn {
  raw: string
  name: string
  kind: RawKind
}

/** A file that is understood: how to read it, and its columns. */
export interface SourceFile {
  path: string
  filename: string
  sizeBytes: number
  options: ReadOptions
  columns: SourceColumn[]
  notes: string[]
  renamed: { from: string; to: string; position: number }[]
  /** The text must be rewritten before the table engine reads it. */
  mixedLineEnds?: boolean
  sheets?: string[]
  /** The sample, as a file that the table engine reads; the whole table when `complete`. */
  sample: { path: string; complete: boolean; bytesPerLine?: number }
}

interface Need {
  tables: Tables
  /** A folder of this work's own; removed by whoever made it. */
  scratch: string
  signal?: AbortSignal
}

/** Looks at the beginning of a file and says how to read it, or in one sentence why it cannot be read. */
export async function openSource(
  { tables, scratch, signal }: Need,
  file: { path: string; filename: string },
  given: Partial<ReadOptions> = {},
): Promise<SourceFile> {
  const look = (path: string, encoding?: string) =>
    tables.sample({ from: path, to: `${scratch}/sample.txt`, encoding, maxBytes: limits.sampleBytes, signal })
  const sample = await look(file.path, given.encoding)
  refuseUnreadable(sample, file.filename, given)
  if (sample.kind === 'parquet') return openParquet({ tables, scratch, signal }, file, sample)
  if (sample.kind === 'zip') return openWorkbook({ tables, scratch, signal }, file, sample, given, look)
  if (given.format === 'jsonl' || (given.format === undefined && looksLikeJson(sample.text)))
    return openJson({ tables, scratch, signal }, file, sample)
  return openText(file, sample, given, `${scratch}/sample.txt`)
}

function refuseUnreadable(sample: TextSample, filename: string, given: Partial<ReadOptions>): void {
  if (sample.kind === 'empty') throw invalidInput('The file is empty: it has no bytes.', { filename })
  if (sample.sizeBytes > limits.fileBytes) throw new PlatformError('too_large', 'The file is larger than 1 TB.', { filename })
  if (sample.kind === 'binary') {
    const what = knownBinary(sample.magic)
    throw new PlatformError(
      'unsupported_type',
      `This is ${what}, not a table. Atoll reads CSV, TSV, JSON lines, Parquet and Excel (.xlsx).`,
      { filename },
    )
  }
  if (sample.kind === 'text' && sample.text.trim() === '')
    throw invalidInput('The file holds no text, only spaces and line ends.', { filename })
  if (sample.kind === 'text' && sample.replaced > 0)
    throw invalidInput(
      `Line ${sample.firstReplacedLine} holds bytes that are not ${sample.encoding} text. ${
        given.encoding
          ? 'Name another encoding, or leave it out to have it detected.'
          : 'Name the encoding of the file (for example windows-1252).'
      }`,
      { line: sample.firstReplacedLine, encoding: sample.encoding },
    )
  const wanted = given.format
  const found = sample.kind === 'zip' ? 'excel' : sample.kind === 'parquet' ? 'parquet' : null
  if (wanted && found !== wanted && (found !== null || wanted === 'parquet' || wanted === 'excel'))
    throw invalidInput(`The file is not ${wanted}, it looks like ${found ?? 'text'}. Leave the format out to have it detected.`, {
      field: 'options.format',
    })
}

function knownBinary(magic: string): string {
  if (magic.startsWith('\x1f\x8b')) return 'a file compressed with gzip (unpack it first)'
  if (magic.startsWith('\xd0\xcf\x11\xe0')) return 'an old Excel workbook (.xls; save it as .xlsx)'
  if (magic.startsWith('%PDF')) return 'a PDF document'
  if (magic.startsWith('\x89PNG') || magic.startsWith('\xff\xd8\xff') || magic.startsWith('GIF8')) return 'an image'
  if (magic.startsWith('SQLite format')) return 'an SQLite database'
  return 'a binary file'
}

const looksLikeJson = (text: string) => /^\s*\[?\s*\{\s*("|\})/.test(text)

async function openParquet(
  { tables, signal }: Need,
  file: { path: string; filename: string },
  sample: TextSample,
): Promise<SourceFile> {
  const options: ReadOptions = { format: 'parquet' }
  const columns = await describe(tables, parquet(file.path), file, options, signal)
  return { ...file, ...columns, sizeBytes: sample.sizeBytes, options, sample: { path: file.path, complete: true } }
}

async function openJson(
  { tables, signal }: Need,
  file: { path: string; filename: string },
  sample: TextSample,
): Promise<SourceFile> {
  const options: ReadOptions = { format: 'jsonl', encoding: 'utf-8' }
  if (sample.encoding !== 'utf-8')
    throw invalidInput('JSON must be UTF-8 text; this file is not. Save it as UTF-8.', { encoding: sample.encoding })
  const columns = await describe(tables, jsonRelation(file.path), file, options, signal)
  return { ...file, ...columns, sizeBytes: sample.sizeBytes, options, sample: { path: file.path, complete: sample.complete } }
}

async function openWorkbook(
  { tables, scratch, signal }: Need,
  file: { path: string; filename: string },
  sample: TextSample,
  given: Partial<ReadOptions>,
  look: (path: string, encoding?: string) => Promise<TextSample>,
): Promise<SourceFile> {
  if (sample.sizeBytes > limits.workbookBytes)
    throw new PlatformError('too_large', 'An Excel workbook may have 100 MB. Save larger tables as CSV or Parquet.', {
      filename: file.filename,
    })
  const csv = `${scratch}/sheet.csv`
  const notWorkbook = () =>
    new PlatformError('unsupported_type', 'This archive is not an Excel workbook (.xlsx). Unpack it and add the table inside.', {
      filename: file.filename,
    })
  const sheets = await tables.sheets({ from: file.path, signal }).catch((error) => {
    throw error.code === 'internal' || error.code === 'invalid_input' ? notWorkbook() : error
  })
  const sheet = given.sheet ?? sheets[0]
  if (!sheet || !sheets.includes(sheet))
    throw invalidInput(`The workbook has no sheet "${given.sheet}". It has: ${sheets.slice(0, 20).join(', ')}.`, {
      field: 'options.sheet',
      sheets,
    })
  const { rows } = await tables.sheetToCsv({ from: file.path, to: csv, sheet, signal })
  if (rows === 0) throw invalidInput(`The sheet "${sheet}" is empty.`, { sheet, sheets })
  const text = await look(csv, 'utf-8')
  const opened = openText(
    { path: csv, filename: file.filename },
    text,
    { ...given, delimiter: ',', quote: '"', encoding: 'utf-8', decimalComma: false },
    `${scratch}/sample.txt`,
  )
  const notes = sheets.length > 1 ? [`The workbook has ${sheets.length} sheets; "${sheet}" is read.`] : []
  return {
    ...opened,
    sizeBytes: sample.sizeBytes,
    options: {
      format: 'excel',
      sheet,
      header: opened.options.header,
      nullValues: given.nullValues,
      dateFormat: given.dateFormat,
    },
    notes: [...notes, ...opened.notes.slice(1)],
    sheets,
  }
}

function openText(
  file: { path: string; filename: string },
  sample: TextSample,
  given: Partial<ReadOptions>,
  samplePath: string,
): SourceFile {
  const dialect = findDialect(sample.text, given)
  const found = given.header === undefined ? findHeader(dialect.records) : { header: given.header, sure: true }
  const first = dialect.records[0] ?? []
  if (first.length > limits.columns)
    throw invalidInput(`The table has ${first.length} columns; at most ${limits.columns} are read.`, {
      columns: first.length,
      limit: limits.columns,
    })
  if (dialect.records.length <= 1 && !sample.complete)
    throw invalidInput(
      `Line ${dialect.records.length + 1} is longer than ${limits.rowBytes / 1024 ** 2} MB, the most that one row (and one cell) may hold; or a quote in it is never closed.`,
      { line: dialect.records.length + 1, maxBytes: limits.rowBytes },
    )
  const width = first.length
  const { names, notes: renames, renamed } = columnNames(found.header ? first : first.map((_, at) => `column_${at + 1}`))
  if (found.header && dialect.records.length === 1 && sample.complete)
    throw invalidInput('The file has a header line and no rows below it.', { columns: width })
  const delimiter = { ',': 'comma', ';': 'semicolon', '\t': 'tab', '|': 'vertical bar' }[dialect.delimiter] ?? dialect.delimiter
  const notes = [
    `${width === 1 ? 'One column' : `${width} columns separated by ${delimiter}`}, ${sample.encoding}${sample.bom ? ' with byte order mark' : ''}${sample.sure ? '' : ' (a guess from its bytes)'}, ${
      found.header ? 'the first line holds the names' : 'no header line'
    }${found.sure ? '' : ' (it looks so)'}.`,
    ...(sample.mixedLineEnds ? ['Some lines end in \\r\\n and others in \\n; both are read.'] : []),
    ...renames,
  ]
  return {
    ...file,
    sizeBytes: sample.sizeBytes,
    options: {
      format: 'csv',
      delimiter: dialect.delimiter,
      quote: dialect.quote,
      encoding: sample.encoding ?? 'utf-8',
      header: found.header,
      decimalComma: given.decimalComma ?? usesDecimalComma(dialect.records.slice(1), dialect.delimiter),
      ...(given.dateFormat !== undefined && { dateFormat: given.dateFormat }),
      ...(given.nullValues !== undefined && { nullValues: given.nullValues }),
    },
    columns: names.map((name, at) => ({ raw: `c${at}`, name, kind: 'text' })),
    notes,
    renamed: found.header ? renamed : [],
    mixedLineEnds: sample.mixedLineEnds,
    sample: { path: samplePath, complete: sample.complete, bytesPerLine: bytesPerLine(sample.text) },
  }
}

const bytesPerLine = (text: string): number => Buffer.byteLength(text) / Math.max(1, text.split('\n').length - 1)

/** The comma is the decimal sign where numbers have one comma and none has one point. */
function usesDecimalComma(records: string[][], delimiter: string): boolean {
  if (delimiter === ',') return false
  let commas = 0
  let points = 0
  for (const cell of records.flat()) {
    if (/^\s*[+-]?\d+,\d+\s*$/.test(cell) || /^\s*[+-]?\d{1,3}(\.\d{3})+,\d+\s*$/.test(cell)) commas++
    else if (/^\s*[+-]?\d+\.\d+\s*$/.test(cell)) points++
  }
  return commas > 0 && commas > 4 * points
}

/** A delimited UTF-8 text as a table of text columns c0, c1, … */
export function textRelation(path: string, options: ReadOptions, columns: number): string {
  const types = Array.from({ length: columns }, (_, at) => `c${at}: 'VARCHAR'`).join(', ')
  const quote = options.quote ?? '"'
  return `read_csv(${literal(path)}, auto_detect = false, header = ${options.header === true}, columns = {${types}},
    delim = ${literal(options.delimiter ?? ',')}, quote = ${literal(quote)}, escape = ${literal(quote)}, strict_mode = true, max_line_size = ${limits.rowBytes})`
}

export const jsonRelation = (path: string): string =>
  `read_json(${literal(path)}, format = 'auto', sample_size = -1, maximum_object_size = ${limits.rowBytes})`

async function describe(
  tables: Tables,
  relation: string,
  { path, filename }: { path: string; filename: string },
  options: ReadOptions,
  signal?: AbortSignal,
) {
  const files = [path]
  const [described] = await tables
    .run({ files, statements: [{ sql: `DESCRIBE SELECT * FROM ${relation}` }], quick: true, signal })
    .catch((error) => {
      throw readError(
        error.code === 'internal' ? invalidInput('unreadable', { engine: String(error.cause?.message ?? '') }) : error,
        { ...options, filename },
      )
    })
  const found = described!.rows.map(([name, type]) => ({ raw: String(name), kind: kindOf(String(type)), type: String(type) }))
  if (options.format === 'parquet' && found.some(({ raw }) => raw.toLowerCase() === 'file_row_number'))
    throw invalidInput(
      'A Parquet file may not have a column "file_row_number": the name is needed while it is read. Rename it.',
      {
        column: 'file_row_number',
      },
    )
  if (found.length > limits.columns)
    throw invalidInput(`The table has ${found.length} columns; at most ${limits.columns} are read.`, {
      columns: found.length,
      limit: limits.columns,
    })
  const { names, notes, renamed } = columnNames(found.map(({ raw }) => raw))
  const columns = found.map(({ raw, kind }, at) => ({ raw, kind, name: names[at]! }))
  const nested = columns.filter(({ kind }) => kind === 'nested').map(({ name }) => name)
  return {
    columns: columns.filter(({ kind }) => kind !== 'other'),
    renamed,
    notes: [
      `${columns.length} columns, ${options.format === 'parquet' ? 'Parquet' : 'JSON'}: the types are the file's own.`,
      ...notes,
      ...(nested.length > 0 ? [`${list(nested)}: nested values are kept as JSON text.`] : []),
      ...columns
        .filter(({ kind }) => kind === 'other')
        .map(({ name }) => `Column "${name}" holds bytes, which a table cannot use: it is left out.`),
    ],
  }
}

const list = (names: string[]) =>
  names
    .slice(0, 8)
    .map((name) => `"${name}"`)
    .join(', ') + (names.length > 8 ? ' and others' : '')

function kindOf(type: string): RawKind {
  if (/^(STRUCT|MAP|UNION|JSON|VARIANT)|\]$/.test(type)) return 'nested'
  if (/^(TINYINT|SMALLINT|INTEGER|BIGINT|UTINYINT|USMALLINT|UINTEGER)$/.test(type)) return 'integer'
  if (/^(FLOAT|DOUBLE|DECIMAL|HUGEINT|UBIGINT|UHUGEINT|BIGNUM)/.test(type)) return 'number'
  if (type === 'BOOLEAN') return 'boolean'
  if (/^(DATE|TIMESTAMP)/.test(type)) return 'datetime'
  return type === 'BLOB' || type === 'BIT' || type === 'GEOMETRY' ? 'other' : 'string'
}

/** The name that people know a file by. */
export const filenameOf = (path: string): string => basename(path)

/** Every raw column as text, for looking at the shapes of values. */
export const rawTextColumns = (columns: readonly SourceColumn[]): string[] =>
  columns.filter(({ kind }) => kind === 'text' || kind === 'string').map(({ raw }) => raw)
