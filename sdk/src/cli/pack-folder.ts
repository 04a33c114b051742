import { createHash } from 'node:crypto'
import { open, opendir, realpath, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { type PackedFile, packFiles, type Sendable } from '../pack.ts'
import { UsageError } from './context.ts'

const mostFiles = 1_000_000

export interface Packed {
  file: Sendable
  filename: string
  files: number
  /** What tells this state of the folder from every other. */
  print: string
}

/** A folder as one archive that is made while it is sent: no copy of it is written. Hidden files and links stay out. */
export async function packFolder(path: string): Promise<Packed> {
  const root = await realpath(path)
  const files: (PackedFile & { mtimeMs: number })[] = []
  for await (const name of below(root)) {
    const full = join(root, name)
    const { size, mtimeMs } = await stat(full)
    files.push({ path: name, size, mtimeMs, read: (from, to) => readPart(full, from, to) })
    if (files.length > mostFiles) throw new UsageError(`"${path}" holds more than ${mostFiles} files.`)
  }
  if (files.length === 0) throw new UsageError(`There are no files in the folder "${path}".`)
  const hash = createHash('sha256').update(root)
  for (const { path: name, size, mtimeMs } of files) hash.update(`\n${name} ${size} ${mtimeMs}`)
  const name = basename(root) || 'folder'
  return { file: packFiles(name, files), filename: `${name}.tar`, files: files.length, print: `folder ${hash.digest('hex')}` }
}

async function* below(root: string, folder = ''): AsyncGenerator<string> {
  const entries = []
  for await (const entry of await opendir(join(root, folder))) if (!entry.name.startsWith('.')) entries.push(entry)
  entries.sort((a, b) => (a.name < b.name ? -1 : 1))
  for (const entry of entries) {
    const path = folder ? `${folder}/${entry.name}` : entry.name
    if (entry.isDirectory()) yield* below(root, path)
    else if (entry.isFile()) yield path
  }
}

async function readPart(path: string, from: number, to: number): Promise<Uint8Array> {
  const file = await open(path, 'r')
  try {
    const buffer = new Uint8Array(to - from)
    let done = 0
    while (done < buffer.length) {
      const { bytesRead } = await file.read(buffer, done, buffer.length - done, from + done)
      if (bytesRead === 0) break
      done += bytesRead
    }
    return buffer.subarray(0, done)
  } finally {
    await file.close()
  }
}
