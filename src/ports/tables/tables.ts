/** Semantic type of a column: how it is read, shown and offered to a model. */
export const columnTypes = ['number', 'integer', 'boolean', 'datetime', 'category', 'text', 'id'] as const
export type ColumnType = (typeof columnTypes)[number]

export interface TableColumn {
  name: string
  type: ColumnType
  nullable: boolean
}

/** One SQL statement over Parquet files, with parameters. `files` are the only paths the engine may read; `into` the only one it may write. */
export interface TableQuery {
  sql: string
  params?: readonly unknown[]
}

export interface TableResult {
  columns: string[]
  rows: unknown[][]
}

/**
 * DuckDB in child processes that can reach nothing but the named files: no network, no extensions, limited memory and time.
 * The event loop of the server never waits for a table.
 */
export interface Tables {
  /** Runs statements in order in one locked-down child; returns the result of each. Paths in `sql` must be within `folders`. */
  run(job: {
    folders: readonly string[]
    statements: readonly TableQuery[]
    memoryBytes?: number
    timeoutMs?: number
    threads?: number
    signal?: AbortSignal
    onProgress?: (percent: number) => void
  }): Promise<TableResult[]>
  close(): Promise<void>
}
