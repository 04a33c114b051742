/** Where a page of lines ended: read on from here, towards older lines. */
export interface LogPosition {
  segment: string
  /** Bytes of the segment before this belong to lines not yet read. */
  end: number
}

export interface LogSegment {
  name: string
  /** Absolute path. */
  path: string
  /** When its first line was written; its last was before the next segment of the same writer began. */
  fromMs: number
  /** When its last line was written. */
  toMs: number
  sizeBytes: number
}

/** A part of a line that is UTF-8 already. */
export interface BytesOfLine {
  bytes: Buffer
  start: number
  end: number
}

/** Lines appended by this process off its hot path, in files by day and size. */
export interface AppendLog {
  /** Queues a line (given in parts, without a line break). False when too much is waiting for the disk, or the log was closed: the line is not taken. */
  append(...parts: (string | BytesOfLine)[]): boolean
  /** Resolves when everything queued so far is in the file. */
  flush(): Promise<void>
  close(): Promise<void>
}

/** Logs by name under one root; each may have several writers, one per process. */
export interface AppendLogs {
  open(name: string): AppendLog
  /** Absolute path of a log's folder. */
  folder(name: string): string
  /** Oldest first. */
  segments(name: string): Promise<LogSegment[]>
  /** Up to `most` lines before a position (or from the end), newest first. `next` is null when there are no older ones. */
  readBack(
    name: string,
    most: number,
    before?: LogPosition,
  ): Promise<{ lines: { text: string; at: LogPosition }[]; next: LogPosition | null }>
  /** Removes segments all of whose lines were written before a time. */
  prune(name: string, beforeMs: number): Promise<void>
  remove(name: string): Promise<void>
}
