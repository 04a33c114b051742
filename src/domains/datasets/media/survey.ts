import { invalidInput } from '../../../kernel/errors.ts'
import type { Files } from '../../../ports/files/files.ts'
import type { Media, Unpacked, UnpackedItem } from '../../../ports/media/media.ts'
import { type MediaKind, type MediaWarning, nouns, quoted, type Survey } from './layouts/layout.ts'

/** A text that describes items; larger ones belong into a table of their own. */
const textBytes = 512 * 1024 ** 2

export interface SurveyNeeds {
  media: Media
  files: Files
}

export interface Surveyed extends Survey {
  unpacked: Unpacked
  warnings: MediaWarning[]
}

/** Unpacks an archive or folder below `folder` and says what is in it. Paths lose the folders that all of them share. */
export async function survey(
  { media, files }: SurveyNeeds,
  work: {
    from: string
    folder: string
    look?: { maxBytes: number; maxItems: number }
    signal?: AbortSignal
    onProgress?: (items: number, bytes: number) => void
  },
): Promise<Surveyed> {
  await files.makeFolder(work.folder)
  const { from, folder: to, look, signal, onProgress } = work
  const unpacked = await media.unpack({ from, to, look, signal, onProgress })
  const lines = (await files.readText(to, 'items.jsonl', 1024 ** 3)).split('\n')
  const items = withoutSharedFolder(lines.filter(Boolean).map((line) => JSON.parse(line) as UnpackedItem))
  const kind = kindOf(items)
  const usable = items.filter((item) => item.kind === kind && item.problem === undefined)
  const broken = items.filter((item) => item.kind === kind && item.problem !== undefined)
  if (usable.length === 0)
    throw invalidInput(
      `None of the ${broken.length} ${nouns[kind].many} can be read. The first: "${broken[0]!.path}" ${broken[0]!.problem}.`,
      { items: broken.slice(0, 20).map(({ path }) => path) },
    )
  return {
    items,
    media: usable,
    kind,
    byPath: new Map(items.map((item) => [item.path, item])),
    text: (item) => files.readText(to, item.file, textBytes),
    cut: unpacked.cut,
    unpacked,
    warnings: [...brokenItems(broken), ...leftOut(unpacked), ...otherKind(items, kind)],
  }
}

function kindOf(items: readonly UnpackedItem[]): MediaKind {
  const images = items.filter(({ kind }) => kind === 'image').length
  const audio = items.filter(({ kind }) => kind === 'audio').length
  if (images + audio === 0)
    throw invalidInput(
      items.length === 0
        ? 'There are no files in it.'
        : `There are ${items.length} files in it, and none is an image or a recording that is read here (PNG, JPEG, WebP, GIF, TIFF; WAV, FLAC, MP3, Ogg, AIFF). For a table add the file itself.`,
      { files: items.slice(0, 10).map(({ path }) => path) },
    )
  return audio > images ? 'audio' : 'image'
}

/** The folder that was packed, when it holds all the rest and folders below it still tell items apart. */
function withoutSharedFolder(items: UnpackedItem[]): UnpackedItem[] {
  let shown = items
  for (;;) {
    const [first] = shown
    const cut = first ? first.path.indexOf('/') + 1 : 0
    if (cut === 0) return shown
    const top = first!.path.slice(0, cut)
    if (!shown.every(({ path }) => path.startsWith(top)) || !shown.some(({ path }) => path.indexOf('/', cut) > 0)) return shown
    shown = shown.map((item) => ({ ...item, path: item.path.slice(cut) }))
  }
}

const mostNamed = 100

function brokenItems(broken: readonly UnpackedItem[]): MediaWarning[] {
  const named = broken.slice(0, mostNamed).map(({ path, problem }) => ({
    code: 'unreadable_item',
    message: `"${path}" ${problem}. It is in no row.`,
    facts: { item: path },
  }))
  if (broken.length > mostNamed)
    named.push({
      code: 'unreadable_item',
      message: `${broken.length - mostNamed} more files cannot be read; the list of items names them.`,
      facts: { item: broken[mostNamed]!.path },
    })
  return named
}

function leftOut({ leftOut: some, leftOutCount }: Unpacked): MediaWarning[] {
  if (leftOutCount === 0) return []
  const [first] = some
  return [
    {
      code: 'left_out',
      message: `${leftOutCount} ${leftOutCount === 1 ? 'entry was' : 'entries were'} left out: "${first!.path}" because ${first!.why}${
        leftOutCount > 1
          ? `; also ${quoted(
              some.slice(1).map(({ path }) => path),
              4,
            )}`
          : ''
      }.`,
      facts: { count: leftOutCount, entries: some.slice(0, 50) },
    },
  ]
}

function otherKind(items: readonly UnpackedItem[], kind: MediaKind): MediaWarning[] {
  const other = items.filter((item) => (item.kind === 'image' || item.kind === 'audio') && item.kind !== kind)
  if (other.length === 0) return []
  return [
    {
      code: 'other_media',
      message: `${other.length} files are ${nouns[other[0]!.kind as MediaKind].many} among ${nouns[kind].many} and were left out: ${quoted(
        other.map(({ path }) => path),
        4,
      )}.`,
      facts: { count: other.length },
    },
  ]
}
