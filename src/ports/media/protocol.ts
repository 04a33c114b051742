import type { DocumentKind } from './documents/document.ts'
import type { DocumentText, Unpacked } from './media.ts'

/** What the server asks of a media process, and what it hears back. One request at a time. */
export type MediaRequest =
  | { ask: 'unpack'; from: string; to: string; look: { maxBytes: number; maxItems: number } | null }
  | { ask: 'thumbnail'; from: string; to: string; size: number }
  | { ask: 'document'; from: string; kind: DocumentKind }

export type MediaValue = Unpacked | DocumentText | null

export type MediaReply =
  | { say: 'progress'; items: number; bytes: number }
  | { say: 'done'; value: MediaValue }
  | { say: 'failed'; code: string; message: string }
