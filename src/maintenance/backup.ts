import { createReadStream, createWriteStream } from 'node:fs'
import { mkdtemp, open, rename, rm, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type Headers, pack } from 'tar-stream'
import { preconditionFailed } from '../kernel/errors.ts'
import { toIso } from '../kernel/time.ts'
import type { BlobStore } from '../ports/blobs/blob-store.ts'
import type { Metadata } from '../ports/metadata/metadata.ts'

export interface BackupSummary {
  file: string
  sizeBytes: number
  blobs: number
  seconds: number
}

/**
 * Writes everything into one tar archive: a consistent copy of the database, then every blob. Works while the server runs:
 * blobs are immutable and written before the rows that name them, and the database is copied first.
 */
export async function backup(
  { metadata, blobs, version }: { metadata: Metadata; blobs: BlobStore; version: string },
  file: string,
): Promise<BackupSummary> {
  if (metadata.kind !== 'sqlite')
    throw preconditionFailed(
      'With PostgreSQL, use pg_dump for the database and copy the blobs folder after it: blobs never change, so a later copy holds all that an earlier dump names.',
    )
  const started = Date.now()
  const target = resolve(file)
  const scratch = await mkdtemp(join(dirname(target), '.atoll-backup-'))
  try {
    const copy = join(scratch, 'atoll.db')
    await metadata.backup(copy)
    const archive = pack()
    const partial = join(scratch, 'archive.tar')
    const written = pipeline(archive, createWriteStream(partial, { mode: 0o600 }))
    let count = 0
    const fill = async () => {
      await add(archive, { name: 'manifest.json' }, Buffer.from(JSON.stringify({ format: 1, version, madeAt: toIso(started) })))
      await add(archive, { name: 'atoll.db', size: (await stat(copy)).size }, createReadStream(copy))
      for await (const { sha256, sizeBytes } of blobs.list()) {
        await add(archive, { name: `blobs/${sha256}`, size: sizeBytes }, await blobs.get(sha256))
        count++
      }
      archive.finalize()
    }
    await Promise.all([
      fill().catch((error) => {
        archive.destroy(error)
        throw error
      }),
      written,
    ])
    await syncFile(partial)
    await rename(partial, target)
    return { file: target, sizeBytes: (await stat(target)).size, blobs: count, seconds: (Date.now() - started) / 1000 }
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

async function add(
  archive: ReturnType<typeof pack>,
  header: Partial<Headers> & { name: string },
  content: Readable | Buffer,
): Promise<void> {
  if (Buffer.isBuffer(content)) {
    archive.entry(header, content)
    return
  }
  await pipeline(content, archive.entry({ ...header, mode: 0o600 }))
}

async function syncFile(path: string): Promise<void> {
  const handle = await open(path, 'r')
  await handle.sync().finally(() => handle.close())
}
