import { createHash } from 'node:crypto'
import type { SignatureColumn } from '../signature.ts'
import { contentOf } from './content.ts'

/** What is kept of a file that a client sent. */
export interface DescribedFile {
  sha256: string
  bytes: number
  /** A data URL of a small picture. */
  thumbnail?: string
}

/** What is to be kept of files. */
export interface CaptureWishes {
  thumbnails: boolean
  /** Takes the bytes of a file of an input. */
  take?: ((input: string, sha256: string, content: Uint8Array) => void) | undefined
}

const thumbnailPixels = 96
const mostThumbnailBytes = 8 * 1024

/** The rows with their files by hash and size instead of their bytes; where asked, images with a small picture too. */
export function describeFiles(
  rows: readonly Record<string, unknown>[],
  files: readonly SignatureColumn[],
  { thumbnails, take }: CaptureWishes,
): Promise<Record<string, unknown>[]> {
  return Promise.all(
    rows.map(async (row) => {
      const described = { ...row }
      for (const { name, tensor } of files)
        described[name] = await describeFile(row[name] as string | Uint8Array, {
          wantsThumbnail: thumbnails && tensor === 'image',
          take: (sha256, content) => take?.(name, sha256, content),
        })
      return described
    }),
  )
}

async function describeFile(
  value: string | Uint8Array,
  { wantsThumbnail, take }: { wantsThumbnail: boolean; take(sha256: string, content: Uint8Array): void },
): Promise<DescribedFile> {
  const content = contentOf(value)
  const described: DescribedFile = { sha256: createHash('sha256').update(content).digest('hex'), bytes: content.length }
  take(described.sha256, content)
  if (!wantsThumbnail) return described
  const { default: sharp } = await import('sharp')
  const small = await sharp(content)
    .autoOrient()
    .resize(thumbnailPixels, thumbnailPixels, { fit: 'inside' })
    .webp({ quality: 60 })
    .toBuffer()
  if (small.length <= mostThumbnailBytes) described.thumbnail = `data:image/webp;base64,${small.toString('base64')}`
  return described
}
