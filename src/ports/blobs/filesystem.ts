import { createHash, randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { chmod, copyFile, link, mkdir, open, opendir, readdir, rename, rm, stat, unlink, utimes } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { invalidInput, notFound, PlatformError } from '../../kernel/errors.ts'
import type { BlobHash, BlobInfo, BlobStore } from './blob-store.ts'

export interface FilesystemBlobOptions {
  root: string
  /**
   * Whether `materialise` may lay a hard link. Only where job processes cannot write to what they are given (a read-only mount):
   * a link shares its bytes with the store, and a process of our own user could undo the file's read-only mode.
   */
  hardLinks?: boolean
}

const chunkBytes = 1 << 20
/** Files taken over at a time: their syncs then share what the disk does for each. */
const lanes = 16
const staleTempMs = 24 * 3_600_000

/** Blobs as files: `<root>/<first two digits>/<sha256>`, each written to `<root>/tmp`, synced, then renamed into its place. */
export async function openFilesystemBlobs({ root, hardLinks = false }: FilesystemBlobOptions): Promise<BlobStore> {
  const tempFolder = join(root, 'tmp')
  await mkdir(tempFolder, { recursive: true, mode: 0o700 })
  await removeStaleTemps(tempFolder)

  const pathOf = (sha256: BlobHash) => join(root, sha256.slice(0, 2), sha256)
  const newTemp = () => join(tempFolder, `${hostname()}.${process.pid}.${randomBytes(8).toString('hex')}`)

  async function put(source: Readable | Uint8Array | string, options: { expected?: BlobHash; maxBytes?: number } = {}) {
    const temp = newTemp()
    try {
      const file = await open(temp, 'wx', 0o600)
      let info: BlobInfo
      try {
        info = await writeAndHash(file, source, options.maxBytes ?? Number.POSITIVE_INFINITY)
        if (options.expected !== undefined && options.expected !== info.sha256)
          throw invalidInput(`The bytes received are not the ones announced: their SHA-256 is ${info.sha256}.`, {
            expected: options.expected,
            actual: info.sha256,
          })
        await file.sync()
      } finally {
        await file.close()
      }
      await takeIntoPlace(temp, info, syncFolder)
      return info
    } catch (error) {
      await rm(temp, { force: true })
      throw storageError(error)
    }
  }

  const putFile = (path: string) => takeFile(path, syncFolder)

  async function putFiles(
    paths: readonly string[],
    { signal, onProgress }: { signal?: AbortSignal; onProgress?: (done: number) => void } = {},
  ): Promise<BlobInfo[]> {
    const stored = new Array<BlobInfo>(paths.length)
    const folders = new Set<string>()
    let next = 0
    let done = 0
    const lane = async () => {
      while (next < paths.length) {
        const at = next++
        signal?.throwIfAborted()
        stored[at] = await takeFile(paths[at]!, async (folder) => void folders.add(folder))
        onProgress?.(++done)
      }
    }
    await Promise.all(Array.from({ length: Math.min(lanes, paths.length) }, lane))
    // Once for each folder, not once for each file.
    for (const folder of folders) await syncFolder(folder)
    return stored
  }

  async function takeFile(path: string, makeNamesDurable: (folder: string) => Promise<void>) {
    // O_NONBLOCK: a pipe in the place of a file would be waited for.
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch((error) => {
      throw error.code === 'ELOOP' ? invalidInput(`"${path}" is a link; only a regular file can be stored.`) : storageError(error)
    })
    let info: BlobInfo
    let mustCopy: boolean
    try {
      const facts = await file.stat()
      if (!facts.isFile()) throw invalidInput(`"${path}" is not a regular file; only a regular file can be stored.`)
      // A second name of the same bytes could still be written through.
      mustCopy = facts.nlink > 1
      info = await hashOf(file)
      if (!mustCopy) await file.sync()
    } finally {
      await file.close()
    }
    try {
      if (!mustCopy) {
        await takeIntoPlace(path, info, makeNamesDurable)
        return info
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw storageError(error)
    }
    const stored = await put(await readStream(path), { expected: info.sha256 })
    await unlink(path)
    return stored
  }

  /** The file's bytes are durable already; this makes its name so. */
  async function takeIntoPlace(from: string, info: BlobInfo, makeNamesDurable: (folder: string) => Promise<void>) {
    const path = pathOf(info.sha256)
    const folder = join(path, '..')
    if ((await mkdir(folder, { recursive: true, mode: 0o700 })) !== undefined) await syncFolder(root)
    const present = await stat(path).catch(() => null)
    if (present?.size === info.sizeBytes && (await touched(path))) await unlink(from)
    else {
      await chmod(from, 0o444)
      await rename(from, path)
    }
    await makeNamesDurable(folder)
  }

  async function openBlob(sha256: BlobHash): Promise<FileHandle> {
    if (!isHash(sha256)) throw notFound('blob', sha256)
    return open(pathOf(sha256), 'r').catch((error) => {
      throw error.code === 'ENOENT' ? notFound('blob', sha256) : error
    })
  }

  return {
    supportsRangeReads: true,
    localPath: (sha256) => (isHash(sha256) ? pathOf(sha256) : null),
    put,
    putFile,
    putFiles,
    async get(sha256, range) {
      const file = await openBlob(sha256)
      if (range?.end !== undefined && range.end <= range.start) {
        await file.close()
        return Readable.from([])
      }
      return file.createReadStream({
        start: range?.start ?? 0,
        ...(range?.end !== undefined && { end: range.end - 1 }),
        highWaterMark: 256 * 1024,
      })
    },
    async bytes(sha256) {
      const file = await openBlob(sha256)
      try {
        return await file.readFile()
      } finally {
        await file.close()
      }
    },
    async stat(sha256) {
      if (!isHash(sha256)) return null
      const facts = await stat(pathOf(sha256)).catch(ignoreAbsent)
      return facts ? { sha256, sizeBytes: facts.size } : null
    },
    async materialise(sha256, path) {
      if (!isHash(sha256)) throw notFound('blob', sha256)
      try {
        if (hardLinks && (await linked(pathOf(sha256), path))) return
        await copyFile(pathOf(sha256), path, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
        await chmod(path, 0o444)
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException
        if (code === 'ENOENT' && !(await stat(pathOf(sha256)).catch(() => null))) throw notFound('blob', sha256)
        if (code !== 'EEXIST') await rm(path, { force: true })
        throw storageError(error)
      }
    },
    async delete(sha256, { unlessStoredSince = Number.POSITIVE_INFINITY } = {}) {
      if (!isHash(sha256)) return true
      // Aside first: whoever stores the same bytes meanwhile either finds them gone and writes them anew, or has left a fresh time.
      const aside = newTemp()
      const path = pathOf(sha256)
      try {
        await rename(path, aside)
      } catch (error) {
        ignoreAbsent(error as NodeJS.ErrnoException)
        return true
      }
      const isKept = (await stat(aside)).mtimeMs >= unlessStoredSince
      if (isKept) await link(aside, path).catch(ignorePresent)
      await unlink(aside)
      return !isKept
    },
    async *list() {
      for (const prefix of await readdir(root)) {
        if (!/^[0-9a-f]{2}$/.test(prefix)) continue
        for await (const entry of await opendir(join(root, prefix))) {
          const facts = isHash(entry.name) ? await stat(join(root, prefix, entry.name)).catch(ignoreAbsent) : null
          if (facts) yield { sha256: entry.name, sizeBytes: facts.size, storedAt: facts.mtimeMs }
        }
      }
    },
  }
}

const isHash = (text: string) => /^[0-9a-f]{64}$/.test(text)

async function writeAndHash(file: FileHandle, source: Readable | Uint8Array | string, maxBytes: number): Promise<BlobInfo> {
  const hash = createHash('sha256')
  let sizeBytes = 0
  for await (const piece of piecesOf(source)) {
    sizeBytes += piece.length
    if (sizeBytes > maxBytes)
      throw new PlatformError('too_large', `More than the ${maxBytes} bytes that are allowed here.`, { maxBytes })
    hash.update(piece)
    await writeAll(file, piece)
  }
  return { sha256: hash.digest('hex'), sizeBytes }
}

async function* piecesOf(source: Readable | Uint8Array | string): AsyncGenerator<Uint8Array> {
  if (typeof source === 'string' || source instanceof Uint8Array) {
    const bytes = typeof source === 'string' ? Buffer.from(source) : source
    // Hashed in pieces, so that a large buffer does not hold the event loop.
    for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes)
  } else for await (const piece of source) yield typeof piece === 'string' ? Buffer.from(piece) : piece
}

async function writeAll(file: FileHandle, piece: Uint8Array) {
  for (let at = 0; at < piece.length; ) at += (await file.write(piece, at, piece.length - at)).bytesWritten
}

async function hashOf(file: FileHandle): Promise<BlobInfo> {
  const hash = createHash('sha256')
  const buffer = Buffer.allocUnsafe(chunkBytes)
  let sizeBytes = 0
  for (;;) {
    const { bytesRead } = await file.read(buffer, 0, chunkBytes, sizeBytes)
    if (bytesRead === 0) return { sha256: hash.digest('hex'), sizeBytes }
    hash.update(buffer.subarray(0, bytesRead))
    sizeBytes += bytesRead
  }
}

async function readStream(path: string): Promise<Readable> {
  return (await open(path, constants.O_RDONLY | constants.O_NOFOLLOW)).createReadStream({ highWaterMark: chunkBytes })
}

async function syncFolder(path: string) {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/** False where the file system has no hard links or the blob is on another one: the caller copies. */
async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to)
    return true
  } catch (error) {
    if (['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP'].includes((error as NodeJS.ErrnoException).code ?? '')) return false
    throw error
  }
}

/** Temps of processes that are gone. Those of other machines (a shared disk) only by age. */
async function removeStaleTemps(folder: string) {
  for (const name of await readdir(folder)) {
    const [, host, pid] = /^(.*)\.(\d+)\.[0-9a-f]+$/.exec(name) ?? []
    const facts = await stat(join(folder, name)).catch(() => null)
    if (!facts) continue
    const ownerIsGone = host === hostname() && !isAlive(Number(pid))
    if (ownerIsGone || Date.now() - facts.mtimeMs > staleTempMs) await rm(join(folder, name), { force: true })
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Marks a blob as stored now; false when it has just gone. */
async function touched(path: string): Promise<boolean> {
  const now = new Date()
  return (await utimes(path, now, now).catch(ignoreAbsent)) !== null
}

function ignorePresent(error: NodeJS.ErrnoException): null {
  if (error.code === 'EEXIST') return null
  throw error
}

function ignoreAbsent(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null
  throw error
}

function storageError(error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return error
  return new PlatformError(
    'storage_full',
    'The disk that holds the data folder is full. Nothing was stored; free some space and try again.',
    { errno: code },
    { cause: error },
  )
}
