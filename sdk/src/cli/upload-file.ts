import { mkdirSync, openAsBlob, readFileSync, writeFileSync } from 'node:fs'
import { realpath, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { type Atoll, AtollError, type Upload } from '../index.ts'
import type { Sendable } from '../pack.ts'
import { UsageError } from './context.ts'

/** The server keeps an unfinished upload as long. */
const keptMs = 86_400_000

/** Uploads a local file in parts, without reading it into memory. What an earlier command, cut short, had sent of the same file is not sent again. */
export async function uploadFile(
  atoll: Atoll,
  path: string,
  options: { onProgress?: (sent: number, of: number) => void; signal?: AbortSignal } = {},
): Promise<Upload> {
  const info = await stat(path).catch(() => null)
  if (!info?.isFile()) throw new UsageError(`There is no file "${path}".`)
  const print = `${await realpath(path)} ${info.size} ${info.mtimeMs}`
  return uploadOnce(atoll, { file: await openAsBlob(path), filename: basename(path), print }, options)
}

/** Sends what `print` identifies, or the rest of it where an earlier command was cut short. */
export async function uploadOnce(
  atoll: Atoll,
  { file, filename, print }: { file: Sendable; filename: string; print: string },
  options: { onProgress?: (sent: number, of: number) => void; signal?: AbortSignal } = {},
): Promise<Upload> {
  const send = (resume?: string) =>
    atoll.uploads.send(file, {
      filename,
      resume,
      signal: options.signal,
      onProgress(sent, of, id) {
        remember(print, id)
        options.onProgress?.(sent, of)
      },
    })
  const begun = recall()[print]
  const upload = await send(begun?.upload).catch((error) => {
    if (begun && error instanceof AtollError && error.code === 'not_found') return send()
    throw error
  })
  remember(print, null)
  return upload
}

interface Begun {
  upload: string
  at: number
}

const notesFile = () => join(process.env.XDG_STATE_HOME ?? join(homedir(), '.local', 'state'), 'atoll', 'uploads.json')

/** Uploads that were begun and not finished, by what tells one file from another. */
function recall(): Record<string, Begun> {
  try {
    const notes = JSON.parse(readFileSync(notesFile(), 'utf8')) as Record<string, Begun>
    return Object.fromEntries(Object.entries(notes).filter(([, { at }]) => at > Date.now() - keptMs))
  } catch {
    return {}
  }
}

function remember(print: string, upload: string | null): void {
  const notes = recall()
  if (notes[print]?.upload === upload) return
  if (upload) notes[print] = { upload, at: Date.now() }
  else delete notes[print]
  try {
    mkdirSync(dirname(notesFile()), { recursive: true, mode: 0o700 })
    writeFileSync(notesFile(), `${JSON.stringify(notes)}\n`, { mode: 0o600 })
  } catch {
    // Without a note the next command sends the file from its beginning.
  }
}
