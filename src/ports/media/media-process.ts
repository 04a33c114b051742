/** The child process of `open.ts`: answers one request at a time over IPC and ends with its parent. */
import { rename } from 'node:fs/promises'
import sharp from 'sharp'
import { yieldToServer } from '../executors/politeness.ts'
import { ArchiveError } from './archive/entry.ts'
import { DocumentError } from './documents/document.ts'
import { documentPages } from './documents/document-pages.ts'
import { mediaLimits } from './limits.ts'
import type { MediaReply, MediaRequest, MediaValue } from './protocol.ts'
import { unpack } from './unpack.ts'

const say = (reply: MediaReply) => process.send?.(reply)

// Many small pictures at once use the processors better than many threads for one.
sharp.concurrency(1)
sharp.cache(false)
if (process.argv[2] !== 'quick') yieldToServer(process.pid)

process.on('disconnect', () => process.exit(0))
process.on('message', (request: MediaRequest) => {
  answer(request).then(
    (value) => say({ say: 'done', value }),
    (error: NodeJS.ErrnoException) =>
      say({ say: 'failed', code: codeOf(error), message: error instanceof Error ? error.message : String(error) }),
  )
})

function codeOf(error: NodeJS.ErrnoException): string {
  if (error instanceof ArchiveError) return error.code
  return error.code === 'ENOSPC' || error.code === 'EDQUOT' ? 'storage_full' : 'internal'
}

async function answer(request: MediaRequest): Promise<MediaValue> {
  if (request.ask === 'unpack') {
    const { from, to, look } = request
    return unpack({ from, to, ...(look && { look }) }, (items, bytes) => say({ say: 'progress', items, bytes }))
  }
  if (request.ask === 'document') {
    try {
      return { pages: await documentPages(request.from, request.kind) }
    } catch (error) {
      if (error instanceof DocumentError) return { problem: error.message }
      // Readers of foreign files fail in many ways; each is the file's fault unless the disk's.
      if (typeof (error as NodeJS.ErrnoException).syscall === 'string') throw error
      return { problem: `cannot be read: ${String((error as Error)?.message ?? error).slice(0, 160)}` }
    }
  }
  const { from, to, size } = request
  const temp = `${to}.${process.pid}.tmp`
  await sharp(from, { limitInputPixels: mediaLimits.pixels, failOn: 'none' })
    .autoOrient()
    .resize(size, size, { fit: 'inside', withoutEnlargement: true })
    .webp({ quality: 80, effort: 2 })
    .toFile(temp)
  await rename(temp, to)
  return null
}
