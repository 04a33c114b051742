import { newId } from '../../kernel/ids.ts'
import type { Files } from '../../ports/files/files.ts'

export type Scratch = ReturnType<typeof scratchFolders>

/** Folders for work that ends with a request. Whatever was left by a crash goes with the next start. */
export function scratchFolders({ files, root }: { files: Files; root: string }) {
  async function open(): Promise<{ path: string; remove(): Promise<void> }> {
    const name = newId('req')
    const path = await files.makeFolder(root, name)
    return { path, remove: () => files.remove(root, name) }
  }
  return {
    open,
    async within<T>(work: (folder: string) => Promise<T>): Promise<T> {
      const folder = await open()
      try {
        return await work(folder.path)
      } finally {
        await folder.remove()
      }
    },
    clear: () => files.remove(root),
  }
}
