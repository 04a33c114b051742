import { getDocumentProxy } from 'unpdf'
import { DocumentError, type DocumentPage, documentLimits } from './document.ts'

/** The words of a PDF, page by page, in the order in which they were written. Nothing in it is run. */
export async function pdfPages(bytes: Buffer): Promise<DocumentPage[]> {
  if (bytes.subarray(0, 1024).indexOf('%PDF-') < 0) throw new DocumentError('is no PDF, whatever its name says')
  const pdf = await getDocumentProxy(new Uint8Array(bytes), {
    verbosity: 0,
    enableXfa: false,
    disableFontFace: true,
    useSystemFonts: false,
  }).catch((error: Error) => {
    throw new DocumentError(
      error.name === 'PasswordException'
        ? 'is locked with a password'
        : `cannot be read as a PDF: ${error.message.slice(0, 160)}`,
    )
  })
  if (pdf.numPages > documentLimits.pages)
    throw new DocumentError(`has ${pdf.numPages} pages; at most ${documentLimits.pages} are read`)
  const pages: DocumentPage[] = []
  let characters = 0
  for (let number = 1; number <= pdf.numPages; number++) {
    const page = await pdf.getPage(number)
    const { items } = await page.getTextContent()
    let text = ''
    for (const item of items) if ('str' in item) text += item.str + (item.hasEOL ? '\n' : '')
    page.cleanup()
    characters += text.length
    if (characters > documentLimits.characters)
      throw new DocumentError(`holds more than ${documentLimits.characters.toLocaleString('en')} characters`)
    pages.push({ page: number, text: text.trim() })
  }
  if (characters === 0 || pages.every(({ text }) => text === ''))
    throw new DocumentError('holds no text: its pages are pictures, and pictures are not read')
  return pages
}
