import type { Readable } from 'node:stream'

/** A file of this machine on its way in. */
export interface IncomingFile {
  path: string
  sizeBytes: number
}

/** Bytes on their way in: uploads that grow at an offset until they are whole, and files in folders that an administrator allowed. */
export interface Incoming {
  /** Room for an upload; conflict when it exists. */
  create(id: string): Promise<void>
  /** Bytes received so far; null when there is no such upload. */
  received(id: string): Promise<number | null>
  /**
   * Writes at `offset`, which must be what was received so far (conflict otherwise, with `received` in the facts), and never beyond `sizeBytes`.
   * What arrived before a broken connection stays, so the sender can go on from there. Returns the bytes received.
   */
  append(id: string, offset: number, source: Readable, sizeBytes: number): Promise<number>
  /** Makes a finished upload durable and gives its SHA-256. */
  finish(id: string): Promise<string>
  file(id: string): Promise<IncomingFile>
  remove(id: string): Promise<void>
  /** Uploads that nobody touched since. */
  untouchedSince(ms: number): Promise<string[]>
  /** The real place of a regular file, when that lies within one of `folders`; not_found otherwise, whether or not it exists. */
  allowed(path: string, folders: readonly string[]): Promise<IncomingFile>
  /** The real place of a folder within one of `folders` (or one of them itself); null when it is no folder there. */
  allowedFolder(path: string, folders: readonly string[]): Promise<string | null>
  /** Copies an allowed file to `to` and gives the SHA-256 of what was copied. Decides again at this moment: links may have changed. */
  copyAllowed(
    path: string,
    folders: readonly string[],
    to: string,
    signal?: AbortSignal,
  ): Promise<{ sha256: string; sizeBytes: number }>
}
