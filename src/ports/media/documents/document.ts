/** A page of a document, or all of one that knows no pages. */
export interface DocumentPage {
  /** From 1; null where the document knows no pages. */
  page: number | null
  text: string
}

/** Why a document has no text to read, in words that follow its name. */
export class DocumentError extends Error {}

export const documentKinds = ['text', 'html', 'pdf', 'docx', 'odt'] as const
export type DocumentKind = (typeof documentKinds)[number]

const endings: Record<string, DocumentKind> = {
  txt: 'text',
  text: 'text',
  md: 'text',
  markdown: 'text',
  rst: 'text',
  htm: 'html',
  html: 'html',
  xhtml: 'html',
  pdf: 'pdf',
  docx: 'docx',
  odt: 'odt',
}

/** What kind of document a name promises; null for none that is read. */
export const documentKind = (name: string): DocumentKind | null =>
  endings[/\.([a-z]+)$/i.exec(name)?.[1]?.toLowerCase() ?? ''] ?? null

/** What one document may take. */
export const documentLimits = {
  /** Of the file. */
  bytes: 256 * 1024 ** 2,
  /** A part of an office document, unpacked. */
  partBytes: 64 * 1024 ** 2,
  /** Of all its text. */
  characters: 20_000_000,
  pages: 20_000,
  memoryBytes: 1024 ** 3,
  seconds: 120,
} as const
