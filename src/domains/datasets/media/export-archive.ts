import { pipeline } from 'node:stream/promises'
import { pack } from 'tar-stream'
import type { StreamReply } from '../../../kernel/route.ts'
import type { BlobStore } from '../../../ports/blobs/blob-store.ts'
import { readManifest } from './manifest.ts'

/** A version as one .tar: its table as `items.csv`, and every item under its path. Added again it gives the same rows. */
export function exportArchive(
  blobs: BlobStore,
  table: StreamReply,
  { manifest, name }: { manifest: string; name: string },
): StreamReply {
  const tar = pack()
  const fill = async () => {
    const pieces: Uint8Array[] = []
    for await (const piece of table.body as AsyncIterable<Uint8Array>) pieces.push(piece)
    tar.entry({ name: 'items.csv' }, Buffer.concat(pieces))
    for await (const items of readManifest(blobs, manifest))
      for (const { path, sha256, sizeBytes } of items)
        await pipeline(await blobs.get(sha256), tar.entry({ name: path, size: sizeBytes }))
    tar.finalize()
  }
  fill().catch((error) => tar.destroy(error))
  return { contentType: 'application/x-tar', body: tar as unknown as StreamReply['body'], filename: `${name}.tar` }
}
