import type { Readable } from 'node:stream'

/** What identifies bytes: the SHA-256 of their content, 64 hex digits. */
export type BlobHash = string

export interface BlobInfo {
  sha256: BlobHash
  sizeBytes: number
}

/** A blob and when its bytes were last handed to the store (milliseconds), also when it held them already. */
export interface StoredBlob extends BlobInfo {
  storedAt: number
}

/** Immutable bytes by content. The same bytes are stored once. A blob is either whole and durable or absent. */
export interface BlobStore {
  readonly supportsRangeReads: boolean
  /** Local path of a blob, for processes that map files; null where the store is remote. */
  localPath(sha256: BlobHash): string | null
  /** Stores a stream. `expected` refuses bytes that are not what was declared (invalid_input). Throws storage_full when the disk is full. */
  put(source: Readable | Uint8Array | string, options?: { expected?: BlobHash; maxBytes?: number }): Promise<BlobInfo>
  /** Takes over a finished local file (rename where possible). */
  putFile(path: string): Promise<BlobInfo>
  /** Takes over many finished files, in their order: what makes each durable is shared between them. */
  putFiles(paths: readonly string[], options?: { signal?: AbortSignal; onProgress?: (done: number) => void }): Promise<BlobInfo[]>
  /** not_found when absent. `range` is inclusive of start, exclusive of end. */
  get(sha256: BlobHash, range?: { start: number; end?: number }): Promise<Readable>
  bytes(sha256: BlobHash): Promise<Uint8Array>
  stat(sha256: BlobHash): Promise<BlobInfo | null>
  /** Lays the blob at `path` (hard link, reflink or copy), read-only. */
  materialise(sha256: BlobHash, path: string): Promise<void>
  /** False when it stays: stored again at or after `unlessStoredSince`, by somebody who is about to name it. */
  delete(sha256: BlobHash, options?: { unlessStoredSince?: number }): Promise<boolean>
  list(): AsyncIterable<StoredBlob>
}

/** Every SHA-256 in a JSON text. */
export const hashesIn = (text: string | null): string[] => text?.match(/(?<=")[0-9a-f]{64}(?=")/g) ?? []
