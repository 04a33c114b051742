import type { Readable } from 'node:stream'

/** One thing in an archive or a folder. */
export interface Entry {
  name: string
  kind: 'file' | 'folder' | 'link' | 'other'
  /** As the archive says; not to be believed. */
  sizeBytes: number
  /** Its content, at once where it is small. Read no more than once, before the next entry is asked for. */
  open(): Promise<Readable | Buffer>
}

/** What is wrong with the archive as a whole, in a sentence for whoever made it. */
export class ArchiveError extends Error {
  readonly code: 'invalid_input' | 'too_large' | 'unsupported_type'

  constructor(message: string, code: 'invalid_input' | 'too_large' | 'unsupported_type' = 'invalid_input') {
    super(message)
    this.code = code
  }
}
