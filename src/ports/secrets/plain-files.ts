import { readdir, readFile, unlink } from 'node:fs/promises'
import { join } from 'node:path'

/** Secrets that lie unencrypted in files named by their ids, as they were kept before they were encrypted. */
export interface PlainSecrets {
  list(): Promise<{ id: string; text: string }[]>
  remove(id: string): Promise<void>
}

export function plainSecretFiles(root: string): PlainSecrets {
  return {
    async list() {
      const names = await readdir(root).catch(() => [])
      const ids = names.filter((name) => /^sec_[0-9a-z]{1,64}$/.test(name))
      return Promise.all(ids.map(async (id) => ({ id, text: await readFile(join(root, id), 'utf8') })))
    },
    remove: (id) => unlink(join(root, id)),
  }
}
