import type { Unpacked } from './media.ts'

/** What the server asks of a media process, and what it hears back. One request at a time. */
export type MediaRequest =
  | { ask: 'unpack'; from: string; to: string; look: { maxBytes: number; maxItems: number } | null }
  | { ask: 'thumbnail'; from: string; to: string; size: number }

export type MediaReply =
  | { say: 'progress'; items: number; bytes: number }
  | { say: 'done'; value: Unpacked | null }
  | { say: 'failed'; code: string; message: string }
