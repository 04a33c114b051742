/** A file to be packed: its path in the archive and a way to read a piece of it. */
export interface PackedFile {
  path: string
  size: number
  read(from: number, to: number): Promise<Uint8Array>
}

/** What `uploads.send` sends: a Blob, or something that gives its pieces when they are asked for. */
export interface Sendable {
  size: number
  name?: string
  slice(from: number, to: number): Blob | Promise<Blob>
}

const block = 512
const padding = (size: number) => (block - (size % block)) % block

/**
 * Many files as one .tar (POSIX.1-2001) that is never stored: pieces are made as they are sent. The same files give the same bytes,
 * so that a broken upload can go on.
 */
export function packFiles(name: string, files: readonly PackedFile[]): Sendable {
  const sorted = [...files].sort((a, b) => (a.path < b.path ? -1 : 1))
  const starts: number[] = []
  let size = 0
  for (const file of sorted) {
    starts.push(size)
    size += headerOf(file).length + file.size + padding(file.size)
  }
  const total = size + 2 * block

  async function slice(from: number, to: number): Promise<Blob> {
    const end = Math.min(to, total)
    const pieces: Uint8Array[] = []
    for (let at = firstAt(starts, from); at < sorted.length && starts[at]! < end; at++) {
      const file = sorted[at]!
      const header = headerOf(file)
      const content = starts[at]! + header.length
      const after = content + file.size
      const take = (start: number, length: number) =>
        [Math.max(from, start) - start, Math.min(end, start + length) - start] as const
      const [h0, h1] = take(starts[at]!, header.length)
      if (h1 > h0) pieces.push(header.subarray(h0, h1))
      const [c0, c1] = take(content, file.size)
      if (c1 > c0) {
        const bytes = await file.read(c0, c1)
        if (bytes.length !== c1 - c0) throw new Error(`"${file.path}" changed while it was sent. Add it again.`)
        pieces.push(bytes)
      }
      const [p0, p1] = take(after, padding(file.size))
      if (p1 > p0) pieces.push(new Uint8Array(p1 - p0))
    }
    const [e0, e1] = [Math.max(from, size), Math.min(end, total)]
    if (e1 > e0) pieces.push(new Uint8Array(e1 - e0))
    return new Blob(pieces as BlobPart[])
  }

  return { name: `${name}.tar`, size: total, slice }
}

/** The last file that begins at or before a place. */
function firstAt(starts: readonly number[], place: number): number {
  let low = 0
  let high = starts.length
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if (starts[middle]! <= place) low = middle
    else high = middle
  }
  return low
}

const encoder = new TextEncoder()

/** A ustar header; before it a pax header where the path is long or not plain ASCII. */
function headerOf({ path, size }: PackedFile): Uint8Array {
  const bytes = encoder.encode(path)
  if (bytes.length <= 100 && bytes.length === path.length && size < 8 ** 11) return ustar(path, size, '0')
  const words = paxRecord('path', path) + (size < 8 ** 11 ? '' : paxRecord('size', String(size)))
  const record = encoder.encode(words)
  const whole = new Uint8Array(block + record.length + padding(record.length) + block)
  whole.set(ustar('pax', record.length, 'x'), 0)
  whole.set(record, block)
  whole.set(ustar(path.replace(/[^\x20-\x7e]/g, '_').slice(-100), size, '0'), whole.length - block)
  return whole
}

/** "LENGTH key=value\n", where the length counts its own digits. */
function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`
  const bytes = encoder.encode(rest).length
  let length = bytes + String(bytes).length
  if (bytes + String(length).length > length) length++
  return `${length}${rest}`
}

function ustar(name: string, size: number, type: string): Uint8Array {
  const header = new Uint8Array(block)
  const write = (at: number, text: string) => header.set(encoder.encode(text), at)
  const octal = (at: number, digits: number, value: number) =>
    write(at, `${value.toString(8).padStart(digits, '0').slice(-digits)}\0`)
  write(0, name)
  octal(100, 7, 0o644)
  octal(108, 7, 0)
  octal(116, 7, 0)
  octal(124, 11, size < 8 ** 11 ? size : 0)
  octal(136, 11, 0)
  write(148, '        ')
  write(156, type)
  write(257, 'ustar\x0000')
  octal(
    148,
    6,
    header.reduce((sum, byte) => sum + byte, 0),
  )
  return header
}
