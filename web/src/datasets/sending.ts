import { type PackedFile, packFiles, type Sendable } from '@atoll/sdk'

/** What is uploaded: a file, or a folder that is packed while it is sent. */
export interface Sending extends Sendable {
  name: string
  /** What tells it from another well enough to go on with its upload after the page was closed. */
  print: string
  files: number
}

export const sendFile = (file: File): Sending => ({
  name: file.name,
  size: file.size,
  slice: (from, to) => file.slice(from, to),
  print: `atoll.upload.${file.name}.${file.size}.${file.lastModified}`,
  files: 1,
})

interface Within {
  path: string
  file: File
}

/** Hidden files stay out, as at the command line. */
function sendFolder(name: string, within: readonly Within[]): Sending | null {
  const shown = within.filter(({ path }) => !/(^|\/)\./.test(path))
  if (shown.length === 0) return null
  const newest = shown.reduce((last, { file }) => Math.max(last, file.lastModified), 0)
  const packed = packFiles(
    name,
    shown.map(
      ({ path, file }): PackedFile => ({
        path,
        size: file.size,
        read: async (from, to) => new Uint8Array(await file.slice(from, to).arrayBuffer()),
      }),
    ),
  )
  return {
    ...packed,
    name: `${name}.tar`,
    print: `atoll.upload.${name}/.${packed.size}.${shown.length}.${newest}`,
    files: shown.length,
  }
}

/** Files chosen with a dialog for folders. */
export function sendChosenFolder(list: FileList): Sending | null {
  const within = [...list].map((file) => ({ path: file.webkitRelativePath.split('/').slice(1).join('/') || file.name, file }))
  return sendFolder(list[0]?.webkitRelativePath.split('/')[0] || 'folder', within)
}

/** What was dropped: one file, one folder, or several files as a folder. Call it while the event is handled. */
export async function sendDropped(transfer: DataTransfer): Promise<Sending | null> {
  // Entries are there only until the event's handler returns.
  const entries = [...transfer.items].flatMap((item) => (item.kind === 'file' ? (item.webkitGetAsEntry() ?? []) : []))
  const [first] = transfer.files
  if (entries.length === 0) return first ? sendFile(first) : null
  const [only] = entries
  if (entries.length === 1 && only!.isFile) return first ? sendFile(first) : null
  const within: Within[] = []
  for (const entry of entries) await collect(entry, '', within)
  if (entries.length > 1) return sendFolder('files', within)
  return sendFolder(
    only!.name,
    within.map(({ path, file }) => ({ path: path.slice(only!.name.length + 1), file })),
  )
}

async function collect(entry: FileSystemEntry, below: string, into: Within[]): Promise<void> {
  const path = below ? `${below}/${entry.name}` : entry.name
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject))
    into.push({ path, file })
    return
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader()
  // A folder is told in parts; an empty part is its end.
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject))
    if (some.length === 0) return
    for (const one of some) await collect(one, path, into)
  }
}
