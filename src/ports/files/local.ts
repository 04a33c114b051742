import { randomBytes } from 'node:crypto'
import type { Dirent } from 'node:fs'
import { constants } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { copyFile, lstat, mkdir, open, readdir, realpath, rename, rm } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import type { Readable } from 'node:stream'
import { invalidInput, notFound, PlatformError } from '../../kernel/errors.ts'
import type { FileInfo, Files } from './files.ts'
import { followLines } from './follow-lines.ts'
import { resolvePath } from './resolve-path.ts'

const defaultMaxBytes = 16 * 1024 * 1024
const defaultCaps = { maxFiles: 10_000, maxBytes: 64 * 1024 ** 3 }
const maxDepth = 24

/** Files of this machine. */
export function localFiles(): Files {
  const files: Files = {
    resolvePath,
    async makeFolder(root, path = '') {
      const full = resolvePath(root, path)
      await mkdir(full, { recursive: true, mode: 0o700 }).catch(explain)
      return full
    },
    async exists(root, path) {
      return (await lstat(resolvePath(root, path)).catch(() => null)) !== null
    },
    async readText(root, path, maxBytes = defaultMaxBytes) {
      const file = await openRegular(root, path)
      try {
        const { size } = await file.stat()
        if (size > maxBytes) throw tooLarge(path, maxBytes)
        return (await file.readFile()).toString('utf8')
      } finally {
        await file.close()
      }
    },
    async readJson(root, path, maxBytes) {
      const text = await files.readText(root, path, maxBytes)
      try {
        return JSON.parse(text)
      } catch (error) {
        throw invalidInput(`${path} is not valid JSON: ${(error as Error).message}`, { path })
      }
    },
    async open(root, path, range) {
      const file = await openRegular(root, path)
      const { size } = await file.stat()
      return {
        sizeBytes: size,
        stream: file.createReadStream({ highWaterMark: 1 << 20, ...(range && { start: range.start, end: range.end - 1 }) }),
      }
    },
    async writeText(root, path, text) {
      const full = resolvePath(root, path)
      const temp = `${full}.${randomBytes(6).toString('hex')}.tmp`
      try {
        const file = await open(temp, 'wx', 0o600)
        await file.writeFile(text).finally(() => file.close())
        await rename(temp, full)
      } catch (error) {
        await rm(temp, { force: true })
        explain(error)
      }
    },
    writeJson: (root, path, value) => files.writeText(root, path, JSON.stringify(value)),
    async writeStream(root, path, source, maxBytes = Number.POSITIVE_INFINITY) {
      const full = resolvePath(root, path)
      try {
        return await writeNew(full, source, path, maxBytes)
      } catch (error) {
        await rm(full, { force: true })
        return explain(error)
      }
    },
    async list(root, path = '', caps = {}) {
      const { maxFiles, maxBytes } = { ...defaultCaps, ...caps }
      const found: FileInfo[] = []
      let bytes = 0
      for await (const full of walk(root, path)) {
        const facts = await lstat(full).catch(() => null)
        if (!facts?.isFile()) continue
        found.push({ path: relative(root, full), sizeBytes: facts.size })
        bytes += facts.size
        if (found.length > maxFiles || bytes > maxBytes)
          throw new PlatformError('too_large', `More than ${maxFiles} files or ${maxBytes} bytes are in "${path || '.'}".`, {
            maxFiles,
            maxBytes,
          })
      }
      return found.sort((a, b) => (a.path < b.path ? -1 : 1))
    },
    async names(root, path = '') {
      return (await readdir(resolvePath(root, path)).catch(emptyIfAbsent)).sort()
    },
    async copy(from, to) {
      const source = resolvePath(from.root, from.path)
      const target = resolvePath(to.root, to.path)
      await insideRoot(from.root, source, from.path)
      const facts = await lstat(source).catch(() => null)
      if (!facts) throw notFound('file', from.path)
      if (facts.isFile()) return copyOne(source, target)
      if (!facts.isDirectory()) throw notRegular(from.path)
      await mkdir(target, { recursive: true, mode: 0o700 })
      for (const file of await files.list(source)) await copyOne(join(source, file.path), join(target, file.path))
    },
    async move(from, to) {
      const source = resolvePath(from.root, from.path)
      const target = resolvePath(to.root, to.path)
      await insideRoot(from.root, source, from.path)
      await mkdir(dirname(target), { recursive: true, mode: 0o700 })
      await rename(source, target).catch(explain)
    },
    async remove(root, path = '') {
      await rm(resolvePath(root, path), { recursive: true, force: true, maxRetries: 3 })
    },
    async follow(root, path) {
      return followLines(await openRegular(root, path))
    },
  }
  return files
}

