import sharp, { type OutputInfo } from 'sharp'
import { mediaLimits } from './limits.ts'
import type { ImageFacts } from './media.ts'

/** Formats that engines and serving read too. */
const readable = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp', 'image/tiff'])

const smallPixels = 256 * 256

/** Decodes a picture wholly, once: what is cut off or damaged is found here and not in the middle of a training. */
export async function inspectImage(source: string | Buffer, contentType: string): Promise<ImageFacts | { problem: string }> {
  if (!readable.has(contentType))
    return { problem: `is ${contentType.slice(6).toUpperCase()}, which is not read: save it as PNG, JPEG, WebP, GIF or TIFF` }
  if (source.length === 0) return { problem: 'has no bytes' }
  try {
    const picture = sharp(source, { failOn: 'truncated', limitInputPixels: mediaLimits.pixels, sequentialRead: true })
    const { width, height, channels, pages, autoOrient, orientation } = await picture.metadata()
    const upright = (orientation ?? 1) > 1 ? picture.autoOrient() : picture
    // For small pictures setting up a resize costs more than all the rest.
    const grey =
      width * height <= smallPixels
        ? shrunk(await upright.greyscale().raw().toBuffer({ resolveWithObject: true }))
        : await upright.resize(9, 8, { fit: 'fill' }).flatten().greyscale().raw().toBuffer()
    // As people see it: a camera that was turned says so beside the pixels.
    return {
      width: autoOrient?.width ?? width,
      height: autoOrient?.height ?? height,
      channels,
      pages: pages ?? 1,
      look: lookOf(grey),
      grey: grey.subarray(0, 72).toString('base64'),
    }
  } catch (error) {
    return { problem: words((error as Error).message) }
  }
}

/** The mean of each field of a 9 x 8 grid. */
function shrunk({ data, info: { width, height, channels } }: { data: Buffer; info: OutputInfo }): Buffer {
  const grey = Buffer.alloc(72)
  for (let row = 0; row < 8; row++)
    for (let column = 0; column < 9; column++) {
      const [top, left] = [Math.floor((row * height) / 8), Math.floor((column * width) / 9)]
      const bottom = Math.max(top + 1, Math.floor(((row + 1) * height) / 8))
      const right = Math.max(left + 1, Math.floor(((column + 1) * width) / 9))
      let sum = 0
      for (let y = top; y < bottom; y++) for (let x = left; x < right; x++) sum += data[(y * width + x) * channels]!
      grey[9 * row + column] = Math.round(sum / ((bottom - top) * (right - left)))
    }
  return grey
}

/** dHash (N. Krawetz, "Kind of Like That", 2013): one bit for each pixel that is darker than its right neighbour. */
function lookOf(grey: Buffer): string {
  let bits = 0n
  for (let y = 0; y < 8; y++)
    for (let x = 0; x < 8; x++) bits = (bits << 1n) | (grey[9 * y + x]! < grey[9 * y + x + 1]! ? 1n : 0n)
  return bits.toString(16).padStart(16, '0')
}

function words(message: string): string {
  if (/pixel limit/i.test(message)) return `has more than ${mediaLimits.pixels / 1e6} million pixels`
  if (/premature|truncat|end of|too few|not enough|short/i.test(message)) return 'is cut off: its last pixels are missing'
  return `is damaged: ${message
    .split('\n')[0]!
    .replace(/^Input (buffer|file)( has corrupt header:)? ?/i, '')
    .slice(0, 120)}`
}
