import { newId } from '../../kernel/ids.ts'
import { days } from '../../kernel/time.ts'
import type { Files } from '../../ports/files/files.ts'

export type Scratch = ReturnType<typeof scratchFolders>

/** Folders for work that ends with a request. What a crash left goes a day later. */
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
    /** Folders of a day ago: whoever made them is gone. */
    async removeStale(now = Date.now()): Promise<void> {
      for (const name of await files.names(root)) if (name < newId('req', now - days(1))) await files.remove(root, name)
    },
  }
}
