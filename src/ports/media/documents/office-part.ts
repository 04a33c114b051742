import type { Readable } from 'node:stream'
import { ArchiveError } from '../archive/entry.ts'
import { zipEntries } from '../archive/zip.ts'
import { DocumentError, documentLimits } from './document.ts'

/** One part of an office document, which is a .zip: found by its name alone, unpacked no further than it may be. */
export async function officePart(path: string, part: string): Promise<string> {
  try {
    for await (const entry of zipEntries(path)) {
      if (entry.name !== part || entry.kind !== 'file') continue
      const content = await entry.open()
      const pieces: Buffer[] = []
      let length = 0
      for await (const piece of Buffer.isBuffer(content) ? [content] : (content as Readable)) {
        length += piece.length
        if (length > documentLimits.partBytes) throw tooLarge()
        pieces.push(piece)
      }
      return Buffer.concat(pieces).toString('utf8')
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge()
    if (error instanceof DocumentError) throw error
    if (error instanceof ArchiveError) throw new DocumentError(`cannot be unpacked: ${error.message.slice(0, 200)}`)
    throw new DocumentError('is damaged')
  }
  throw new DocumentError(`is no such document: it has no ${part}`)
}

const tooLarge = () => new DocumentError(`unpacks to more than ${documentLimits.partBytes / 1024 ** 2} MB`)
