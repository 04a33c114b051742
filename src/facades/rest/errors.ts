import { type ErrorCode, isPlatformError, PlatformError } from '../../kernel/errors.ts'
import type { Protocol } from '../../kernel/route.ts'
import { isUniqueViolation, translateDatabaseError } from '../../ports/metadata/database-errors.ts'
import { statusOf } from './error-statuses.ts'

export interface ErrorReply {
  status: number
  headers: Record<string, string>
  body: { error: { code: ErrorCode; message: string; facts: Record<string, unknown> } }
  /** Ours to mend: log it with its cause. */
  isFault: boolean
}

/** Any thrown thing as a reply. What is not an error of the platform says nothing of the inside. */
export function toErrorReply(thrown: unknown, requestId: string): ErrorReply {
  const error = asPlatformError(translateDatabaseError(thrown))
  const { code, message, facts } = error
  const isFault = code === 'internal'
  const headers: Record<string, string> = {}
  if (code === 'unauthenticated') headers['www-authenticate'] = 'Bearer realm="atoll"'
  if (code === 'rate_limited' || code === 'unavailable') headers['retry-after'] = String(facts.retryAfterSeconds ?? 1)
  return {
    status: statusOf[code],
    headers,
    isFault,
    body: {
      error: isFault
        ? {
            code,
            message: 'Something went wrong on the server. The log has the details under this request id.',
            facts: { requestId },
          }
        : { code, message, facts },
    },
  }
}

/** The same refusal in the words of the protocol that its caller speaks. */
export function inProtocol(
  { status, headers, body: { error } }: ErrorReply,
  protocol: Protocol | undefined,
): { status: number; headers: Record<string, string>; body: unknown } {
  if (!protocol) return { status, headers, body: { error } }
  const said = protocol.refuse({ status, ...error })
  return { status: said.status ?? status, headers: { ...headers, ...said.headers }, body: said.body }
}

function asPlatformError(thrown: unknown): PlatformError {
  if (isPlatformError(thrown)) return thrown
  if (isUniqueViolation(thrown))
    return new PlatformError('conflict', 'Something with this name or key exists already.', {}, { cause: thrown })
  const { code, statusCode, name } = (thrown ?? {}) as { code?: unknown; statusCode?: unknown; name?: unknown }
  if (name === 'AbortError') return new PlatformError('timeout', 'The call was ended before it was done.', {}, { cause: thrown })
  const known = typeof code === 'string' ? ofTheServer[code] : undefined
  if (known) return new PlatformError(known[0], known[1], {}, { cause: thrown })
  if (typeof code === 'string' && code.startsWith('FST_') && typeof statusCode === 'number' && statusCode < 500)
    return new PlatformError('invalid_input', 'The request cannot be read.', {}, { cause: thrown })
  return new PlatformError('internal', 'internal', {}, { cause: thrown })
}

const ofTheServer: Record<string, [ErrorCode, string]> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ['unsupported_type', 'Send JSON, with the header Content-Type: application/json.'],
  FST_ERR_CTP_BODY_TOO_LARGE: ['too_large', 'The body is larger than this route takes.'],
  FST_ERR_BAD_URL: ['invalid_input', 'The address is not a valid URL path.'],
}
