import sharp, { type Metadata, type Sharp } from 'sharp'
import { invalidInput } from '../../../kernel/errors.ts'
import { BrokenGif, decodeGif } from './decode-gif.ts'
import { imageKind } from './image-kind.ts'

/** Pixels as pillow's `exif_transpose(image).convert("RGB")` gives them: upright, 8 bits, transparency dropped, the first frame. */
export interface Pixels {
  /** RGB, row by row. */
  data: Uint8Array
  width: number
  height: number
}

/** More would take hundreds of megabytes, however small the file. */
export const mostPixels = 40_000_000

// One image at a time in each thread: the threads share the machine already.
sharp.concurrency(1)
sharp.cache(false)

/** Decodes JPEG, PNG, WebP, GIF or TIFF, judged by its content. Refuses what is cut short, too large, or something else. */
export async function decodeImage(content: Uint8Array): Promise<Pixels> {
  const { kind, isRead } = imageKind(content)
  if (!isRead) throw invalidInput(`It is ${kind ?? 'no image that is known here'}. Send JPEG, PNG, WebP, GIF or TIFF.`)
  try {
    if (kind === 'a GIF') return decodeGif(content, mostPixels)
    // The profile is left aside, as pillow does; damage to the pixels is an error, an odd note in the header is not.
    const image = sharp(content, { ignoreIcc: true, failOn: 'error', limitInputPixels: mostPixels })
    const metadata = await image.metadata()
    refuseUnlike(metadata)
    return await read(image.autoOrient(), metadata)
  } catch (error) {
    if ((error as { code?: string }).code === 'invalid_input') throw error
    throw invalidInput(`It is ${kind}, but it cannot be read: ${plainReason(error as Error)}.`)
  }
}

function refuseUnlike({ width, height, depth }: Metadata): void {
  if (width * height > mostPixels)
    throw invalidInput(`It has ${width} x ${height} pixels; at most ${mostPixels / 1e6} million are taken. Make it smaller.`, {
      width,
      height,
    })
  if (depth !== 'uchar' && depth !== 'ushort')
    throw invalidInput(`Its pixels are of the kind "${depth}". Send one of 8 or 16 bits.`)
}

async function read(image: Sharp, { space, depth, channels }: Metadata): Promise<Pixels> {
  if (space === 'cmyk') return fromCmyk(image)
  // Pillow keeps 16-bit grey as it is, cut off at 255, though it halves the bits of any other 16-bit image.
  if (depth === 'ushort' && channels === 1) return fromGrey16(image)
  const { data, info } = await image.raw().toBuffer({ resolveWithObject: true })
  return { data: dropAlpha(data, info.channels), width: info.width, height: info.height }
}

function dropAlpha(data: Uint8Array, channels: number): Uint8Array {
  // Not a Buffer: the runtime takes plain arrays.
  if (channels === 3) return new Uint8Array(data.buffer, data.byteOffset, data.length)
  const isGrey = channels < 3
  const pixels = data.length / channels
  const rgb = new Uint8Array(pixels * 3)
  for (let i = 0; i < pixels; i++) for (let c = 0; c < 3; c++) rgb[i * 3 + c] = data[i * channels + (isGrey ? 0 : c)]!
  return rgb
}

/** Without a profile, as pillow's `cmyk2rgb`: what black leaves, less the share of the ink. */
async function fromCmyk(image: Sharp): Promise<Pixels> {
  const inks = image.pipelineColourspace('cmyk').toColourspace('cmyk')
  const { data, info } = await inks.raw().toBuffer({ resolveWithObject: true })
  const pixels = info.width * info.height
  const rgb = new Uint8Array(pixels * 3)
  for (let i = 0; i < pixels; i++) {
    const light = 255 - data[i * info.channels + 3]!
    for (let c = 0; c < 3; c++) {
      const product = data[i * info.channels + c]! * light + 128
      rgb[i * 3 + c] = Math.max(0, light - (((product >> 8) + product) >> 8))
    }
  }
  return { data: rgb, width: info.width, height: info.height }
}

async function fromGrey16(image: Sharp): Promise<Pixels> {
  const grey = image.pipelineColourspace('grey16').toColourspace('grey16')
  const { data, info } = await grey.raw({ depth: 'ushort' }).toBuffer({ resolveWithObject: true })
  const pixels = info.width * info.height
  const rgb = new Uint8Array(pixels * 3)
  for (let i = 0; i < pixels; i++) rgb.fill(Math.min(255, data.readUInt16LE(i * info.channels * 2)), i * 3, i * 3 + 3)
  return { data: rgb, width: info.width, height: info.height }
}

/** What the library said, without its own names. */
function plainReason(error: Error): string {
  const { message } = error
  if (error instanceof BrokenGif) return message
  if (message.includes('exceeds pixel limit')) return `it has more than ${mostPixels / 1e6} million pixels`
  const said = message.replace(/^Input buffer (has|contains) /, '').split('\n')[0]!
  const plain = said.replace(/\b(corrupt header|\w*vips\w*|webp|\w*load_buffer): /gi, '').slice(0, 200)
  return `it is damaged or cut short (${plain.replace(/[.\s]+$/, '')})`
}
