import { basename, dirname } from 'node:path'
import type { BlobStore } from '../../ports/blobs/blob-store.ts'
import type { Files } from '../../ports/files/files.ts'
import type { Media, UnpackedItem } from '../../ports/media/media.ts'
import type { Source } from '../datasets/schema.ts'
import type { Uploads } from '../datasets/uploads.ts'
import type { JobContext } from '../jobs/handler.ts'
import type { Gathered } from './from-hub.ts'
import { kindOfFile, refuseUseless } from './kinds.ts'

interface Laid {
  items: Pick<UnpackedItem, 'path' | 'file'>[]
  leftOut: { path: string; why: string }[]
}

/** Unpacks a folder or an archive of weights, under the limits of every archive, and stores what is of use. */
export async function fromArchive(
  {
    files,
    blobs,
    media,
    uploads,
  }: { files: Files; blobs: BlobStore; media: Pick<Media, 'unpack'>; uploads: Pick<Uploads, 'open'> },
  from: Source,
  { folder, signal, principal, progress }: Pick<JobContext, 'folder' | 'signal' | 'principal' | 'progress'>,
): Promise<Gathered> {
  const source = await uploads.open(principal, from)
  const to = await files.makeFolder(folder, 'unpacked')
  progress('unpack', 0, null)
  const { items, leftOut } = (await isGguf(files, source))
    ? await aloneIn(files, to, source)
    : await unpacked({ files, media }, source.path, to, { signal, onProgress: (count) => progress('unpack', count, null) })
  const root = rootOf(items)
  const within = items
    .filter(({ path }) => path.startsWith(root))
    .map((item) => ({ ...item, path: item.path.slice(root.length) }))
  const kept = within.filter(({ path }) => kindOfFile(path) !== 'leftOut')
  refuseUseless(kept)
  const notes = [
    ...leftOut.map(({ path, why }) => `"${path}" was left out: ${why}.`),
    ...within
      .filter(({ path }) => kindOfFile(path) === 'leftOut')
      .slice(0, 50)
      .map(({ path }) => `"${path}" was left out: it is neither weights nor settings.`),
  ]
  progress('store', 0, kept.length)
  const stored = await blobs.putFiles(
    kept.map(({ file }) => files.resolvePath(to, file)),
    { signal, onProgress: (done) => progress('store', done, kept.length) },
  )
  const list = kept.map(({ path }, at) => ({ path, ...stored[at]!, sandboxOnly: kindOfFile(path) === 'sandboxOnly' }))
  return { files: list, notes, licence: null, provenance: null }
}

/** By its first letters, whatever it is called. */
async function isGguf(files: Files, { path, isFolder }: { path: string; isFolder: boolean }): Promise<boolean> {
  if (isFolder) return false
  const { stream } = await files.open(dirname(path), basename(path))
  for await (const first of stream) return (first as Buffer).toString('latin1', 0, 4) === 'GGUF'
  return false
}

/** A single file that is weights as it is. */
async function aloneIn(files: Files, to: string, source: { path: string }): Promise<Laid> {
  await files.copy({ root: dirname(source.path), path: basename(source.path) }, { root: to, path: 'model.gguf' })
  return { items: [{ path: 'model.gguf', file: 'model.gguf' }], leftOut: [] }
}

async function unpacked(
  { files, media }: { files: Files; media: Pick<Media, 'unpack'> },
  from: string,
  to: string,
  work: { signal: AbortSignal; onProgress: (items: number) => void },
): Promise<Laid> {
  const { leftOut } = await media.unpack({ from, to, ...work })
  const items = (await files.readText(to, 'items.jsonl', 64 * 2 ** 20))
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as UnpackedItem)
  return { items, leftOut }
}

/** The folder that holds config.json nearest to the top, else the top itself. */
function rootOf(items: readonly { path: string }[]): string {
  const configs = items.map(({ path }) => path).filter((path) => path === 'config.json' || path.endsWith('/config.json'))
  const [first] = configs.sort((a, b) => a.split('/').length - b.split('/').length || (a < b ? -1 : 1))
  return first === undefined ? '' : first.slice(0, -'config.json'.length)
}
