import type { Column } from '../../datasets/schema.ts'

/** Rows of a data set: which version they are of, and as which it may go on. */
export interface TableOfVersion {
  datasetId: string
  versionId: string
  /** Only this part of a split. */
  split: { id: string; part: 'train' | 'validation' } | null
  columns: Column[]
  /** What one would predict of it. */
  target: string | null
  manifest: { sha256: string; sizeBytes: number; items: number } | null
}

/** The rows of a transform where the table engine finds them, for as long as its job lives. */
export interface LaidRows {
  /** A Parquet file. */
  path: string
  rows: number
  columns: LaidColumn[]
  /** Where the items of its columns of media lie (`media/<path>`). */
  folder: string
  manifest: { sha256: string; sizeBytes: number; items: number } | null
  /** What was noticed when they were read: files that are in no row, say. */
  notes: string[]
  /** Where the rows are documents: some may be without text. */
  documents: DocumentsRead | null
}

/** What became of the documents that a transform was given. */
export interface DocumentsRead {
  files: number
  /** The first of them, by name. */
  unread: { path: string; why: string }[]
  unreadCount: number
  /** What lay beside them and is none, or could not be taken. */
  leftOut: { path: string; why: string }[]
}

export interface LaidColumn {
  name: string
  /** As the table engine names it. */
  sqlType: string
  /** Of a data set's table; null in a file that was sent as it is. */
  column: Column | null
}

/** A stretch of rows that is answered, kept and, after a crash, not answered again. */
export interface Stretch {
  number: number
  from: number
  to: number
}

/** What a stretch left: a Parquet file of the kept columns and the answers. */
export interface DoneStretch {
  rows: number
  bad: number
}

/** The column for why a row has no answer. */
export const reasonColumn = (prefix: string): string => `${prefix}error`
