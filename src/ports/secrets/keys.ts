import { randomUUID } from 'node:crypto'
import { link, mkdir, open, readFile, rename, stat, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { preconditionFailed } from '../../kernel/errors.ts'
import { newSecretKey, type SecretKey, secretKey } from './cipher.ts'

/** The keys of an installation: the first one seals, all of them open. Read at each use, so that a running server follows a rotation. */
export interface SecretKeys {
  from: string
  all(): Promise<readonly [SecretKey, ...SecretKey[]]>
  /** Puts a new key first, where the keys are ours to write. */
  addNew: (() => Promise<void>) | null
  /** Forgets all but the first. */
  dropOlder: (() => Promise<void>) | null
}

/** Keys that the process was given (ATOLL_SECRET_KEY): the newest first, older ones after commas. */
export function givenKeys(text: string): SecretKeys {
  const parts = text
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean)
  const keys = parts.map((part) => secretKey(part, { from: 'ATOLL_SECRET_KEY' })) as [SecretKey, ...SecretKey[]]
  return { from: 'ATOLL_SECRET_KEY', all: async () => keys, addNew: null, dropOlder: null }
}

/** Keys in a file that only its owner may read, one a line, the newest first; made when there is none. */
export function fileKeys(file: string): SecretKeys {
  async function lines(): Promise<string[]> {
    const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null
      throw error
    })
    if (text === null) {
      await make(file, [newSecretKey()])
      return lines()
    }
    if ((await stat(file)).mode & 0o077)
      throw preconditionFailed(
        `${file} holds the key of all secrets and others may read it. Let nobody else: chmod 600 ${file}`,
        { file },
      )
    const found = text
      .split('\n')
      .map((line) => line.trim())
      .filter(Boolean)
    if (found.length === 0)
      throw preconditionFailed(
        `${file} should hold the key of all secrets, and is empty. Bring it back from where you keep it.`,
        { file },
      )
    return found
  }
  return {
    from: file,
    async all() {
      return (await lines()).map((line) => secretKey(line, { from: file })) as [SecretKey, ...SecretKey[]]
    },
    addNew: async () => replace(file, [newSecretKey(), ...(await lines())]),
    dropOlder: async () => replace(file, (await lines()).slice(0, 1)),
  }
}

/** Two processes may start at once: the key that is whole first is the key. */
async function make(file: string, keys: readonly string[]): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  const own = `${file}.${randomUUID()}`
  await write(own, keys)
  await link(own, file).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
  })
  await unlink(own)
}

async function replace(file: string, keys: readonly string[]): Promise<void> {
  await write(`${file}.new`, keys)
  await rename(`${file}.new`, file)
}

async function write(file: string, keys: readonly string[]): Promise<void> {
  const next = await open(file, 'w', 0o600)
  try {
    await next.writeFile(`${keys.join('\n')}\n`)
    await next.sync()
  } finally {
    await next.close()
  }
}
