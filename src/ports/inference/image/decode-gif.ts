import type { Pixels } from './decode-image.ts'

/** What is wrong with the bytes; the caller says of which file. */
export class BrokenGif extends Error {}

/**
 * The first frame of a GIF (GIF89a, Appendix F: LZW) as RGB. By our own hand because libvips makes transparent pixels black, where pillow keeps the colours
 * of the palette.
 */
export function decodeGif(content: Uint8Array, mostPixels: number): Pixels {
  const bytes = new Reader(content)
  bytes.at = 6
  const width = bytes.word()
  const height = bytes.word()
  if (width * height > mostPixels) throw new BrokenGif(`it has more than ${mostPixels / 1e6} million pixels`)
  if (width === 0 || height === 0) throw new BrokenGif('it has no pixels')
  const flags = bytes.byte()
  bytes.at += 2
  const shared = flags & 0x80 ? bytes.take(3 * 2 ** ((flags & 7) + 1)) : null
  let transparent = 0
  for (;;) {
    const kind = bytes.byte()
    if (kind === 0x21) transparent = readExtension(bytes) ?? transparent
    else if (kind === 0x2c) break
    else throw new BrokenGif(kind === 0x3b ? 'it has no frame' : 'a block in it is of no known kind')
  }
  const left = bytes.word()
  const top = bytes.word()
  const frame = { width: bytes.word(), height: bytes.word() }
  const about = bytes.byte()
  const palette = about & 0x80 ? bytes.take(3 * 2 ** ((about & 7) + 1)) : shared
  if (frame.width * frame.height > mostPixels) throw new BrokenGif(`it has more than ${mostPixels / 1e6} million pixels`)
  const indices = readIndices(bytes, frame.width * frame.height)
  const data = new Uint8Array(width * height * 3)
  const put = (at: number, index: number) => {
    for (let c = 0; c < 3; c++) data[at * 3 + c] = palette ? (palette[index * 3 + c] ?? 0) : index
  }
  // What the frame leaves free is of the transparent colour, or of the first.
  if (left > 0 || top > 0 || frame.width < width || frame.height < height)
    for (let at = 0; at < width * height; at++) put(at, transparent)
  for (let line = 0; line < frame.height; line++) {
    const y = top + (about & 0x40 ? interlaced(line, frame.height) : line)
    if (y >= height) continue
    for (let x = 0; x < frame.width && left + x < width; x++) put(y * width + left + x, indices[line * frame.width + x]!)
  }
  return { data, width, height }
}

class Reader {
  at = 0
  readonly #content: Uint8Array

  constructor(content: Uint8Array) {
    this.#content = content
  }
  byte(): number {
    const value = this.#content[this.at++]
    if (value === undefined) throw new BrokenGif('it is damaged or cut short')
    return value
  }
  word(): number {
    return this.byte() + 256 * this.byte()
  }
  take(count: number): Uint8Array {
    if (this.at + count > this.#content.length) throw new BrokenGif('it is damaged or cut short')
    this.at += count
    return this.#content.subarray(this.at - count, this.at)
  }
}

/** The transparent index of a graphic control extension, if this is one and it has any. */
function readExtension(bytes: Reader): number | null {
  const isControl = bytes.byte() === 0xf9
  let transparent: number | null = null
  for (let size = bytes.byte(); size > 0; size = bytes.byte()) {
    const block = bytes.take(size)
    if (isControl && size >= 4 && block[0]! & 1) transparent = block[3]!
  }
  return transparent
}

/** Every eighth line, then those between, as interlaced frames are written. */
function interlaced(line: number, height: number): number {
  let before = 0
  for (const [start, step] of [
    [0, 8],
    [4, 8],
    [2, 4],
    [1, 2],
  ] as const) {
    const lines = Math.max(0, Math.ceil((height - start) / step))
    if (line < before + lines) return start + (line - before) * step
    before += lines
  }
  return line
}

const mostCodes = 4096

function readIndices(bytes: Reader, count: number): Uint8Array {
  const indices = new Uint8Array(count)
  const first = bytes.byte()
  if (first < 1 || first > 11) throw new BrokenGif('its first code has an impossible size')
  const clear = 2 ** first
  const prefix = new Uint16Array(mostCodes)
  const suffix = new Uint8Array(mostCodes)
  const lengths = new Uint16Array(mostCodes)
  for (let code = 0; code < clear; code++) {
    suffix[code] = code
    lengths[code] = 1
  }
  let size = first + 1
  let next = clear + 2
  let last = -1
  let filled = 0
  let waiting = 0
  let bits = 0
  let left = bytes.byte()
  while (filled < count) {
    while (bits < size) {
      if (left === 0) throw new BrokenGif('it is damaged or cut short')
      waiting |= bytes.byte() << bits
      bits += 8
      if (--left === 0) left = bytes.byte()
    }
    const code = waiting & (2 ** size - 1)
    waiting >>>= size
    bits -= size
    if (code === clear) {
      size = first + 1
      next = clear + 2
      last = -1
      continue
    }
    if (code === clear + 1) throw new BrokenGif('it is damaged or cut short')
    if (code > next || (code === next && last < 0) || (code >= next && next >= mostCodes))
      throw new BrokenGif('a code in it is impossible')
    const isNew = code === next
    filled = write(isNew ? last : code, filled)
    if (isNew && filled < count) indices[filled++] = firstOf(last)
    if (last >= 0 && next < mostCodes) {
      prefix[next] = last
      suffix[next] = firstOf(isNew ? last : code)
      lengths[next] = lengths[last]! + 1
      next++
      if (next === 2 ** size && size < 12) size++
    }
    last = code
  }
  return indices

  /** Writes what a code stands for, from its end; says where it ends. */
  function write(code: number, from: number): number {
    const end = from + lengths[code]!
    for (let at = end - 1, one = code; at >= from; at--, one = prefix[one]!) if (at < count) indices[at] = suffix[one]!
    return Math.min(end, count)
  }

  function firstOf(code: number): number {
    let one = code
    while (lengths[one]! > 1) one = prefix[one]!
    return suffix[one]!
  }
}
