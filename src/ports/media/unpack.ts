import { createWriteStream } from 'node:fs'
import { mkdir, stat, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { archiveKind } from './archive/archive-kind.ts'
import { ArchiveError, type Entry } from './archive/entry.ts'
import { folderEntries } from './archive/folder.ts'
import { tarEntries } from './archive/tar.ts'
import { zipEntries } from './archive/zip.ts'
import { inspectAudio } from './inspect-audio.ts'
import { inspectImage } from './inspect-image.ts'
import { isClutter, itemPath } from './item-path.ts'
import { mediaLimits } from './limits.ts'
import type { Unpacked, UnpackedItem, UnpackWork } from './media.ts'
import { sniff } from './sniff.ts'

type Limits = { [name in keyof typeof mediaLimits]: number }

const mostLeftOut = 200
const headBytes = 4096
/** Small items looked into and written at a time: the disk is waited for while others are decoded. */
const lanes = 4 * availableParallelism()

/** Lays the files of an archive or folder below `to` under numbers, looks into each, and writes what was found to `items.jsonl`. */
export async function unpack(
  { from, to, look }: UnpackWork,
  onProgress: (items: number, bytes: number) => void,
  limits: Limits = mediaLimits,
): Promise<Unpacked> {
  const archiveBytes = (await stat(from)).isDirectory() ? null : (await stat(from)).size
  const mostBytes = Math.min(
    limits.totalBytes,
    archiveBytes === null ? Number.POSITIVE_INFINITY : limits.freeBytes + limits.unpackedRatio * archiveBytes,
  )
  const result: Unpacked = { items: 0, sizeBytes: 0, leftOut: [], leftOutCount: 0, cut: false }
  const seen = new Set<string>()
  const found: (UnpackedItem | null)[] = []
  const running = new Set<Promise<void>>()
  const leaveOut = (path: string, why: string) => {
    result.leftOutCount++
    if (result.leftOut.length < mostLeftOut) result.leftOut.push({ path: path.slice(0, 200), why })
  }
  let failure: unknown = null
  for await (const entry of await entriesOf(from)) {
    if (entry.kind === 'folder') continue
    const named = itemPath(entry.name)
    if ('path' in named && isClutter(named.path)) continue
    if ('refused' in named) leaveOut(entry.name, named.refused)
    else if (entry.kind !== 'file') leaveOut(entry.name, entry.kind === 'link' ? 'it is a link' : 'it is not a regular file')
    else if (seen.has(named.path)) leaveOut(named.path, 'the archive has it twice; the first one is taken')
    else {
      seen.add(named.path)
      const number = found.push(null) - 1
      if (found.length > limits.items)
        throw new ArchiveError(`More than ${limits.items} files: that is the most one version may hold.`, 'too_large')
      const file = `files/${Math.floor(number / 1000)}/${number}`
      if (number % 1000 === 0) await mkdir(join(to, 'files', String(number / 1000)), { recursive: true })
      const laid = await lay(entry, join(to, file), Math.min(limits.itemBytes, mostBytes - result.sizeBytes), named.path, limits)
      result.sizeBytes += laid.sizeBytes
      const item = identified({ path: named.path, file, sizeBytes: laid.sizeBytes, ...sniff(laid.head) })
      found[number] = item
      const work = describe(item, laid.content ?? join(to, file), look !== undefined && number >= look.maxItems)
        .then(async () => {
          const wanted = !look || item.kind === 'text'
          if (laid.content && wanted) await writeFile(join(to, file), laid.content, { flag: 'wx', mode: 0o600 })
          result.items++
          if (result.items % 100 === 0) onProgress(result.items, result.sizeBytes)
        })
        .catch((error) => {
          failure ??= error
        })
        .finally(() => running.delete(work))
      running.add(work)
      if (running.size >= lanes) await Promise.race(running)
      if (failure) throw failure
      if (look && result.sizeBytes > look.maxBytes) {
        result.cut = true
        break
      }
    }
  }
  await Promise.all(running)
  if (failure) throw failure
  await writeItems(join(to, 'items.jsonl'), found)
  return result
}

/** A name that promises an image or a recording, and content that is neither: said so, not passed over. */
function identified(item: UnpackedItem): UnpackedItem {
  const promised = /\.(png|jpe?g|gif|webp|tiff?|bmp|avif|heic)$/i.test(item.path)
    ? 'image'
    : /\.(wav|mp3|flac|ogg|oga|opus|m4a|aac|aiff?)$/i.test(item.path)
      ? 'audio'
      : null
  if (promised === null || item.kind === 'image' || item.kind === 'audio') return item
  const problem =
    item.sizeBytes === 0 ? 'has no bytes' : `is ${item.kind === 'text' ? 'text' : 'something else'}, whatever its name says`
  return { ...item, kind: promised, problem }
}

async function entriesOf(from: string): Promise<AsyncGenerator<Entry>> {
  if ((await stat(from)).isDirectory()) return folderEntries(from)
  const kind = await archiveKind(from)
  if (kind === 'zip') return zipEntries(from)
  if (kind !== null) return tarEntries(from, { gzip: kind === 'tar.gz' })
  throw new ArchiveError('This is no archive that is read here: .zip, .tar and .tar.gz are.', 'unsupported_type')
}

async function lay(entry: Entry, path: string, mostBytes: number, name: string, limits: Limits) {
  const tooLarge = () =>
    new ArchiveError(
      mostBytes >= limits.itemBytes
        ? `"${name}" is larger than ${limits.itemBytes / 1024 ** 3} GB.`
        : `The archive unpacks to more than ${limits.unpackedRatio} times its size (at "${name}"): it is not unpacked further.`,
      'too_large',
    )
  let content: Awaited<ReturnType<Entry['open']>>
  try {
    content = await entry.open()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge()
    if (error instanceof ArchiveError) throw error
    throw new ArchiveError(`"${name}" cannot be unpacked: ${(error as Error).message.slice(0, 160)}.`)
  }
  if (Buffer.isBuffer(content)) {
    if (content.length > mostBytes) throw tooLarge()
    return { sizeBytes: content.length, head: content.subarray(0, headBytes), content }
  }
  let sizeBytes = 0
  const heads: Buffer[] = []
  const counting = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      if (sizeBytes < headBytes) heads.push(chunk.subarray(0, headBytes))
      sizeBytes += chunk.length
      done(sizeBytes > mostBytes ? tooLarge() : null, chunk)
    },
  })
  await pipeline(content as Readable, counting, createWriteStream(path, { flags: 'wx', mode: 0o600 }))
  return { sizeBytes, head: Buffer.concat(heads).subarray(0, headBytes), content: null }
}

async function describe(item: UnpackedItem, source: string | Buffer, glance: boolean): Promise<void> {
  if (glance || item.problem || (item.kind !== 'image' && item.kind !== 'audio')) return
  const facts =
    item.kind === 'image' ? await inspectImage(source, item.contentType) : await inspectAudio(source, item.contentType)
  if ('problem' in facts) item.problem = facts.problem
  else if ('look' in facts) item.image = facts
  else item.audio = facts
}

async function writeItems(path: string, items: readonly (UnpackedItem | null)[]): Promise<void> {
  await pipeline(
    Readable.from(
      (function* () {
        for (let at = 0; at < items.length; at += 500)
          yield items
            .slice(at, at + 500)
            .map((item) => (item ? `${JSON.stringify(item)}\n` : ''))
            .join('')
      })(),
    ),
    createWriteStream(path, { flags: 'w', mode: 0o600 }),
  )
}
