import { readFile } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { crc32, inflateRawSync } from 'node:zlib'

/** What a workbook may hold when unpacked. XML packs tightly, so a small archive may be a very large text. */
const limits = { unpackedBytes: 256 * 1024 ** 2, files: 10_000 }

/** Words that the parent makes a `too_large` of. */
export const tooLargeWorkbook = (what: string): Error => new Error(`WORKBOOK_TOO_LARGE ${what}`)

interface Entry {
  name: Buffer
  method: number
  at: number
  packedBytes: number
}

/**
 * The XML files of a workbook as an archive without compression. What is read from it has been counted: the sizes that the file says
 * of itself are not believed, and entries that its directory does not list are not there.
 */
export async function openWorkbookArchive(path: string): Promise<Readable> {
  const bytes = await readFile(path)
  const entries = entriesOf(bytes).filter(({ name }) => /\.xml(\.rels)?$/.test(name.toString()))
  return Readable.from(stored(bytes, entries), { objectMode: false })
}

function entriesOf(bytes: Buffer): Entry[] {
  const end = bytes.lastIndexOf('PK\x05\x06', -22, 'latin1')
  if (end < 0) throw new Error('The archive has no directory.')
  const count = bytes.readUInt16LE(end + 10)
  if (count > limits.files) throw tooLargeWorkbook(`it holds ${count} files; ${limits.files} are read at most`)
  const entries: Entry[] = []
  let at = bytes.readUInt32LE(end + 16)
  for (let n = 0; n < count; n++) {
    if (bytes.readUInt32LE(at) !== 0x02014b50) throw new Error('The directory of the archive is damaged.')
    const nameBytes = bytes.readUInt16LE(at + 28)
    entries.push({
      method: bytes.readUInt16LE(at + 10),
      packedBytes: bytes.readUInt32LE(at + 20),
      at: bytes.readUInt32LE(at + 42),
      name: bytes.subarray(at + 46, at + 46 + nameBytes),
    })
    at += 46 + nameBytes + bytes.readUInt16LE(at + 30) + bytes.readUInt16LE(at + 32)
  }
  return entries
}

/** One entry at a time, unpacked when it is asked for. */
function* stored(bytes: Buffer, entries: readonly Entry[]): Generator<Buffer> {
  const directory: Buffer[] = []
  let left = limits.unpackedBytes
  let offset = 0
  for (const entry of entries) {
    const data = contentOf(bytes, entry, left)
    left -= data.length
    // version, flags, method, time, checksum, both sizes, lengths of name and extra
    const header = Buffer.alloc(26)
    header.writeUInt16LE(20, 0)
    header.writeUInt32LE(crc32(data), 10)
    header.writeUInt32LE(data.length, 14)
    header.writeUInt32LE(data.length, 18)
    header.writeUInt16LE(entry.name.length, 22)
    const place = Buffer.alloc(14)
    place.writeUInt32LE(offset, 10)
    directory.push(Buffer.from('PK\x01\x02\x14\x00', 'latin1'), header, place, entry.name)
    yield Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), header, entry.name])
    if (data.length > 0) yield data
    offset += 30 + entry.name.length + data.length
  }
  const all = Buffer.concat(directory)
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06', 'latin1')
  end.writeUInt16LE(entries.length, 8)
  end.writeUInt16LE(entries.length, 10)
  end.writeUInt32LE(all.length, 12)
  end.writeUInt32LE(offset, 16)
  yield Buffer.concat([all, end])
}

const storedMethod = 0
const deflateMethod = 8

function contentOf(bytes: Buffer, { at, method, packedBytes }: Entry, maxBytes: number): Buffer {
  if (bytes.readUInt32LE(at) !== 0x04034b50) throw new Error('An entry of the archive is not where its directory says.')
  const start = at + 30 + bytes.readUInt16LE(at + 26) + bytes.readUInt16LE(at + 28)
  const packed = bytes.subarray(start, start + packedBytes)
  const tooLarge = () => tooLargeWorkbook(`unpacked, its text is larger than ${Math.floor(limits.unpackedBytes / 1024 ** 2)} MB`)
  if (method !== storedMethod && method !== deflateMethod)
    throw new Error(`The archive is packed in a way that is not read (${method}).`)
  if (method === storedMethod) {
    if (packed.length > maxBytes) throw tooLarge()
    return packed
  }
  try {
    return inflateRawSync(packed, { maxOutputLength: Math.max(1, maxBytes) })
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE' ? tooLarge() : error
  }
}
