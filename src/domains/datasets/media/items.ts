import type * as z from 'zod'
import { notFound, PlatformError } from '../../../kernel/errors.ts'
import type { Principal } from '../../../kernel/principal.ts'
import type { StreamReply } from '../../../kernel/route.ts'
import type { BlobStore } from '../../../ports/blobs/blob-store.ts'
import type { Files } from '../../../ports/files/files.ts'
import type { Media } from '../../../ports/media/media.ts'
import { localTable, manifestFile, tableFile } from '../lay.ts'
import type { ItemQuery, ItemsPage, ItemsQuery, ThumbnailQuery } from '../schema.ts'
import type { Scratch } from '../scratch.ts'
import type { DatasetRow, VersionRow } from '../tables.ts'
import { findItem, type ManifestItem, readManifest } from './manifest.ts'

export interface ItemsNeeds {
  blobs: BlobStore
  files: Files
  media: Media
  scratch: Scratch
  /** Small pictures that were made once. They can be made again. */
  thumbnails: string
  pinRow(by: Principal, ref: string, version?: string, project?: string): Promise<{ dataset: DatasetRow; version: VersionRow }>
}

/** Thumbnails are thrown away together when they take more than this. */
const mostThumbnails = { maxFiles: 300_000, maxBytes: 4 * 1024 ** 3 }
/** What is so small is its own thumbnail. */
const smallBytes = 6 * 1024
const shown = new Set(['image/png', 'image/jpeg', 'image/webp', 'image/gif'])
/** A version never changes, and only its readers get it. */
const keep = { 'cache-control': 'private, max-age=86400, immutable' }

/** The images and recordings of a version: their bytes, small pictures of them, and the list of all. */
export function mediaItems({ blobs, files, media, scratch, thumbnails, pinRow }: ItemsNeeds) {
  async function itemOf(
    by: Principal,
    ref: string,
    query: { path: string; version?: string; project?: string },
  ): Promise<ManifestItem> {
    const { dataset, version } = await pinRow(by, ref, query.version, query.project)
    tableFile(version)
    const manifest = manifestFile(version)
    const item = manifest && (await findItem(blobs, manifest, query.path))
    if (!item) throw notFound(`item in "${dataset.name}" v${version.number}`, query.path.slice(0, 200))
    return item
  }

  /** The bytes of an item, or a range of them. Never a type that a browser would run. */
  async function item(
    by: Principal,
    ref: string,
    query: z.output<typeof ItemQuery>,
    range: string | string[] | undefined,
  ): Promise<StreamReply> {
    const found = await itemOf(by, ref, query)
    const contentType = /^(image\/(?!svg)|audio\/)/.test(found.contentType) ? found.contentType : 'application/octet-stream'
    const headers = { ...keep, 'accept-ranges': 'bytes' }
    const part = rangeOf(range, found.sizeBytes)
    if (part === null) return { contentType, body: await blobs.get(found.sha256), sizeBytes: found.sizeBytes, headers }
    return {
      status: 206,
      contentType,
      body: await blobs.get(found.sha256, part),
      sizeBytes: part.end - part.start,
      headers: { ...headers, 'content-range': `bytes ${part.start}-${part.end - 1}/${found.sizeBytes}` },
    }
  }

  async function thumbnail(
    by: Principal,
    ref: string,
    query: z.output<typeof ThumbnailQuery>,
    signal?: AbortSignal,
  ): Promise<StreamReply> {
    const found = await itemOf(by, ref, query)
    if (!found.contentType.startsWith('image/'))
      throw new PlatformError('unsupported_type', `"${found.path}" is no image.`, { contentType: found.contentType })
    if (found.problem !== undefined) throw new PlatformError('unsupported_type', `"${found.path}" ${found.problem}.`, {})
    if (found.sizeBytes <= smallBytes && shown.has(found.contentType))
      return { contentType: found.contentType, body: await blobs.bytes(found.sha256), sizeBytes: found.sizeBytes, headers: keep }
    const folder = found.sha256.slice(0, 2)
    const name = `${folder}/${found.sha256}-${query.size}.webp`
    if (!(await files.exists(thumbnails, name))) {
      await files.makeFolder(thumbnails, folder)
      await scratch.within(async (own) => {
        const from = await localTable({ blobs }, found.sha256, async () => own)
        await media.thumbnail({ from, to: files.resolvePath(thumbnails, name), size: query.size, signal })
      })
    }
    const { stream, sizeBytes } = await files.open(thumbnails, name)
    return { contentType: 'image/webp', body: stream, sizeBytes, headers: keep }
  }

  /** A page of all items of a version, or of those in no row because they cannot be read. */
  async function list(by: Principal, ref: string, query: z.output<typeof ItemsQuery>): Promise<z.output<typeof ItemsPage>> {
    const { version } = await pinRow(by, ref, query.version, query.project)
    tableFile(version)
    const manifest = manifestFile(version)
    const page: z.output<typeof ItemsPage> = {
      items: [],
      total: 0,
      offset: query.offset,
      sizeBytes: 0,
      formats: [],
      unreadable: 0,
    }
    if (!manifest) return page
    const formats = new Map<string, { contentType: string; count: number; sizeBytes: number }>()
    for await (const items of readManifest(blobs, manifest.sha256))
      for (const one of items) {
        if (one.problem !== undefined) page.unreadable++
        if (query.unreadable && one.problem === undefined) continue
        if (page.total >= query.offset && page.items.length < query.limit) page.items.push(one)
        page.total++
        page.sizeBytes += one.sizeBytes
        const format = formats.get(one.contentType) ?? { contentType: one.contentType, count: 0, sizeBytes: 0 }
        formats.set(one.contentType, { ...format, count: format.count + 1, sizeBytes: format.sizeBytes + one.sizeBytes })
      }
    page.formats = [...formats.values()].sort((a, b) => b.count - a.count)
    return page
  }

  async function tidy(): Promise<void> {
    await files.list(thumbnails, '', mostThumbnails).catch((error) => {
      if (error.code === 'too_large') return files.remove(thumbnails)
      throw error
    })
  }

  return { item, thumbnail, list, tidy }
}

/** One range of bytes (RFC 9110, 14.1.2); null where none is asked for or it is not understood, which means all of it. */
function rangeOf(header: string | string[] | undefined, sizeBytes: number): { start: number; end: number } | null {
  const match = typeof header === 'string' ? /^bytes=(\d*)-(\d*)$/.exec(header.trim()) : null
  if (!match || (match[1] === '' && match[2] === '')) return null
  const last = match[2] === '' ? sizeBytes - 1 : Number(match[2])
  const start = match[1] === '' ? Math.max(0, sizeBytes - Number(match[2])) : Number(match[1])
  const end = match[1] === '' ? sizeBytes : Math.min(sizeBytes, last + 1)
  return start < end ? { start, end } : null
}
