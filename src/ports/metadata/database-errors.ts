import { PlatformError } from '../../kernel/errors.ts'

/** Whether a write was refused because a row with the same unique key exists. */
export function isUniqueViolation(error: unknown): boolean {
  const code = codeOf(error)
  return code === 'SQLITE_CONSTRAINT_UNIQUE' || code === 'SQLITE_CONSTRAINT_PRIMARYKEY' || code === '23505'
}

/** What callers can act on (full disk, unreachable, busy) as errors of the platform; anything else unchanged. */
export function translateDatabaseError(error: unknown): unknown {
  const code = codeOf(error)
  if (code === undefined || error instanceof PlatformError) return error
  if (storageFull.has(code))
    return new PlatformError(
      'storage_full',
      'The disk that holds the metadata is full. Free some space and try again.',
      {},
      { cause: error },
    )
  if (unavailable.has(code) || code.startsWith('08') || code.startsWith('SQLITE_BUSY'))
    return new PlatformError('unavailable', 'The metadata database cannot answer now. Try again shortly.', {}, { cause: error })
  if (doesNotFit.has(code))
    return new PlatformError(
      'invalid_input',
      'A value of this call is outside of what can be stored or compared.',
      {},
      { cause: error },
    )
  return error
}

// Postgres: 22003 number out of range, 22P02 not a number, 22021 not text.
const doesNotFit = new Set(['22003', '22P02', '22021'])

const storageFull = new Set(['SQLITE_FULL', '53100', 'ENOSPC'])

// Postgres: 40001 serialization, 40P01 deadlock, 53300 too many connections, 57xxx shut down or cancelled, 25P03 idle too long.
const unavailable = new Set([
  '40001',
  '40P01',
  '53300',
  '57014',
  '57P01',
  '57P02',
  '57P03',
  '25P03',
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ENOTFOUND',
  'ENOENT',
  'ETIMEDOUT',
])

function codeOf(error: unknown): string | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < 4; at = at.cause, depth++) {
    const code = (at as { code?: unknown }).code
    if (typeof code === 'string') return code
    if (/timeout exceeded when trying to connect|Connection terminated/.test(at.message)) return 'ETIMEDOUT'
  }
  return undefined
}
