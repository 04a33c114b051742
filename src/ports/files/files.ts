import type { Readable } from 'node:stream'

export interface FileInfo {
  /** Relative to the root, with `/`. */
  path: string
  sizeBytes: number
}

/**
 * Files under a named root. Every path goes through the one `resolvePath`, so text from a client or the output of a job can never
 * name anything outside. Only regular files are read; links are refused, not followed.
 */
export interface Files {
  /** The absolute path of `path` under `root`; invalid_input when it is absolute, climbs, or holds a NUL. Touches no disk. */
  resolvePath(root: string, ...path: string[]): string
  makeFolder(root: string, path?: string): Promise<string>
  exists(root: string, path: string): Promise<boolean>
  /** Reads a file. `maxBytes` (16 MB unless told) bounds what a job may make us hold: too_large beyond. */
  readText(root: string, path: string, maxBytes?: number): Promise<string>
  readJson(root: string, path: string, maxBytes?: number): Promise<unknown>
  /** The whole file, or its bytes from `start` up to `end`. */
  open(root: string, path: string, range?: { start: number; end: number }): Promise<{ sizeBytes: number; stream: Readable }>
  /** Whole or not at all: written beside and renamed. */
  writeText(root: string, path: string, text: string): Promise<void>
  writeJson(root: string, path: string, value: unknown): Promise<void>
  writeStream(root: string, path: string, source: Readable, maxBytes?: number): Promise<number>
  /** Regular files below a folder, at any depth, sorted. Caps on count and bytes: too_large beyond. An absent folder is empty. */
  list(root: string, path?: string, caps?: { maxFiles?: number; maxBytes?: number }): Promise<FileInfo[]>
  /** Names directly in a folder; an absent folder is empty. */
  names(root: string, path?: string): Promise<string[]>
  /** Copies a file or a whole folder (regular files only) from one root to another. */
  copy(from: { root: string; path: string }, to: { root: string; path: string }): Promise<void>
  move(from: { root: string; path: string }, to: { root: string; path: string }): Promise<void>
  remove(root: string, path?: string): Promise<void>
  /** Follows a file that another process appends to: whole lines, as they come. */
  follow(root: string, path: string): Promise<LineFollower>
}

export interface LineFollower {
  /** Some of the lines completed since the last call: few enough to be dealt with in one turn of the event loop. */
  next(): Promise<string[]>
  /** Whether the last call reached what was then the end of the file. */
  readonly isAtEnd: boolean
  /** Closes the file; an unfinished last line, if there is one. */
  close(): Promise<string | null>
}
