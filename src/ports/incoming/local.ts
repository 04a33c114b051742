import { createHash } from 'node:crypto'
import { constants, createWriteStream } from 'node:fs'
import { type FileHandle, mkdir, open, readdir, realpath, rm, stat } from 'node:fs/promises'
import { join, sep } from 'node:path'
import type { Readable } from 'node:stream'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { conflict, invalidInput, notFound, PlatformError } from '../../kernel/errors.ts'
import type { Incoming, IncomingFile } from './incoming.ts'

/** Uploads as growing files in one folder of this machine. */
export async function localIncoming({ root }: { root: string }): Promise<Incoming> {
  await mkdir(root, { recursive: true, mode: 0o700 })
  const pathOf = (id: string): string => {
    if (!/^[a-z]+_[0-9a-z]+$/.test(id)) throw notFound('upload', id)
    return join(root, id)
  }
  const writing = new Set<string>()

  async function received(id: string): Promise<number | null> {
    return stat(pathOf(id)).then(
      (facts) => facts.size,
      () => null,
    )
  }

  async function append(id: string, offset: number, source: Readable, sizeBytes: number): Promise<number> {
    if (writing.has(id)) throw conflict('Another request is sending this upload right now.', { upload: id })
    writing.add(id)
    try {
      const have = await received(id)
      if (have === null) throw notFound('upload', id)
      if (offset !== have)
        throw conflict(`${have} bytes of this upload are here, so the next byte has offset ${have}, not ${offset}.`, {
          received: have,
          offset,
        })
      const file = await open(pathOf(id), 'r+')
      try {
        const at = await writeFrom(file, offset, source, sizeBytes)
        // Bytes are confirmed once they are on the disk.
        await file.sync()
        return at
      } finally {
        await file.close()
      }
    } catch (error) {
      throw storageError(error)
    } finally {
      writing.delete(id)
    }
  }

  return {
    async create(id) {
      const file = await open(pathOf(id), 'wx', 0o600).catch((error) => {
        throw error.code === 'EEXIST' ? conflict('This upload exists.', { upload: id }) : storageError(error)
      })
      await file.close()
    },
    received,
    append,
    async finish(id) {
      const file = await open(pathOf(id), 'r+')
      try {
        await file.sync()
        return await hashOf(file)
      } finally {
        await file.close()
      }
    },
    async file(id) {
      const sizeBytes = await received(id)
      if (sizeBytes === null) throw notFound('upload', id)
      return { path: pathOf(id), sizeBytes }
    },
    async remove(id) {
      await rm(pathOf(id), { force: true })
    },
    async untouchedSince(ms) {
      const stale: string[] = []
      for (const name of await readdir(root)) {
        const facts = await stat(join(root, name)).catch(() => null)
        if (facts && facts.mtimeMs < ms && !writing.has(name)) stale.push(name)
      }
      return stale
    },
    async allowed(path, folders) {
      const { file, ...facts } = await openAllowed(path, folders)
      await file.close()
      return facts
    },
    async allowedFolder(path, folders) {
      if (path.includes('\0') || !path.startsWith('/')) return null
      const real = await realpath(path).catch(() => null)
      const facts = real === null ? null : await stat(real).catch(() => null)
      if (real === null || !facts?.isDirectory()) return null
      const roots = await Promise.all(folders.map((folder) => realpath(folder).catch(() => null)))
      return roots.some((root) => root !== null && (real === root || real.startsWith(root.endsWith(sep) ? root : root + sep)))
        ? real
        : null
    },
    async copyAllowed(path, folders, to, signal) {
      const { file } = await openAllowed(path, folders)
      const hash = createHash('sha256')
      let sizeBytes = 0
      const count = new Transform({
        transform(chunk: Buffer, _encoding, done) {
          hash.update(chunk)
          sizeBytes += chunk.length
          done(null, chunk)
        },
      })
      await pipeline(
        file.createReadStream({ highWaterMark: 1 << 20 }),
        count,
        createWriteStream(to, { flags: 'wx', mode: 0o600 }),
        { signal },
      ).catch((error) => {
        throw storageError(error)
      })
      return { sha256: hash.digest('hex'), sizeBytes }
    },
  }
}

async function writeFrom(file: FileHandle, offset: number, source: Readable, sizeBytes: number): Promise<number> {
  let at = offset
  for await (const piece of source) {
    const bytes: Uint8Array = typeof piece === 'string' ? Buffer.from(piece) : piece
    if (at + bytes.length > sizeBytes)
      throw new PlatformError('too_large', `This upload was announced with ${sizeBytes} bytes; more than that arrived.`, {
        sizeBytes,
      })
    await file.write(bytes, 0, bytes.length, at)
    at += bytes.length
  }
  return at
}

/** Opens the real file behind a name, when its real place is within an allowed folder. */
async function openAllowed(path: string, folders: readonly string[]): Promise<IncomingFile & { file: FileHandle }> {
  const absent = () =>
    notFound('file in the folders that an administrator allowed', path.slice(0, 200).replace(/[\x00-\x1f\x7f]/g, '?'))
  if (path.includes('\0') || !path.startsWith('/')) throw absent()
  const real = await realpath(path).catch(() => null)
  const roots = await Promise.all(folders.map((folder) => realpath(folder).catch(() => null)))
  if (!real || !roots.some((root) => root !== null && real.startsWith(root.endsWith(sep) ? root : root + sep))) throw absent()
  // The real place has no links left; one that appears in between is not followed.
  const file = await open(real, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(() => {
    throw absent()
  })
  const facts = await file.stat()
  if (facts.isFile()) return { file, path: real, sizeBytes: facts.size }
  await file.close()
  throw invalidInput('This is not a regular file.', { field: 'source.serverPath' })
}

async function hashOf(file: FileHandle): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of file.createReadStream({ start: 0, autoClose: false, highWaterMark: 1 << 20 })) hash.update(chunk)
  return hash.digest('hex')
}

function storageError(error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new PlatformError(
      'storage_full',
      'The disk is full. Free some space and try again.',
      { errno: code },
      { cause: error },
    )
  return error
}
