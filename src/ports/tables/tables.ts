import type { CellCounts } from './cell-counts.ts'

/** Semantic type of a column: how it is read, shown and offered to a model. `image` and `audio` hold the path of an item of the version. */
export const columnTypes = ['number', 'integer', 'boolean', 'datetime', 'category', 'text', 'id', 'image', 'audio'] as const
export type ColumnType = (typeof columnTypes)[number]

export interface TableColumn {
  name: string
  type: ColumnType
  nullable: boolean
}

/** One SQL statement. Values are parameters ($1, $2, …); names go through `identifier`; paths through `literal`. */
export interface TableQuery {
  sql: string
  params?: readonly TableValue[]
}
export type TableValue = string | number | bigint | boolean | null

/** Values arrive as JSON would have them: 64-bit integers beyond 2^53 as strings, timestamps as ISO 8601 in UTC. */
export interface TableResult {
  columns: string[]
  rows: unknown[][]
}

export interface TableJob {
  /** Folders the engine may read and write. */
  folders?: readonly string[]
  /** Single files it may read (blobs). */
  files?: readonly string[]
  statements: readonly TableQuery[]
  /** Where it may spill what does not fit in memory; nothing is spilled without. Within `folders`. */
  scratch?: string
  memoryBytes?: number
  timeoutMs?: number
  threads?: number
  /** A person is waiting: never queued behind imports. */
  quick?: boolean
  signal?: AbortSignal
  onProgress?: (percent: number) => void
}

/** Work on files that is not SQL but would hold up the event loop: it runs in the same locked-down children. */
export interface FileWork {
  timeoutMs?: number
  signal?: AbortSignal
}

/** The beginning of a file: what it is, and for text how it is encoded. */
export interface TextSample {
  kind: 'text' | 'parquet' | 'zip' | 'binary' | 'empty'
  sizeBytes: number
  /** The sample is the whole file. */
  complete: boolean
  /** The first 16 bytes, as Latin-1. */
  magic: string
  encoding: string | null
  /** The encoding is certain: a byte order mark, valid UTF-8, or named by the caller. */
  sure: boolean
  guessed: string[]
  bom: boolean
  /** Some lines end in \r\n, others in \n; the written sample has \n only. */
  mixedLineEnds: boolean
  /** At most 256 KB of the text. */
  text: string
  /** Characters that the encoding does not have. */
  replaced: number
  firstReplacedLine: number | null
}

/** Counts the numbers (DOUBLE) of each column of a query at and between ascending points, without holding the rows. */
export type CountCells = (query: TableQuery, points: readonly Float64Array[]) => Promise<CellCounts[]>

/**
 * DuckDB in child processes that can reach nothing but the named files: no network, no extensions, limited memory and time.
 * The event loop of the server never waits for a table.
 */
export interface Tables {
  /** Runs statements in order in one fresh, locked-down database; returns the result of each. */
  run(job: TableJob): Promise<TableResult[]>
  /** The same in several turns: what `work` makes (temporary tables) lasts until it ends. */
  session<T>(
    job: Omit<TableJob, 'statements'>,
    work: (run: (statements: readonly TableQuery[]) => Promise<TableResult[]>, countCells: CountCells) => Promise<T>,
  ): Promise<T>
  /** Reads the first `maxBytes` of a file and, where it is text, writes them to `to` as UTF-8. */
  sample(work: FileWork & { from: string; to: string; encoding?: string; maxBytes: number }): Promise<TextSample>
  /** Rewrites a text file as UTF-8 without byte order mark, each line ending in \n. `replaced` counts characters that the encoding does not have. */
  toUtf8(
    work: FileWork & { from: string; to: string; encoding: string },
  ): Promise<{ replaced: number; firstReplacedLine: number | null }>
  /** Names the sheets of an .xlsx workbook. */
  sheets(work: FileWork & { from: string }): Promise<string[]>
  /** Writes one sheet as CSV (comma, double quotes, dates in ISO form). */
  sheetToCsv(
    work: FileWork & { from: string; to: string; sheet?: string },
  ): Promise<{ sheet: string; rows: number; columns: number }>
  close(): Promise<void>
}
