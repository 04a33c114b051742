import { type FileHandle, open } from 'node:fs/promises'
import { createInflateRaw, inflateRawSync } from 'node:zlib'
import { mediaLimits } from '../limits.ts'
import { ArchiveError, type Entry } from './entry.ts'

const smallBytes = 4 * 1024 ** 2
const directoryBytes = 512 * 1024 ** 2
const damaged = () => new ArchiveError('The zip archive is damaged or cut off: its directory cannot be read.')

/** The entries of a .zip, by its directory (zip64 too). */
export async function* zipEntries(path: string): AsyncGenerator<Entry> {
  const file = await open(path, 'r')
  try {
    const { size } = await file.stat()
    const { count, at, bytes } = await findDirectory(file, size)
    if (count > mediaLimits.items)
      throw new ArchiveError(`The archive holds ${count} files; at most ${mediaLimits.items} are read.`, 'too_large')
    if (bytes > directoryBytes || at + bytes > size) throw damaged()
    const directory = await read(file, at, bytes)
    const entries: Entry[] = []
    let packed = 0
    for (let n = 0, from = 0; n < count; n++) {
      if (from + 46 > directory.length || directory.readUInt32LE(from) !== 0x02014b50) throw damaged()
      const { entry, packedBytes, next } = readHeader(directory, from, file, size)
      from = next
      packed += packedBytes
      entries.push(entry)
    }
    // Files that share their bytes would unpack to any size.
    if (packed > size)
      throw new ArchiveError(
        'The files of the archive together are larger than the archive: they lie over one another.',
        'too_large',
      )
    yield* entries
  } finally {
    await file.close()
  }
}

async function findDirectory(file: FileHandle, size: number): Promise<{ count: number; at: number; bytes: number }> {
  const tail = await read(file, Math.max(0, size - 65_557), Math.min(size, 65_557))
  const end = tail.lastIndexOf('PK\x05\x06', undefined, 'latin1')
  if (end < 0 || end + 22 > tail.length) throw damaged()
  const plain = { count: tail.readUInt16LE(end + 10), bytes: tail.readUInt32LE(end + 12), at: tail.readUInt32LE(end + 16) }
  if (plain.count < 0xffff && plain.bytes < 0xffffffff && plain.at < 0xffffffff) return plain
  if (end < 20 || tail.readUInt32LE(end - 20) !== 0x07064b50) return plain
  const record = await read(file, Number(tail.readBigUInt64LE(end - 12)), 56)
  if (record.readUInt32LE(0) !== 0x06064b50) throw damaged()
  return {
    count: Number(record.readBigUInt64LE(32)),
    bytes: Number(record.readBigUInt64LE(40)),
    at: Number(record.readBigUInt64LE(48)),
  }
}

function readHeader(
  directory: Buffer,
  from: number,
  file: FileHandle,
  size: number,
): { entry: Entry; packedBytes: number; next: number } {
  const madeBy = directory.readUInt8(from + 5)
  const flags = directory.readUInt16LE(from + 8)
  const method = directory.readUInt16LE(from + 10)
  const nameBytes = directory.readUInt16LE(from + 28)
  const extraBytes = directory.readUInt16LE(from + 30)
  const next = from + 46 + nameBytes + extraBytes + directory.readUInt16LE(from + 32)
  if (next > directory.length) throw damaged()
  const raw = directory.subarray(from + 46, from + 46 + nameBytes)
  const name = raw.toString('utf8')
  const extra = directory.subarray(from + 46 + nameBytes, from + 46 + nameBytes + extraBytes)
  const [sizeBytes, packedBytes, at] = wideSizes(extra, [
    directory.readUInt32LE(from + 24),
    directory.readUInt32LE(from + 20),
    directory.readUInt32LE(from + 42),
  ])
  // Unix archivers keep the mode: 0o120000 is a symbolic link.
  const mode = madeBy === 3 ? directory.readUInt32LE(from + 38) >>> 16 : 0
  const kind = name.endsWith('/') ? 'folder' : (mode & 0o170000) === 0o120000 ? 'link' : 'file'
  const content = () => openEntry(file, { name, method, at, packedBytes, sizeBytes, encrypted: (flags & 1) === 1, size })
  return { entry: { name, kind, sizeBytes, open: content }, packedBytes, next }
}

/** Sizes of 0xffffffff stand in the zip64 field, in this order. */
function wideSizes(extra: Buffer, sizes: [number, number, number]): [number, number, number] {
  const wide = sizes.slice() as [number, number, number]
  for (let at = 0; at + 4 <= extra.length; ) {
    const length = extra.readUInt16LE(at + 2)
    if (extra.readUInt16LE(at) === 1)
      for (let n = 0, place = at + 4; n < 3; n++)
        if (sizes[n] === 0xffffffff && place + 8 <= Math.min(extra.length, at + 4 + length)) {
          wide[n] = Number(extra.readBigUInt64LE(place))
          place += 8
        }
    at += 4 + length
  }
  return wide
}

interface Packed {
  name: string
  method: number
  at: number
  packedBytes: number
  sizeBytes: number
  encrypted: boolean
  size: number
}

async function openEntry(file: FileHandle, { name, method, at, packedBytes, sizeBytes, encrypted, size }: Packed) {
  if (encrypted) throw new ArchiveError(`"${name}" is encrypted. Pack the folder without a password.`)
  if (method !== 0 && method !== 8)
    throw new ArchiveError(
      `"${name}" is packed in a way that is not read (method ${method}). Pack the folder as an ordinary .zip.`,
      'unsupported_type',
    )
  const header = await read(file, at, 30)
  if (header.length < 30 || header.readUInt32LE(0) !== 0x04034b50) throw damaged()
  const start = at + 30 + header.readUInt16LE(26) + header.readUInt16LE(28)
  if (start + packedBytes > size) throw damaged()
  if (packedBytes <= smallBytes && sizeBytes <= smallBytes) {
    const packed = await read(file, start, packedBytes)
    if (method === 0) return packed
    // What it says of its size may be wrong; what it unpacks to is counted by whoever asked.
    return inflateRawSync(packed, { maxOutputLength: Math.max(1, smallBytes) })
  }
  const stream = file.createReadStream({ start, end: start + packedBytes - 1, autoClose: false, highWaterMark: 1 << 18 })
  return method === 0 ? stream : stream.pipe(createInflateRaw())
}

async function read(file: FileHandle, at: number, bytes: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(bytes)
  let done = 0
  while (done < bytes) {
    const { bytesRead } = await file.read(buffer, done, bytes - done, at + done)
    if (bytesRead === 0) break
    done += bytesRead
  }
  return buffer.subarray(0, done)
}
