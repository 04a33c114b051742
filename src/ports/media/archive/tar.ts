import { createReadStream } from 'node:fs'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { extract } from 'tar-stream'
import { ArchiveError, type Entry } from './entry.ts'

const kinds: Record<string, Entry['kind']> = {
  file: 'file',
  'contiguous-file': 'file',
  directory: 'folder',
  link: 'link',
  symlink: 'link',
}

const smallBytes = 4 * 1024 ** 2

async function collect(content: Readable): Promise<Buffer> {
  const pieces: Buffer[] = []
  for await (const piece of content) pieces.push(piece)
  return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)
}

/** The entries of a .tar or .tar.gz, in its order. */
export async function* tarEntries(path: string, { gzip }: { gzip: boolean }): AsyncGenerator<Entry> {
  const tar = extract()
  const source = createReadStream(path, { highWaterMark: 1 << 20 })
  const feeding = (gzip ? pipeline(source, createGunzip(), tar) : pipeline(source, tar)).catch((error) => tar.destroy(error))
  const damaged = (error: unknown) =>
    new ArchiveError(`The ${gzip ? '.tar.gz' : '.tar'} archive is damaged or cut off: ${(error as Error).message.slice(0, 200)}.`)
  try {
    for await (const entry of tar) {
      const { name, type, size } = entry.header
      let taken = false
      yield {
        name,
        kind: kinds[type ?? 'file'] ?? 'other',
        sizeBytes: size ?? 0,
        async open() {
          taken = true
          const content = entry as unknown as Readable
          // Whichever stream notices first, the archive is what is damaged.
          return (size ?? 0) > smallBytes
            ? content
            : collect(content).catch((error) => {
                throw damaged(error)
              })
        },
      }
      // The next entry comes only when this one is read or let go.
      if (!taken) entry.resume()
    }
    await feeding
  } catch (error) {
    throw damaged(error)
  } finally {
    source.destroy()
    tar.destroy()
  }
}
