import type * as z from 'zod'
import { invalidInput } from '../../../kernel/errors.ts'
import type { BlobInfo, BlobStore } from '../../../ports/blobs/blob-store.ts'
import type { UnpackedItem } from '../../../ports/media/media.ts'
import type { Tables } from '../../../ports/tables/tables.ts'
import { type ImportedTable, importTable } from '../import/import-table.ts'
import type { Column, ColumnChange, ReadOptions } from '../schema.ts'
import { findCopies } from './copies.ts'
import { layOut } from './layouts/detect-layout.ts'
import type { LaidColumn, LaidOut } from './layouts/layout.ts'
import { type ManifestItem, manifestStream } from './manifest.ts'
import { mediaColumns } from './media-columns.ts'
import { rowsCsv } from './rows-file.ts'
import { type SurveyNeeds, survey } from './survey.ts'

export type Changes = readonly z.input<typeof ColumnChange>[]

export interface ImportMediaNeeds extends SurveyNeeds {
  tables: Tables
  blobs: BlobStore
}

export interface ImportedMedia extends ImportedTable {
  manifest: BlobInfo & { items: number }
}

/** Reads a whole archive or folder: every item into the blob store, a manifest of them, and the table of what is known of each. */
export async function importMedia(
  needs: ImportMediaNeeds,
  work: { folder: string; signal?: AbortSignal; progress(stage: string, done: number, of: number | null): void },
  from: string,
  wish: { options?: Partial<ReadOptions>; columns?: Changes; pseudonymKey: string | null },
): Promise<ImportedMedia> {
  const { files, blobs, tables } = needs
  const { folder, signal } = work
  const found = await survey(needs, {
    from,
    folder: `${folder}/items`,
    signal,
    onProgress: seldom((items) => work.progress('unpack', items, null)),
  })
  const laid = await layOut(found, { layout: wish.options?.layout })
  const kept = found.items.filter(({ kind }) => kind === found.kind)
  work.progress('store', 0, kept.length)
  const stored = await blobs.putFiles(
    kept.map(({ file }) => files.resolvePath(`${folder}/items`, file)),
    { signal, onProgress: seldom((done) => work.progress('store', done, kept.length)) },
  )
  const manifest = await blobs.put(manifestStream(kept.map((item, at) => manifestItem(item, stored[at]!))))
  const hashes = new Map(kept.map((item, at) => [item, stored[at]!.sha256]))
  const copies = findCopies(
    laid,
    laid.items.map((item) => hashes.get(item)!),
  )
  const columns = mediaColumns(copies.column ? { ...laid, columns: [...laid.columns, copies.column] } : laid)
  await files.writeStream(folder, 'rows.csv', rowsCsv(columns))
  await files.remove(folder, 'items')
  const table = await importTable(
    { tables, folder, signal, progress: work.progress },
    { path: `${folder}/rows.csv`, filename: 'rows.csv' },
    { options: rowsOptions(laid), columns: changesOf(columns, wish.columns ?? []), pseudonymKey: wish.pseudonymKey },
  )
  return {
    ...table,
    options: { format: 'media', layout: laid.layout },
    warnings: [...found.warnings, ...laid.warnings, ...copies.warnings, ...table.warnings],
    manifest: { ...manifest, items: kept.length },
  }
}

/** Progress is for people: once a second is enough of it. */
function seldom(tell: (done: number) => void): (done: number) => void {
  let last = 0
  return (done) => {
    if (Date.now() - last < 1000) return
    last = Date.now()
    tell(done)
  }
}

const manifestItem = ({ path, contentType, problem }: UnpackedItem, { sha256, sizeBytes }: BlobInfo): ManifestItem => ({
  path,
  sha256,
  sizeBytes,
  contentType,
  ...(problem !== undefined && { problem }),
})

/** Names of folders are never words for a missing value; what a table beside the items says may be. */
export const rowsOptions = ({ columns }: LaidOut): Partial<ReadOptions> => ({
  format: 'csv',
  delimiter: ',',
  quote: '"',
  header: true,
  encoding: 'utf-8',
  ...(columns.every(({ type }) => type !== null) && { nullValues: [] }),
})

/** In a table nothing names items: there are none. */
export function refuseMediaTypes(
  wanted: readonly { name: string; type?: string }[],
  columns: readonly Pick<Column, 'name' | 'type'>[] = [],
): void {
  for (const { name, type } of wanted)
    if ((type === 'image' || type === 'audio') && !columns.some((column) => column.name === name && column.type === type))
      throw invalidInput(
        `The column "${name}" cannot have the type ${type}: no files came with it. Add the table together with its files, as a folder or an archive.`,
        { field: 'columns', column: name },
      )
}

/** What the layout knows of its columns, and what the person wants of them. */
export function changesOf(columns: readonly LaidColumn[], wanted: Changes): Changes {
  const media = new Map(columns.flatMap(({ name, type }) => (type === 'image' || type === 'audio' ? [[name, type]] : [])))
  for (const { name, action, type } of wanted)
    if (media.has(name) && ((action ?? 'keep') !== 'keep' || (type !== undefined && type !== media.get(name))))
      throw invalidInput(`The column "${name}" names the items themselves: it stays, and stays what it is.`, {
        field: 'columns',
        column: name,
      })
    else if ((type === 'image' || type === 'audio') && !media.has(name))
      throw invalidInput(`The column "${name}" names no items, so it cannot have the type ${type}.`, {
        field: 'columns',
        column: name,
      })
  const byName = new Map(wanted.map((change) => [change.name, change]))
  const known = columns.filter(({ name, type }) => type !== null || byName.has(name))
  return [
    ...known.map(({ name, type }) => ({ type: type ?? undefined, ...byName.get(name), name })),
    ...wanted.filter(({ name }) => !columns.some((column) => column.name === name)),
  ]
}
