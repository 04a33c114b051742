import { constants } from 'node:fs'
import { open, opendir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import type { Entry } from './entry.ts'

const smallBytes = 4 * 1024 ** 2
const maxDepth = 32

/** The files below a folder, depth first by name. Links are told of, never followed. */
export async function* folderEntries(root: string, below = '', depth = 0): AsyncGenerator<Entry> {
  const names: { name: string; kind: Entry['kind'] }[] = []
  for await (const entry of await opendir(join(root, below)))
    names.push({
      name: entry.name,
      kind: entry.isFile() ? 'file' : entry.isDirectory() ? 'folder' : entry.isSymbolicLink() ? 'link' : 'other',
    })
  names.sort((a, b) => (a.name < b.name ? -1 : 1))
  for (const { name, kind } of names) {
    const path = below ? `${below}/${name}` : name
    if (kind === 'folder' && depth < maxDepth) yield* folderEntries(root, path, depth + 1)
    else yield { name: path, kind, sizeBytes: 0, open: () => openFile(join(root, path)) }
  }
}

async function openFile(path: string): Promise<Readable | Buffer> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  const facts = await file.stat()
  if (!facts.isFile() || facts.size <= smallBytes) {
    try {
      return facts.isFile() ? await file.readFile() : Buffer.alloc(0)
    } finally {
      await file.close()
    }
  }
  return file.createReadStream({ highWaterMark: 1 << 20 })
}
