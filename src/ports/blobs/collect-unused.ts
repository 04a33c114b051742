import { days } from '../../kernel/time.ts'
import type { BlobHash, BlobStore } from './blob-store.ts'

/** All the blobs that the rows of one domain name. */
export type BlobsInUse = () => AsyncIterable<BlobHash>

/** Blobs are stored before the rows that name them: only what nobody has named for a day is unused. */
export const unusedForMs = days(1)

/**
 * Deletes the blobs that no row names (mark and sweep): what a publish left that failed, what went out of the bin.
 * Says how many went and their bytes.
 */
export async function collectUnused(
  { blobs, inUse }: { blobs: BlobStore; inUse: readonly BlobsInUse[] },
  { now = Date.now() } = {},
): Promise<{ blobs: number; sizeBytes: number }> {
  const before = now - unusedForMs
  const used = new Set<BlobHash>()
  for (const hashes of inUse) for await (const hash of hashes()) used.add(hash)
  const freed = { blobs: 0, sizeBytes: 0 }
  for await (const { sha256, sizeBytes, storedAt } of blobs.list()) {
    if (used.has(sha256) || storedAt >= before) continue
    if (!(await blobs.delete(sha256, { unlessStoredSince: before }))) continue
    freed.blobs++
    freed.sizeBytes += sizeBytes
  }
  return freed
}
