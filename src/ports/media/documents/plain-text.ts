import chardet from 'chardet'
import iconv from 'iconv-lite'
import { DocumentError } from './document.ts'

/** Bytes as text: by their mark, as UTF-8 where they are, else as what they look like or say they are. */
export function plainText(bytes: Buffer, { said }: { said?: string } = {}): string {
  if (bytes.length === 0) throw new DocumentError('has no bytes')
  const marked = markOf(bytes)
  if (marked === null && bytes.subarray(0, 65_536).includes(0)) throw new DocumentError('is no text, whatever its name says')
  if (marked !== null) return tidy(iconv.decode(bytes, marked))
  try {
    return tidy(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    const guess = said ?? chardet.detect(bytes.subarray(0, 1 << 20)) ?? 'windows-1252'
    return tidy(iconv.decode(bytes, iconv.encodingExists(guess) ? guess : 'windows-1252'))
  }
}

function markOf(bytes: Buffer): string | null {
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return 'utf-8'
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le'
  return bytes[0] === 0xfe && bytes[1] === 0xff ? 'utf-16be' : null
}

const tidy = (text: string): string => text.replace(/\r\n?/g, '\n')

/** The encoding that a page of HTML says of itself. */
export const encodingOfHtml = (bytes: Buffer): string | undefined =>
  /<meta[^>]+charset\s*=\s*["']?\s*([\w-]{2,40})/i.exec(bytes.toString('latin1', 0, 4096))?.[1]
