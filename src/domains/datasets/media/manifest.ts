import { Readable } from 'node:stream'
import type { BlobStore } from '../../../ports/blobs/blob-store.ts'

/** An item of a version: its path there, and the bytes behind it. */
export interface ManifestItem {
  path: string
  sha256: string
  sizeBytes: number
  contentType: string
  /** Why it is in no row. */
  problem?: string
}

/** The file of a version that names its items: one JSON object a line, sorted by path, so that one item is found without reading all. */
export const manifestName = 'manifest.jsonl'

export function manifestStream(items: readonly ManifestItem[]): Readable {
  const sorted = [...items].sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0))
  return Readable.from(
    (function* () {
      for (let at = 0; at < sorted.length; at += 500)
        yield Buffer.from(
          sorted
            .slice(at, at + 500)
            .map((item) => `${JSON.stringify(item)}\n`)
            .join(''),
        )
    })(),
  )
}

/** Every item, a few hundred at a time. */
export async function* readManifest(blobs: BlobStore, sha256: string): AsyncGenerator<ManifestItem[]> {
  let rest = ''
  const decoder = new TextDecoder()
  for await (const piece of await blobs.get(sha256)) {
    const lines = (rest + decoder.decode(piece as Uint8Array, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    if (lines.length > 0) yield lines.map((line) => JSON.parse(line) as ManifestItem)
  }
}

const windowBytes = 8192

/** One item by its path: halves the file until the line is found. */
export async function findItem(
  blobs: BlobStore,
  manifest: { sha256: string; sizeBytes: number },
  path: string,
): Promise<ManifestItem | null> {
  let low = 0
  let high = manifest.sizeBytes
  while (high - low > windowBytes) {
    const middle = Math.floor((low + high) / 2)
    // A line is no longer than the window: paths are at most 1,024 characters.
    const text = await textAt(blobs, manifest.sha256, middle, Math.min(manifest.sizeBytes, middle + windowBytes))
    const start = text.indexOf(0x0a) + 1
    const end = text.indexOf(0x0a, start)
    if (start === 0 || end < 0 || middle + start >= high) break
    const item = JSON.parse(text.toString('utf8', start, end)) as ManifestItem
    if (item.path === path) return item
    if (item.path < path) low = middle + end + 1
    else high = middle + start
  }
  const text = await textAt(blobs, manifest.sha256, low, high)
  for (const line of text.toString('utf8').split('\n')) {
    if (line === '') continue
    const item = JSON.parse(line) as ManifestItem
    if (item.path === path) return item
  }
  return null
}

async function textAt(blobs: BlobStore, sha256: string, start: number, end: number): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  for await (const piece of await blobs.get(sha256, { start, end })) pieces.push(piece as Uint8Array)
  return Buffer.concat(pieces)
}
