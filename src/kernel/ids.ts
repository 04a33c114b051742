import { randomBytes } from 'node:crypto'

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'

/** Prefixes of every noun that has an id. */
export type IdPrefix =
  | 'usr'
  | 'team'
  | 'tok'
  | 'ses'
  | 'prj'
  | 'aud'
  | 'upl'
  | 'ds'
  | 'dsv'
  | 'spl'
  | 'goal'
  | 'rcp'
  | 'wts'
  | 'exp'
  | 'run'
  | 'job'
  | 'mdl'
  | 'mdv'
  | 'end'
  | 'rol'
  | 'trf'
  | 'inv'
  | 'mon'
  | 'rep'
  | 'alr'
  | 'dlv'
  | 'srch'
  | 'evl'
  | 'brp'
  | 'bpo'
  | 'loop'
  | 'lrun'
  | 'req'
  | 'sec'

/** A new id: prefix, 10 characters of time (ms, sortable), 16 random characters (80 bits), Crockford base 32 in lower case. */
export function newId(prefix: IdPrefix, nowMs = Date.now()): string {
  let time = ''
  for (let rest = nowMs, i = 0; i < 10; i++, rest = Math.floor(rest / 32)) time = alphabet[rest % 32] + time
  let random = ''
  for (const byte of randomBytes(16)) random += alphabet[byte & 31]
  return `${prefix}_${time}${random}`
}

/** Whether a reference has the form of an id (rather than a name). Names may not look like ids. */
export const isId = (ref: string): boolean => /^[a-z]{2,4}_[0-9a-hjkmnp-tv-z]{26}$/.test(ref)
