import { createHmac } from 'node:crypto'
import type { Parameters } from './cast.ts'

const blockBytes = 64

/**
 * HMAC-SHA-256 (RFC 2104) of a text column in SQL, 32 hex digits. The key goes in as parameters, so no statement shows it.
 * Equal values of a project get equal pseudonyms, so that joins and groups survive; without the key nobody can try values out.
 */
export function pseudonymOf(value: string, key: string, add: Parameters['add']): string {
  const padded = (byte: number) => {
    const pad = Buffer.alloc(blockBytes, byte)
    for (const [at, keyByte] of Buffer.from(key, 'hex').entries()) pad[at] = keyByte ^ byte
    return pad.toString('hex')
  }
  const inner = `sha256(unhex(${add(padded(0x36))}::VARCHAR) || encode(${value}))`
  return `left(sha256(unhex(${add(padded(0x5c))}::VARCHAR) || unhex(${inner})), 32)`
}

/** The same of one value, for tests and look-ups. */
export const pseudonym = (value: string, key: string): string =>
  createHmac('sha256', Buffer.from(key, 'hex')).update(value).digest('hex').slice(0, 32)
