import { openAsBlob } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { extname, join, resolve } from 'node:path'
import { UsageError } from './context.ts'

interface Input {
  name: string
  tensor: string
}
type Row = Record<string, unknown>

const endings: Record<string, Record<string, string>> = {
  image: {
    '.jpg': 'image/jpeg',
    '.jpeg': 'image/jpeg',
    '.png': 'image/png',
    '.webp': 'image/webp',
    '.gif': 'image/gif',
    '.tif': 'image/tiff',
    '.tiff': 'image/tiff',
  },
  audio: { '.wav': 'audio/wav', '.wave': 'audio/wav' },
  tokens: { '.txt': 'text/plain', '.md': 'text/plain' },
}
const mostCallBytes = 16 * 2 ** 20

/** The files that were named, folders by those files in them that the model could read, in order of their names. */
export async function filesOf(paths: readonly string[], inputs: readonly Input[]): Promise<string[]> {
  const known = new Set(inputs.flatMap(({ tensor }) => Object.keys(endings[tensor] ?? {})))
  if (known.size === 0) throw new UsageError('This endpoint reads rows of columns, not files. Send them with --rows.')
  const files: string[] = []
  for (const path of paths) {
    const found = await stat(path).catch(() => {
      throw new UsageError(`There is no file "${path}".`)
    })
    if (!found.isDirectory()) {
      files.push(path)
      continue
    }
    const inside = (await readdir(path, { recursive: true })).sort().filter((name) => known.has(extname(name).toLowerCase()))
    if (inside.length === 0) throw new UsageError(`The folder "${path}" holds no file that ends with ${[...known].join(', ')}.`)
    files.push(...inside.map((name) => join(path, name)))
  }
  return files
}

/** A file with its media type, by the end of its name. */
export async function readFileOf(path: string): Promise<Blob> {
  const ending = extname(path).toLowerCase()
  const type = Object.values(endings).find((types) => types[ending])?.[ending] ?? 'application/octet-stream'
  return openAsBlob(path, { type })
}

/** Rows in pieces for one call each. A cell of an image or audio column that names a file, beside the table, becomes the file. */
export async function* withFiles(
  rows: readonly Row[],
  { inputs, folder, mostRows }: { inputs: readonly Input[]; folder: string; mostRows: number },
): AsyncGenerator<Row[]> {
  const ofFiles = inputs.filter(({ tensor }) => tensor === 'image' || tensor === 'audio')
  let piece: Row[] = []
  let bytes = 0
  for (const row of rows) {
    const filled = { ...row }
    for (const { name } of ofFiles) {
      const value = filled[name]
      if (typeof value !== 'string' || value.length > 4096 || value.startsWith('data:')) continue
      const content = await readFile(resolve(folder, value)).catch(() => null)
      if (content) filled[name] = content.toString('base64')
      bytes += (filled[name] as string).length
    }
    piece.push(filled)
    if (piece.length < mostRows && bytes < mostCallBytes) continue
    yield piece
    piece = []
    bytes = 0
  }
  if (piece.length > 0) yield piece
}
