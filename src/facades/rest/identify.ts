import { PlatformError } from '../../kernel/errors.ts'
import { nobody, type Principal } from '../../kernel/principal.ts'
import type { RateLimiter } from './limits.ts'

export interface CredentialSource {
  identify(kind: 'session' | 'token', secret: string): Principal | null | Promise<Principal | null>
}

/**
 * Who makes a request: a token in the Authorization header, else a session cookie, else nobody.
 * A wrong token is refused; a cookie that is no longer good is as none (the page then asks to sign in). Answers at once where it can.
 */
export function identifier({
  credentials,
  cookieName,
  limiter,
}: {
  credentials: CredentialSource
  cookieName: string
  limiter: RateLimiter
}) {
  return (
    headers: { authorization?: string | undefined; cookie?: string | undefined },
    address: string,
  ): Principal | Promise<Principal> => {
    const { authorization, cookie } = headers
    if (authorization !== undefined) {
      const secret = bearer(authorization)
      if (secret === null) throw refuse('The Authorization header must be "Bearer" and a token of this server.', address)
      const found = credentials.identify('token', secret)
      if (found instanceof Promise) return found.then((principal) => principal ?? Promise.reject(refuse(wrongToken, address)))
      if (found === null) throw refuse(wrongToken, address)
      return found
    }
    const secret = cookie === undefined ? null : cookieValue(cookie, cookieName)
    if (secret === null) return nobody
    const found = credentials.identify('session', secret)
    return found instanceof Promise ? found.then((principal) => principal ?? nobody) : (found ?? nobody)
  }

  function refuse(message: string, address: string): PlatformError {
    limiter.take('guess', address)
    return new PlatformError('unauthenticated', message)
  }
}

const wrongToken = 'This token is wrong, expired or revoked. Make a new one in the settings.'

function bearer(value: string): string | null {
  if (value.length > 200 || value.slice(0, 7).toLowerCase() !== 'bearer ') return null
  const secret = value.slice(7).trim()
  return /^[\x21-\x7e]+$/.test(secret) ? secret : null
}

function cookieValue(header: string, name: string): string | null {
  for (const part of header.split(';')) {
    const at = part.indexOf('=')
    if (at > 0 && part.slice(0, at).trim() === name) return part.slice(at + 1).trim() || null
  }
  return null
}
