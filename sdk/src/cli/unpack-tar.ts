import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join, posix } from 'node:path'
import { UsageError } from './context.ts'

const block = 512

/** Writes the files of a tar archive into a folder; names that lead out of it are refused before anything is written. Answers their paths. */
export async function unpackTar(archive: Uint8Array, folder: string): Promise<string[]> {
  const files = filesOf(archive)
  for (const { path } of files)
    if (
      path.startsWith('/') ||
      path.includes('\\') ||
      path.includes('\0') ||
      posix.normalize(path) !== path ||
      path.split('/').includes('..')
    )
      throw new UsageError(`The archive holds "${path}", which leads out of the folder.`)
  for (const { path, content } of files) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), content)
  }
  return files.map(({ path }) => path)
}

/** Regular files alone, with the names that an archive of our own has. */
function filesOf(archive: Uint8Array): { path: string; content: Uint8Array }[] {
  const files: { path: string; content: Uint8Array }[] = []
  const text = (at: number, length: number) =>
    Buffer.from(archive.subarray(at, at + length))
      .toString('utf8')
      .replace(/\0.*$/s, '')
  for (let at = 0; at + block <= archive.length; ) {
    const name = text(at, 100)
    if (name === '') break
    const size = Number.parseInt(text(at + 124, 12), 8)
    const prefix = text(at + 345, 155)
    const type = text(at + 156, 1)
    if (!Number.isInteger(size) || at + block + size > archive.length) throw new UsageError('The archive is cut short.')
    if (type === '' || type === '0')
      files.push({ path: prefix ? `${prefix}/${name}` : name, content: archive.subarray(at + block, at + block + size) })
    else throw new UsageError(`The archive holds "${name}", which is no plain file.`)
    at += block + Math.ceil(size / block) * block
  }
  return files
}
