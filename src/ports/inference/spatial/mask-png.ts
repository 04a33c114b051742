import { crc32, deflateSync } from 'node:zlib'

/** A mask as a PNG of one byte a pixel: the number of the class. */
export const maskPng = (mask: Uint8Array, { height, width }: { height: number; width: number }): Buffer =>
  pixelsPng(mask, { height, width, channels: 1 })

const colourTypes = { 1: 0, 3: 2, 4: 6 } as const

/** Pixels of eight bits a colour as a PNG: grey, RGB, or RGB with transparency. */
export function pixelsPng(
  pixels: Uint8Array,
  { height, width, channels }: { height: number; width: number; channels: keyof typeof colourTypes },
): Buffer {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, colourTypes[channels], 0, 0, 0], 8)
  const each = width * channels
  const lines = Buffer.alloc(height * (each + 1))
  for (let y = 0; y < height; y++) lines.set(pixels.subarray(y * each, (y + 1) * each), y * (each + 1) + 1)
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', header),
    // Masks are large plains: the quickest packing is small enough.
    chunk('IDAT', deflateSync(lines, { level: 1 })),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

function chunk(kind: string, content: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(kind, 'latin1'), content])
  const whole = Buffer.alloc(named.length + 8)
  whole.writeUInt32BE(content.length, 0)
  named.copy(whole, 4)
  whole.writeUInt32BE(crc32(named), named.length + 4)
  return whole
}
