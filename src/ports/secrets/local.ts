import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { invalidInput } from '../../kernel/errors.ts'
import type { Secrets } from './secrets.ts'

/** Secrets as files that only the account of the server can read (0600 in a folder of 0700). */
export function localSecrets(root: string): Secrets {
  const pathOf = (id: string): string => {
    if (!/^[a-z]+_[0-9a-z]{1,64}$/.test(id)) throw invalidInput('This is no id of a secret.', {})
    return join(root, id)
  }
  return {
    async put(id, text) {
      const path = pathOf(id)
      await mkdir(root, { recursive: true, mode: 0o700 })
      const file = await open(`${path}.new`, 'w', 0o600)
      try {
        await file.writeFile(text)
        await file.sync()
      } finally {
        await file.close()
      }
      await rename(`${path}.new`, path)
    },
    async get(id) {
      return readFile(pathOf(id), 'utf8').catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return null
        throw error
      })
    },
  }
}
