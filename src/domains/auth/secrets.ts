import { createHash, hash, randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'

const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const prefix = 'atoll_pat_'

/** A personal token: prefix, 32 random bytes and their CRC-32, in base 62. The checksum finds typing errors, it proves nothing. */
export function newTokenSecret(): string {
  const body = base62(BigInt(`0x${randomBytes(32).toString('hex')}`), 43)
  return `${prefix}${body}_${checksum(body)}`
}

/** Whether text has the form of a token and was copied whole. */
export function isTokenSecret(text: string): boolean {
  const match = /^atoll_pat_([0-9A-Za-z]{43})_([0-9A-Za-z]{6})$/.exec(text)
  return match !== null && checksum(match[1]!) === match[2]
}

/** 256 random bits for sessions and links. */
export const newSecret = (): string => randomBytes(32).toString('base64url')

/** What is stored instead of a secret. Secrets are random and long, so one fast hash is enough. */
export const hashOfSecret = (secret: string): string => hash('sha256', secret, 'base64url')

/** A short, stable name for a key that must not be kept in clear (rate limits). */
export const fingerprint = (text: string): string => createHash('sha256').update(text).digest('base64url').slice(0, 16)

const checksum = (body: string): string => base62(BigInt(crc32(body)), 6)

function base62(value: bigint, length: number): string {
  let text = ''
  for (let rest = value; text.length < length; rest /= 62n) text = digits[Number(rest % 62n)] + text
  return text
}
