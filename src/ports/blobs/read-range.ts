import type { BlobHash, BlobStore } from './blob-store.ts'

/** Reads parts of a blob, from and up to a byte. */
export const readerOf =
  (blobs: Pick<BlobStore, 'get'>, sha256: BlobHash) =>
  async (start: number, end: number): Promise<Buffer> => {
    const parts: Buffer[] = []
    for await (const part of await blobs.get(sha256, { start, end })) parts.push(part as Buffer)
    return Buffer.concat(parts)
  }
