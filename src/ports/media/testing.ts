import { crc32, deflateRawSync } from 'node:zlib'
import sharp from 'sharp'

export interface ZipEntry {
  name: string
  content: Buffer | string
  /** Unix mode; 0o120777 makes a link. */
  mode?: number
  /** What the directory says of its size, where that is a lie. */
  says?: number
}

/** A .zip of these files. */
export function zipOf(entries: readonly ZipEntry[]): Buffer {
  const pieces: Buffer[] = []
  const directory: Buffer[] = []
  let at = 0
  for (const { name, content, mode = 0o100644, says } of entries) {
    const data = Buffer.from(content)
    const packed = deflateRawSync(data)
    const words = Buffer.from(name)
    const shared = Buffer.alloc(26)
    shared.writeUInt16LE(20, 0)
    shared.writeUInt16LE(0x800, 2)
    shared.writeUInt16LE(8, 4)
    shared.writeUInt32LE(crc32(data), 10)
    shared.writeUInt32LE(packed.length, 14)
    shared.writeUInt32LE(says ?? data.length, 18)
    shared.writeUInt16LE(words.length, 22)
    const place = Buffer.alloc(14)
    place.writeUInt32LE((mode << 16) >>> 0, 6)
    place.writeUInt32LE(at, 10)
    directory.push(Buffer.from('PK\x01\x02\x14\x03', 'latin1'), shared, place, words)
    const local = Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), shared, words, packed])
    pieces.push(local)
    at += local.length
  }
  const all = Buffer.concat(directory)
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06', 'latin1')
  end.writeUInt16LE(entries.length, 8)
  end.writeUInt16LE(entries.length, 10)
  end.writeUInt32LE(all.length, 12)
  end.writeUInt32LE(at, 16)
  return Buffer.concat([...pieces, all, end])
}

/** A picture that no other number gives: stripes whose places come from `seed`. */
export async function picture(
  seed: number,
  { width = 24, height = 16, format = 'png' }: { width?: number; height?: number; format?: 'png' | 'jpeg' | 'webp' } = {},
): Promise<Buffer> {
  const pixels = Buffer.alloc(width * height * 3)
  let state = seed * 2654435761 + 1
  const tiles = Array.from({ length: 64 }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state >>> 24
  })
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const tile = tiles[8 * Math.floor((8 * y) / height) + Math.floor((8 * x) / width)]!
      pixels.set([tile, 255 - tile, seed & 255], 3 * (y * width + x))
    }
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .toFormat(format)
    .toBuffer()
}

/** A WAV file of a tone. */
export function tone(seconds: number, { sampleRate = 8000, hertz = 440, channels = 1 } = {}): Buffer {
  const frames = Math.round(seconds * sampleRate)
  const data = Buffer.alloc(frames * 2 * channels)
  for (let n = 0; n < frames; n++)
    for (let c = 0; c < channels; c++)
      data.writeInt16LE(Math.round(12000 * Math.sin((2 * Math.PI * hertz * n) / sampleRate)), 2 * (n * channels + c))
  const header = Buffer.alloc(44)
  header.write('RIFF', 0, 'latin1')
  header.writeUInt32LE(36 + data.length, 4)
  header.write('WAVEfmt ', 8, 'latin1')
  header.writeUInt32LE(16, 16)
  header.writeUInt16LE(1, 20)
  header.writeUInt16LE(channels, 22)
  header.writeUInt32LE(sampleRate, 24)
  header.writeUInt32LE(sampleRate * 2 * channels, 28)
  header.writeUInt16LE(2 * channels, 32)
  header.writeUInt16LE(16, 34)
  header.write('data', 36, 'latin1')
  header.writeUInt32LE(data.length, 40)
  return Buffer.concat([header, data])
}
