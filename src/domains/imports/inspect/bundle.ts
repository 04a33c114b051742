import { createHash } from 'node:crypto'
import { basename, dirname } from 'node:path'
import { invalidInput, PlatformError } from '../../../kernel/errors.ts'
import type { Files } from '../../../ports/files/files.ts'
import type { Media, UnpackedItem } from '../../../ports/media/media.ts'
import { type ByteSource, shown, sourceOf } from './byte-source.ts'
import { zipKind } from './torch.ts'

/** What somebody brought, laid out under `root`: one file, or the files of a folder or archive. */
export interface Bundle {
  root: string
  files: ByteSource[]
  /** Where the bytes of each file lie below the root. */
  places: Map<string, string>
  container: 'tar.gz' | 'other' | null
  /** Files within a zip of torch's, by the path of that zip. */
  members: Map<string, ByteSource[]>
}

const mostFiles = 5000
/** Of a table of contents for the record. */
const mostListed = 200

export interface BundleNeeds {
  files: Files
  media: Pick<Media, 'unpack' | 'archiveKind'>
}

/** Lays out an upload or a folder of the server. Links, devices and paths that lead out of it are refused, as are archives within it. */
export async function openBundle(
  { files, media }: BundleNeeds,
  source: { path: string; filename: string; sizeBytes: number; isFolder: boolean },
  folder: string,
  signal?: AbortSignal,
): Promise<Bundle> {
  const kind = source.isFolder ? 'folder' : await media.archiveKind(source.path)
  if (kind === null) return alone(files, source)
  const root = await files.makeFolder(folder, 'bundle')
  const items = await unpackInto({ files, media }, source.path, root, signal)
  const paths = items.map(({ path }) => path)
  if (kind === 'zip') {
    const what = zipKind(paths)
    refuseKeras(source.filename, what)
    if (what === 'torchscript' || what === 'torch') {
      const whole = alone(files, source)
      whole.members.set(whole.files[0]!.path, sourcesOf(files, root, items))
      return whole
    }
  }
  if (items.length === 0) throw invalidInput('There are no files in it.', { field: 'source' })
  if (items.length > mostFiles)
    throw new PlatformError('too_large', `There are ${items.length} files in it; a model has at most ${mostFiles}.`)
  const bundle: Bundle = {
    root,
    files: sourcesOf(files, root, items),
    places: new Map(items.map(({ path, file }) => [path, file])),
    container: kind === 'tar.gz' ? 'tar.gz' : 'other',
    members: new Map(),
  }
  for (const [at, item] of items.entries()) await lookWithin({ files, media }, bundle, item, at, folder, signal)
  return bundle
}

/** A file that is itself packed: torch's own are looked into, other archives refused. */
async function lookWithin(
  { files, media }: BundleNeeds,
  bundle: Bundle,
  item: UnpackedItem,
  number: number,
  folder: string,
  signal?: AbortSignal,
): Promise<void> {
  const path = files.resolvePath(bundle.root, item.file)
  const kind = item.kind === 'other' ? await media.archiveKind(path) : null
  if (kind === null) return
  const refused = () =>
    invalidInput(
      `"${shown(item.path)}" is an archive within what was brought. Unpack it first: archives in archives are not opened.`,
      {
        file: item.path,
      },
    )
  if (kind !== 'zip') throw refused()
  const root = await files.makeFolder(folder, `within-${number}`)
  const members = await unpackInto({ files, media }, path, root, signal)
  const what = zipKind(members.map((one) => one.path))
  refuseKeras(item.path, what)
  if (what === 'files') throw refused()
  bundle.members.set(item.path, sourcesOf(files, root, members))
}

async function unpackInto(
  { files, media }: BundleNeeds,
  from: string,
  to: string,
  signal?: AbortSignal,
): Promise<UnpackedItem[]> {
  const { leftOut, leftOutCount } = await media.unpack({ from, to, signal })
  const [first] = leftOut
  if (first)
    throw invalidInput(
      `"${shown(first.path)}" in it is refused: ${first.why}${leftOutCount > 1 ? ` (and ${leftOutCount - 1} more)` : ''}. A model is plain files within its folder.`,
      { file: shown(first.path), why: first.why },
    )
  return (await files.readText(to, 'items.jsonl', 64 * 2 ** 20))
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as UnpackedItem)
}

function refuseKeras(path: string, what: ReturnType<typeof zipKind>): void {
  if (what === 'keras')
    throw invalidInput(
      `"${shown(path)}" is a model of Keras, whose settings name functions to be run when it is read. Export it to ONNX (tf2onnx, or model.export(…, format="onnx")) and bring that.`,
      { file: shown(path) },
    )
}

const sourcesOf = (files: Files, root: string, items: readonly UnpackedItem[]): ByteSource[] =>
  items.map((item) => sourceOf(files, root, item))

/** One file, under a name that says nothing but is safe. */
function alone(files: Files, { path, filename, sizeBytes }: { path: string; filename: string; sizeBytes: number }): Bundle {
  const name = filename.replace(/[^\w.-]/g, '_').replace(/^\.+/, '') || 'model'
  const item = { path: name, file: basename(path), sizeBytes }
  return {
    root: dirname(path),
    files: [sourceOf(files, dirname(path), item)],
    places: new Map([[name, item.file]]),
    container: null,
    members: new Map(),
  }
}

export const sizeOf = (bundle: Bundle): number => bundle.files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)

export const listed = (bundle: Bundle) => bundle.files.slice(0, mostListed).map(({ path, sizeBytes }) => ({ path, sizeBytes }))

/** A folder is known by its files: their paths and sizes. */
export const listHash = (bundle: Bundle): string =>
  createHash('sha256')
    .update(JSON.stringify(bundle.files.map(({ path, sizeBytes }) => [path, sizeBytes])))
    .digest('hex')
