import type { DocumentKind, DocumentPage } from './documents/document.ts'

/** What a picture is, and what it looks like. */
export interface ImageFacts {
  width: number
  height: number
  /** 1: grey, 3: colour, 4: with transparency. */
  channels: number
  /** Frames of an animation or pages; 1 for a still. */
  pages: number
  /** Differences between neighbours of a 9 x 8 grey thumbnail: 64 bits as 16 hex digits. Pictures that look alike differ in few bits. */
  look: string
  /** That thumbnail itself: 72 bytes as base64, to tell pictures apart that merely have their edges in the same places. */
  grey: string
}

export interface AudioFacts {
  seconds: number
  sampleRate: number
  channels: number
  codec: string
}

/** One file of an archive or a folder, laid out under a number: its path is only words until it is decided where it goes. */
export interface UnpackedItem {
  path: string
  /** Where its bytes are, below the folder that was named. */
  file: string
  sizeBytes: number
  /** By content, not by name. */
  kind: 'image' | 'audio' | 'text' | 'other'
  contentType: string
  image?: ImageFacts
  audio?: AudioFacts
  /** Why it cannot be used, in words that follow its name. */
  problem?: string
}

export interface Unpacked {
  items: number
  sizeBytes: number
  /** What was left out, and why: links, paths that climb, names that are there twice. */
  leftOut: { path: string; why: string }[]
  leftOutCount: number
  /** Only the beginning was looked at. */
  cut: boolean
}

/** What a document says, or why nothing of it could be read, in words that follow its name. */
export type DocumentText = { pages: DocumentPage[] } | { problem: string }

export interface UnpackWork {
  /** An archive (.zip, .tar, .tar.gz) or a folder. */
  from: string
  /** A folder of this work's own. */
  to: string
  /** Looks only: media are sniffed and not kept, texts are kept; stops after so many bytes. */
  look?: { maxBytes: number; maxItems: number }
  signal?: AbortSignal
  onProgress?: (items: number, bytes: number) => void
}

/**
 * Images, audio, documents and the archives they come in. All of it is done by child processes that hold nothing of the server: a picture made to
 * break its decoder breaks a child.
 */
export interface Media {
  /** What a file is, by its first bytes: an archive that `unpack` reads, or not. */
  archiveKind(path: string): Promise<'zip' | 'tar' | 'tar.gz' | null>
  /** Lays the files of an archive below `to`, looks into each, and leaves `items.jsonl` (one UnpackedItem a line). */
  unpack(work: UnpackWork): Promise<Unpacked>
  /** A picture as WebP, no side longer than `size`, upright. */
  thumbnail(work: { from: string; to: string; size: number; signal?: AbortSignal }): Promise<void>
  /** The text of a document. What is wrong with one is an answer: others are read all the same. */
  document(work: { from: string; kind: DocumentKind; signal?: AbortSignal }): Promise<DocumentText>
  close(): Promise<void>
}
