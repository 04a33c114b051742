import type { Readable } from 'node:stream'
import { type ErrorCode, invalidInput, PlatformError } from '../../kernel/errors.ts'
import type { Outbound } from '../outbound/outbound.ts'
import type { ExternalModel } from './external.ts'

const mostReplyBytes = 64 * 2 ** 20
const mostErrorBytes = 64 * 2 ** 10

/** Sends JSON to a model elsewhere; answers the body as it comes, or throws what it was refused with. */
export async function ask(
  outbound: Outbound,
  { url, header, timeoutMs }: ExternalModel,
  { path, body, signal }: { path: string; body: unknown; signal?: AbortSignal },
): Promise<Readable> {
  const deadline = AbortSignal.timeout(timeoutMs)
  const reply = await outbound.downloadOut(`${url.replace(/\/+$/, '')}${path}`, {
    method: 'POST',
    signal: signal ? AbortSignal.any([signal, deadline]) : deadline,
    headers: { 'content-type': 'application/json', ...(header && { [header.name]: header.value }) },
    body: JSON.stringify(body),
  })
  if (reply.status >= 200 && reply.status < 300) return reply.body
  const said = wordsOf(await textOf(reply.body, mostErrorBytes).catch(() => ''), header?.value)
  throw refused(reply.status, said, Number(reply.headers['retry-after']))
}

/** The whole of a reply as JSON. */
export async function jsonOf(body: Readable): Promise<unknown> {
  const text = await textOf(body, mostReplyBytes)
  try {
    return JSON.parse(text)
  } catch {
    throw odd('it is no JSON')
  }
}

/** A reply that does not say what such models say. */
export const odd = (why: string) => new PlatformError('unavailable', `The model elsewhere answered oddly: ${why}.`, {})

/** The bytes of a reply; a connection that breaks is a model that broke off. */
export async function* piecesOf(body: Readable): AsyncGenerator<Buffer> {
  try {
    yield* body as AsyncIterable<Buffer>
  } catch (error) {
    const isLate = (error as Error).name === 'AbortError' || (error as Error).name === 'TimeoutError'
    throw new PlatformError(
      isLate ? 'timeout' : 'unavailable',
      isLate ? 'The model elsewhere did not answer in time.' : 'The model elsewhere broke off.',
      {},
      { cause: error },
    )
  }
}

async function textOf(body: Readable, mostBytes: number): Promise<string> {
  const pieces: Buffer[] = []
  let bytes = 0
  for await (const piece of piecesOf(body)) {
    bytes += piece.length
    if (bytes > mostBytes) throw odd(`its answer is larger than ${mostBytes} bytes`)
    pieces.push(piece)
  }
  return Buffer.concat(pieces).toString('utf8')
}

/** What a server says was wrong, cut short; a secret that it repeats is not repeated here. */
function wordsOf(text: string, secret: string | undefined): string {
  let said = text
  try {
    const { error } = JSON.parse(text) as { error?: { message?: unknown } | string }
    said = typeof error === 'string' ? error : typeof error?.message === 'string' ? error.message : text
  } catch {
    // Its own words, then.
  }
  const shown = said.replace(/\s+/g, ' ').trim()
  return (secret ? shown.replaceAll(secret, '…') : shown).slice(0, 300)
}

function refused(status: number, said: string, retryAfter: number): PlatformError {
  if (status === 400 || status === 413 || status === 422) return invalidInput(`The model elsewhere refused this: ${said}`, {})
  const why: Record<number, [ErrorCode, string]> = {
    401: ['unavailable', 'does not take the credentials that are kept for it'],
    403: ['unavailable', 'does not take the credentials that are kept for it'],
    404: ['unavailable', 'is not there'],
    429: ['rate_limited', 'is asked too often'],
  }
  const [code, what] = why[status] ?? ['unavailable', `failed (${status})`]
  const facts = Number.isFinite(retryAfter) ? { retryAfterSeconds: Math.max(1, Math.min(300, retryAfter)) } : {}
  return new PlatformError(code, `The model elsewhere ${what}${said ? `: ${said}` : '.'}`, { status, ...facts })
}
