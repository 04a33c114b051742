import { basename } from 'node:path'
import { Readable } from 'node:stream'
import { invalidInput } from '../../../kernel/errors.ts'
import type { Files } from '../../../ports/files/files.ts'
import { type DocumentKind, documentKind } from '../../../ports/media/documents/document.ts'
import type { DocumentText, Media, UnpackedItem } from '../../../ports/media/media.ts'
import { literal } from '../../../ports/tables/sql.ts'
import type { Tables } from '../../../ports/tables/tables.ts'
import type { Column } from '../../datasets/schema.ts'
import type { DatasetsService } from '../../datasets/service.ts'
import type { JobContext } from '../../jobs/handler.ts'
import type { TransformSpec } from '../store.ts'
import type { DocumentsRead } from './spec.ts'

export interface LayDocumentsNeeds {
  files: Files
  tables: Tables
  media: Pick<Media, 'archiveKind' | 'unpack' | 'document'>
  datasets: Pick<DatasetsService, 'uploads'>
}

interface Found {
  /** As its owner knows it. */
  path: string
  kind: DocumentKind
  /** Absolute. */
  file: string
}

/** Why a row of documents has no text; no column of the result. */
export const problemColumn = '__problem'

const plain = (name: string, type: Column['type'], nullable: boolean): Column => ({
  name,
  type,
  nullable,
  personalData: null,
  description: '',
  unit: null,
})
const columns = [plain('path', 'category', false), plain('page', 'integer', true), plain('text', 'text', true)]
const mostNamed = 200
const mostRowBytes = 128 * 2 ** 20

/**
 * Lays documents (a folder, an archive, or one file) as a table of path, page and text; null where what came holds none. A document that cannot be
 * read is a row without text: the others are answered.
 */
export async function layDocuments(
  needs: LayDocumentsNeeds,
  context: JobContext<TransformSpec>,
  folder: string,
): Promise<{ rows: number; columns: Column[]; documents: DocumentsRead } | null> {
  const { files, tables, media } = needs
  const { spec, signal } = context
  if ('dataset' in spec.input) return null
  const { found, leftOut } = await findDocuments(needs, context)
  if (found.length === 0) {
    if (spec.input.documents === undefined) return null
    throw invalidInput('There is no document in it that is read here: .txt, .md, .rst, .html, .pdf, .docx and .odt are.', {
      field: 'input.documents',
    })
  }
  const byPage = spec.input.documents === 'page'
  const unread: DocumentsRead['unread'] = []
  let rows = 0
  async function* lines() {
    for (const [at, { path, kind, file }] of found.entries()) {
      context.progress('read', at, found.length, path)
      signal.throwIfAborted()
      const read = await media.document({ from: file, kind, signal })
      if ('problem' in read) unread.push({ path, why: read.problem })
      for (const row of rowsOf(read, byPage)) {
        rows++
        yield `${JSON.stringify({ path, ...row })}\n`
      }
    }
  }
  await files.writeStream(folder, 'documents.jsonl', Readable.from(lines()))
  if (unread.length === found.length)
    throw invalidInput(
      found.length === 1
        ? `"${unread[0]!.path}" ${unread[0]!.why}.`
        : `None of the ${found.length} documents can be read. The first: "${unread[0]!.path}" ${unread[0]!.why}.`,
      { documents: unread.slice(0, mostNamed) },
    )
  const from = `read_json(${literal(`${folder}/documents.jsonl`)}, format = 'newline_delimited', columns = {path: 'VARCHAR', page: 'BIGINT', text: 'VARCHAR', problem: 'VARCHAR'}, maximum_object_size = ${mostRowBytes})`
  await tables.run({
    folders: [folder],
    signal,
    // In the order of the documents, in groups that are small enough to be read one at a time.
    threads: 1,
    statements: [
      {
        sql: `COPY (SELECT path, page, text, problem AS ${problemColumn} FROM ${from}) TO ${literal(`${folder}/data.parquet`)} (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE 2048)`,
      },
    ],
  })
  await files.remove(folder, 'documents.jsonl')
  await files.remove(context.folder, 'documents')
  const documents = { files: found.length, unread: unread.slice(0, mostNamed), unreadCount: unread.length, leftOut }
  return { rows, columns, documents }
}

function rowsOf(read: DocumentText, byPage: boolean): { page: number | null; text: string | null; problem: string | null }[] {
  if ('problem' in read) return [{ page: null, text: null, problem: `This document ${read.problem}.` }]
  if (!byPage) {
    const text = read.pages.map((page) => page.text).filter((one) => one !== '')
    return [{ page: null, text: text.join('\n\n'), problem: null }]
  }
  return read.pages.map(({ page, text }) =>
    text === '' ? { page, text: null, problem: 'This page holds no text.' } : { page, text, problem: null },
  )
}

async function findDocuments(
  { files, media, datasets }: LayDocumentsNeeds,
  { spec, principal, folder, signal, progress }: JobContext<TransformSpec>,
): Promise<{ found: Found[]; leftOut: DocumentsRead['leftOut'] }> {
  if ('dataset' in spec.input) return { found: [], leftOut: [] }
  const { documents } = spec.input
  const source = 'upload' in spec.input ? { upload: spec.input.upload } : { serverPath: spec.input.serverPath }
  const file = await datasets.uploads.open(principal, source)
  if (!file.isFolder && (await media.archiveKind(file.path)) === null) {
    const kind = documentKind(file.filename)
    // A text may as well be a table: then somebody has to say so.
    const isOne = kind !== null && (documents !== undefined || !/\.(txt|text)$/i.test(file.filename))
    return { found: isOne ? [{ path: basename(file.filename), kind, file: file.path }] : [], leftOut: [] }
  }
  const to = await files.makeFolder(folder, 'documents')
  const unpacked = await media.unpack({ from: file.path, to, signal, onProgress: (items) => progress('read', items, null) })
  const lines = (await files.readText(to, 'items.jsonl', 1024 ** 3)).split('\n').filter(Boolean)
  const items = lines.map((line) => JSON.parse(line) as UnpackedItem)
  const found: Found[] = []
  const leftOut = unpacked.leftOut.map(({ path, why }) => ({ path, why }))
  for (const item of items) {
    const kind = documentKind(item.path)
    if (kind !== null) found.push({ path: item.path, kind, file: files.resolvePath(to, item.file) })
    else leftOut.push({ path: item.path, why: 'it is no document that is read here' })
  }
  return { found, leftOut: leftOut.slice(0, mostNamed) }
}