/** Opens a regular file whose real place is within the root: a folder on the way may be a link that a job made. */
async function openRegular(root: string, path: string): Promise<FileHandle> {
  const full = resolvePath(root, path)
  await insideRoot(root, full, path)
  // O_NONBLOCK: opening a pipe that a job left must not wait for a writer.
  const file = await open(full, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch((error) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') throw notFound('file', path)
    if (error.code === 'ELOOP' || error.code === 'ENXIO') throw notRegular(path)
    throw error
  })
  if ((await file.stat()).isFile()) return file
  await file.close()
  throw notRegular(path)
}

async function insideRoot(root: string, full: string, path: string) {
  if (full === root) return
  const [base, parent] = await Promise.all([realpath(root), realpath(dirname(full))]).catch((error) => {
    throw error.code === 'ENOENT' || error.code === 'ENOTDIR' ? notFound('file', path) : error
  })
  if (parent !== base && !parent.startsWith(`${base}/`)) throw notRegular(path)
}

/** Files below a folder. Links, also to folders, are passed over; depth is bounded. */
async function* walk(root: string, path: string): AsyncGenerator<string> {
  const start = resolvePath(root, path)
  if (path && !(await lstat(start).catch(() => null))?.isDirectory()) return
  const pending: { folder: string; depth: number }[] = [{ folder: start, depth: 0 }]
  for (let at = pending.pop(); at; at = pending.pop()) {
    const entries: Dirent[] = await readdir(at.folder, { withFileTypes: true }).catch(emptyIfAbsent)
    for (const entry of entries) {
      const full = join(at.folder, entry.name)
      if (entry.isFile()) yield full
      else if (entry.isDirectory()) {
        if (at.depth >= maxDepth)
          throw new PlatformError('too_large', `Folders are nested more than ${maxDepth} deep.`, { maxDepth })
        pending.push({ folder: full, depth: at.depth + 1 })
      }
    }
  }
}

async function copyOne(source: string, target: string) {
  await mkdir(dirname(target), { recursive: true, mode: 0o700 })
  await copyFile(source, target, constants.COPYFILE_FICLONE).catch(explain)
}

async function writeNew(full: string, source: Readable, path: string, maxBytes: number): Promise<number> {
  const file = await open(full, 'wx', 0o600)
  try {
    let written = 0
    for await (const piece of source) {
      const bytes: Uint8Array = typeof piece === 'string' ? Buffer.from(piece) : piece
      written += bytes.length
      if (written > maxBytes) throw tooLarge(path, maxBytes)
      await file.writeFile(bytes)
    }
    return written
  } finally {
    await file.close()
  }
}

const tooLarge = (path: string, maxBytes: number) =>
  new PlatformError('too_large', `${path} is larger than the ${maxBytes} bytes allowed here.`, { path, maxBytes })

const notRegular = (path: string) =>
  invalidInput(`"${path}" is not a regular file of this folder (links and special files are not read).`, { path })

function emptyIfAbsent(error: NodeJS.ErrnoException): [] {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return []
  throw error
}

function explain(error: unknown): never {
  const { code } = error as NodeJS.ErrnoException
  if (code === 'ENOSPC' || code === 'EDQUOT')
    throw new PlatformError('storage_full', 'The disk is full. Free some space and try again.', { errno: code }, { cause: error })
  throw error
}
