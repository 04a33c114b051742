import type { TableQuery, TableResult } from './tables.ts'

/** What the server asks of a table process, and what it hears back. One request at a time. */
export type TableRequest =
  | {
      ask: 'open'
      folders: readonly string[]
      files: readonly string[]
      scratch: string | null
      memoryBytes: number
      threads: number
    }
  | { ask: 'run'; statements: readonly TableQuery[]; progress: boolean }
  | { ask: 'countCells'; query: TableQuery; points: readonly Float64Array[] }
  | { ask: 'close' }
  | { ask: 'sample'; from: string; to: string; encoding: string | null; maxBytes: number }
  | { ask: 'toUtf8'; from: string; to: string; encoding: string }
  | { ask: 'sheets'; from: string }
  | { ask: 'sheetToCsv'; from: string; to: string; sheet: string | null }

export type TableReply =
  | { say: 'progress'; percent: number }
  | { say: 'done'; value: TableResult[] | unknown }
  | { say: 'failed'; message: string; statement: number | null }
