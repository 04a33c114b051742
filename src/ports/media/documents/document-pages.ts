import { readFile, stat } from 'node:fs/promises'
import { DocumentError, type DocumentKind, type DocumentPage, documentLimits } from './document.ts'
import { htmlText, openDocumentText, wordPages } from './markup-text.ts'
import { officePart } from './office-part.ts'
import { encodingOfHtml, plainText } from './plain-text.ts'

/** The text of a document, by page where it has some. Throws what is wrong with it. */
export async function documentPages(path: string, kind: DocumentKind): Promise<DocumentPage[]> {
  const { size } = await stat(path)
  if (size === 0) throw new DocumentError('has no bytes')
  if (size > documentLimits.bytes) throw new DocumentError(`is larger than ${documentLimits.bytes / 1024 ** 2} MB`)
  const pages = (await read[kind](path)).map(({ page, text }) => ({ page, text: readable(text) }))
  const characters = pages.reduce((sum, { text }) => sum + text.length, 0)
  if (characters === 0) throw new DocumentError('holds no text')
  if (characters > documentLimits.characters)
    throw new DocumentError(`holds more than ${documentLimits.characters.toLocaleString('en')} characters`)
  return pages
}

const whole = (text: string): DocumentPage[] => [{ page: null, text }]

const read: Record<DocumentKind, (path: string) => Promise<DocumentPage[]>> = {
  text: async (path) => whole(plainText(await readFile(path))),
  async html(path) {
    const bytes = await readFile(path)
    return whole(htmlText(plainText(bytes, { said: encodingOfHtml(bytes) })))
  },
  // Loaded only where there is one: it is large.
  pdf: async (path) => (await import('./pdf-pages.ts')).pdfPages(await readFile(path)),
  async docx(path) {
    const pages = wordPages(await officePart(path, 'word/document.xml'))
    return pages.length === 1 ? whole(pages[0]!) : pages.map((text, i) => ({ page: i + 1, text }))
  },
  odt: async (path) => whole(openDocumentText(await officePart(path, 'content.xml'))),
}

/** Without what no table and no model takes: characters that are none. */
const readable = (text: string): string =>
  text
    .replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/g, ' ')
    .toWellFormed()
    .trim()
