import { randomBytes } from 'node:crypto'

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'

/** Ids of requests: like other ids in form, but a random start and a counter, because there are many thousand a second. */
export function requestIds(): () => string {
  const start = [...randomBytes(19)].map((byte) => alphabet[byte & 31]).join('')
  let count = 0
  return () => {
    count++
    let text = ''
    for (let i = 0, rest = count; i < 7; i++, rest = Math.floor(rest / 32)) text = alphabet[rest % 32] + text
    return `req_${start}${text}`
  }
}
