import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto'
import { invalidInput, preconditionFailed } from '../../kernel/errors.ts'

export interface SecretKey {
  /** Tells keys apart and gives nothing of them away. */
  id: string
  bytes: Buffer
}

const algorithm = 'aes-256-gcm'
const keyBytes = 32
const form = 'v1'

/** A key from its text: 32 bytes as 64 hexadecimal digits or as base64. */
export function secretKey(text: string, { from }: { from: string }): SecretKey {
  const bytes = /^[0-9a-f]{64}$/i.test(text)
    ? Buffer.from(text, 'hex')
    : /^[A-Za-z0-9+/_-]{43}=?$/.test(text)
      ? Buffer.from(text, 'base64')
      : null
  if (bytes?.length !== keyBytes)
    throw invalidInput(
      `${from} is no key: it must be 32 random bytes as base64 or hexadecimal. "openssl rand -base64 32" makes one.`,
    )
  return { id: createHash('sha256').update('atoll secret key\n').update(bytes).digest('hex').slice(0, 12), bytes }
}

export const newSecretKey = (): string => randomBytes(keyBytes).toString('base64')

/** AES-256-GCM with a fresh nonce; what it is bound to must be the same when it is opened, so that no row can stand in for another. */
export function seal(key: SecretKey, text: string, boundTo: string): string {
  const nonce = randomBytes(12)
  const cipher = createCipheriv(algorithm, key.bytes, nonce, { authTagLength: 16 }).setAAD(
    Buffer.from(`${form}.${key.id}.${boundTo}`),
  )
  const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
  return [form, key.id, ...[nonce, cipher.getAuthTag(), sealed].map((part) => part.toString('base64url'))].join('.')
}

export function unseal(keys: readonly SecretKey[], sealed: string, boundTo: string): string {
  const [version, id, ...parts] = sealed.split('.')
  const [nonce, tag, content] = parts.map((part) => Buffer.from(part, 'base64url'))
  if (version !== form || !nonce || !tag || !content)
    throw preconditionFailed('A secret is kept in a form that this version does not know.')
  const key = keys.find((one) => one.id === id)
  if (!key)
    throw preconditionFailed(
      `A secret was encrypted with the key ${id}, which is not here. Give that key (ATOLL_SECRET_KEY, or its file), or set the secret again.`,
      { key: id },
    )
  try {
    const decipher = createDecipheriv(algorithm, key.bytes, nonce, { authTagLength: 16 })
      .setAAD(Buffer.from(`${form}.${id}.${boundTo}`))
      .setAuthTag(tag)
    return Buffer.concat([decipher.update(content), decipher.final()]).toString('utf8')
  } catch {
    throw preconditionFailed('A secret was changed after it was kept, and is not used. Set it again.', { key: key.id })
  }
}

/** Which key sealed a text. */
export const sealedBy = (sealed: string): string => sealed.split('.')[1] ?? ''
