import type { Readable } from 'node:stream'
import { invalidInput, PlatformError } from '../../kernel/errors.ts'
import { seconds } from '../../kernel/time.ts'

export const defaultMaxBodyBytes = 1 << 20

const maxDepth = 64
const receiveLimitMs = seconds(30)

/**
 * Reads and parses a JSON body within limits of size, time, pieces and depth. An empty body is undefined.
 * Bodies arrive in few pieces; one sent byte by byte would cost a hundred times its size.
 */
export async function readJsonBody(
  source: Readable,
  headers: { 'content-length'?: string | undefined },
  maxBytes: number,
): Promise<unknown> {
  return parseJson(await readText(source, headers, maxBytes))
}

/** The text of a body, for calls that keep it as it came and may not need it parsed. */
export function readJsonText(
  source: Readable,
  headers: { 'content-length'?: string | undefined },
  maxBytes: number,
): Promise<string> {
  return readText(source, headers, maxBytes)
}

const readText = (source: Readable, headers: Announced, maxBytes: number): Promise<string> =>
  readWhole(source, headers, { maxBytes, as: (body) => body.toString('utf8') })

/** The bytes of a body that is kept whole. */
export const readBytes = (source: Readable, headers: Announced, maxBytes: number): Promise<Buffer> =>
  readWhole(source, headers, { maxBytes, as: (body) => body })

interface Announced {
  'content-length'?: string | undefined
}

function readWhole<T>(
  source: Readable,
  headers: Announced,
  { maxBytes, as }: { maxBytes: number; as(body: Buffer): T },
): Promise<T> {
  const announced = headers['content-length']
  if (announced !== undefined && Number(announced) > maxBytes) return Promise.reject(tooLarge(maxBytes))
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = []
    let bytes = 0
    const read: PendingRead = { startedAt: Date.now(), fail }
    pending.add(read)
    function fail(error: Error) {
      pending.delete(read)
      source.off('data', onData)
      source.off('end', onEnd)
      reject(error)
    }
    function onData(piece: Buffer) {
      bytes += piece.length
      if (bytes > maxBytes) return fail(tooLarge(maxBytes))
      if (pieces.length > 256 && pieces.length * 64 > bytes)
        return fail(invalidInput('The body arrives in too many tiny pieces.'))
      pieces.push(piece)
    }
    function onEnd() {
      pending.delete(read)
      resolve(as(pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces, bytes)))
    }
    source.on('data', onData)
    source.on('end', onEnd)
    source.on('error', fail)
  })
}

interface PendingRead {
  startedAt: number
  fail(error: Error): void
}

// One clock for all bodies on their way: a timer for each would cost more than reading it.
const pending = new Set<PendingRead>()
setInterval(() => {
  const now = Date.now()
  for (const read of pending)
    if (now - read.startedAt > receiveLimitMs) read.fail(new PlatformError('timeout', 'The body did not arrive within 30 s.'))
}, seconds(5)).unref()

/** JSON from outside: bounded depth, no key that could reach a prototype, no NUL (databases refuse it). */
export function parseJson(text: string): unknown {
  if (text.length === 0) return undefined
  if (opensManyLevels(text)) checkDepth(text)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw invalidInput(`The body is not valid JSON: ${(error as Error).message}`)
  }
  const hasEscapes = text.includes('\\')
  if (hasEscapes || text.includes('__proto__') || text.includes('constructor')) refusePrototypeKeys(value)
  if (hasEscapes && nulEscape.test(text)) throw invalidInput('Text may not contain the NUL character (\\u0000).')
  return value
}

const nulEscape = /(?<!\\)(?:\\\\)*\\u0000/

function refusePrototypeKeys(value: unknown): void {
  if (value === null || typeof value !== 'object') return
  for (const [key, inner] of Object.entries(value)) {
    if (
      key === '__proto__' ||
      (key === 'constructor' && inner !== null && typeof inner === 'object' && Object.hasOwn(inner, 'prototype'))
    )
      throw invalidInput(`A field may not be called "${key}".`, { field: key })
    refusePrototypeKeys(inner)
  }
}

/** Most bodies open only a few brackets, which is quickly seen. */
function opensManyLevels(text: string): boolean {
  let opened = 0
  for (const bracket of ['{', '['])
    for (let at = text.indexOf(bracket); at !== -1; at = text.indexOf(bracket, at + 1)) if (++opened > maxDepth) return true
  return false
}

/** Depth is looked at before parsing, so that whatever walks the value later cannot run out of stack. */
function checkDepth(text: string): void {
  let depth = 0
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c === 34) {
      for (i++; i < text.length; i++) {
        const inner = text.charCodeAt(i)
        if (inner === 34) break
        if (inner === 92) i++
      }
    } else if (c === 91 || c === 123) {
      if (++depth > maxDepth) throw invalidInput(`The body is nested more than ${maxDepth} levels deep.`)
    } else if (c === 93 || c === 125) depth--
  }
}

const tooLarge = (maxBytes: number) =>
  new PlatformError('too_large', `The body is larger than the ${maxBytes} bytes that this route takes.`, { maxBytes })
