import { invalidInput } from '../../../kernel/errors.ts'
import type { Files } from '../../../ports/files/files.ts'

/** A file that is looked at piece by piece, however large it is. */
export interface ByteSource {
  path: string
  sizeBytes: number
  /** Bytes from `start` up to `end`; fewer at the end of the file. */
  read(start: number, end: number): Promise<Buffer>
}

/** A file under a root, as a source. */
export const sourceOf = (files: Files, root: string, file: { path: string; file: string; sizeBytes: number }): ByteSource => ({
  path: file.path,
  sizeBytes: file.sizeBytes,
  async read(start, end) {
    const to = Math.min(end, file.sizeBytes)
    if (to <= start) return Buffer.alloc(0)
    const { stream } = await files.open(root, file.file, { start, end: to })
    const parts: Buffer[] = []
    for await (const part of stream) parts.push(part as Buffer)
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts)
  },
})

/** Bytes in memory, as a source. */
export const sourceOfBytes = (path: string, bytes: Buffer): ByteSource => ({
  path,
  sizeBytes: bytes.length,
  read: async (start, end) => bytes.subarray(start, end),
})

/** The whole of a small file as text. */
export async function textOf(source: ByteSource, mostBytes: number): Promise<string> {
  if (source.sizeBytes > mostBytes)
    throw invalidInput(`"${source.path}" has ${source.sizeBytes} bytes; at most ${mostBytes} are read of such a file.`, {
      file: source.path,
    })
  return (await source.read(0, source.sizeBytes)).toString('utf8')
}

/** The whole of a small JSON file; its objects have no prototype that a key could name. */
export async function jsonOf(source: ByteSource, mostBytes = 16 * 2 ** 20): Promise<unknown> {
  const text = await textOf(source, mostBytes)
  try {
    return JSON.parse(text)
  } catch {
    throw invalidInput(`"${source.path}" is not valid JSON.`, { file: source.path })
  }
}

/** Foreign text in a sentence. */
export const shown = (text: string): string => text.slice(0, 120).replace(/[^\x20-\x7e]/g, '?')
