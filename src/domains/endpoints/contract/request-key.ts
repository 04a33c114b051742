import { createHash } from 'node:crypto'
import { invalidInput } from '../../../kernel/errors.ts'
import type { Principal } from '../../../kernel/principal.ts'

/**
 * The id of a request that came with an Idempotency-Key: of the same caller with the same key and body it is the same again, and so are the ids of its
 * predictions.
 */
export function requestKey({ key, by, endpoint, text }: { key: string; by: Principal; endpoint: string; text: string }): string {
  if (!/^[\x21-\x7e]{1,255}$/.test(key))
    throw invalidInput('The Idempotency-Key must be 1 to 255 visible ASCII characters.', { header: 'Idempotency-Key' })
  const said = [by.userId ?? '', endpoint, key, text].map((part) => `${part.length}:${part}`).join('')
  return `req_${createHash('sha256').update(said).digest('hex').slice(0, 32)}`
}
