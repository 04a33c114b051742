import { Readable, Transform } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import * as z from 'zod'
import type { AnsweredCalls } from '../../domains/auth/answered-calls.ts'
import { invalidInput, PlatformError } from '../../kernel/errors.ts'
import { canonicalJson } from '../../kernel/json.ts'
import type { Permission } from '../../kernel/permissions.ts'
import type { Principal } from '../../kernel/principal.ts'
import type { RequestFacts, RouteRecord, ServerEvent, StreamReply } from '../../kernel/route.ts'
import type { EventStreams } from './event-streams.ts'
import { hangUpOf } from './hang-up.ts'
import { attachment, dataHeaders } from './headers.ts'
import { parseJson } from './json-body.ts'
import { validator } from './validate.ts'

export interface RouteNeeds {
  authorize(by: Principal, permission: Permission): Promise<void>
  answeredCalls: AnsweredCalls
  eventStreams: EventStreams
  cookie: { name: string; secure: boolean }
}

/** One route's life, from a request that has been let in to its reply. */
export function bindRoute(record: RouteRecord, { authorize, answeredCalls, eventStreams, cookie }: RouteNeeds) {
  const { permission, returns, handle } = record
  const status = record.status ?? (returns === 'nothing' ? 204 : 200)
  const checkParams = record.params ? validator(record.params, 'path') : pathTexts
  const checkQuery = validator(record.query ?? z.object({}), 'query')
  const checkBody =
    record.body === undefined
      ? validator(z.undefined().or(z.object({})), 'body')
      : record.body === 'bytes'
        ? null
        : validator(record.body, 'body')

  return async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
    const principal = request.principal
    await authorize(principal, permission)
    const params = checkParams(request.params)
    const query = checkQuery(plainText(request.query))
    const body = checkBody ? checkBody(request.body) : limited(request, record.maxBodyBytes)
    const input = {
      principal,
      params,
      query,
      body: record.body === undefined ? undefined : body,
      request: new Facts(request, reply) as RequestFacts,
      setCookie: (name: string, value: string | null, maxAgeSeconds?: number) =>
        void reply.header(
          'set-cookie',
          cookieText(name === 'session' ? cookie.name : name, { value, maxAgeSeconds, secure: cookie.secure }),
        ),
    }
    const serveEvents = (events: AsyncIterable<ServerEvent>) => {
      reply.hijack()
      return eventStreams.serve(reply.raw, events, principal, {
        headers: { ...dataHeaders, 'x-request-id': request.id },
        protocol: record.protocol,
      })
    }
    if (returns === 'events') return serveEvents((await handle(input)) as AsyncIterable<ServerEvent>)
    if (record.streams) {
      const said = await handle(input)
      if (isEvents(said)) return serveEvents(said)
      return sendJson(reply, status, JSON.stringify(checkReply(returns as z.ZodType, said, record)))
    }
    if (returns === 'stream') return sendStream(reply, (await handle(input)) as StreamReply)
    if (returns === 'nothing') {
      await handle(input)
      return reply.code(status).send()
    }
    const answer = async () => JSON.stringify(checkReply(returns, await handle(input), record))
    const key = record.idempotent ? request.headers['idempotency-key'] : undefined
    if (key === undefined) return sendJson(reply, status, await answer())
    const once = await answeredCalls.once(
      {
        caller: principal.userId ?? request.ip,
        route: `${record.method} ${record.path}`,
        key: idempotencyKey(key),
        request: canonicalJson({ params, query, body }),
      },
      async () => ({ status, body: await answer() }),
    )
    if (once.replayed) reply.header('idempotent-replayed', 'true')
    return sendJson(reply, once.status, once.body)
  }
}

const isEvents = (said: unknown): said is AsyncIterable<ServerEvent> =>
  said !== null && typeof said === 'object' && Symbol.asyncIterator in said

/** The life of a call whose handler checks the body itself and answers JSON text. */
export function bindTextRoute(record: RouteRecord, { authorize }: Pick<RouteNeeds, 'authorize'>) {
  const handleText = record.handleText!
  const checkQuery = validator(record.query ?? z.object({}), 'query')
  const noQuery = checkQuery({})
  return async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
    const { principal } = request
    await authorize(principal, record.permission)
    const hasQuery = request.url.includes('?')
    const { body } = request
    const text = typeof body === 'string' ? body : ''
    const file = body instanceof Uint8Array ? { contentType: request.headers['content-type'] ?? '', content: body } : undefined
    const answer = await handleText({
      principal,
      params: pathTexts(request.params) as Record<string, string>,
      query: hasQuery ? checkQuery(plainText(request.query)) : noQuery,
      text,
      body: () => parseJson(text),
      ...(file && { file }),
      requestId: request.id,
      ...(request.trace && { trace: request.trace }),
      header: (name) => firstOf(request.headers[name]),
      hangUp: () => hangUpOf(reply.raw),
    })
    return sendJson(reply, record.status ?? 200, answer)
  }
}

const firstOf = (value: string | string[] | undefined): string | undefined => (Array.isArray(value) ? value[0] : value)

/** The reply goes through its schema: what is not declared does not leave the server. */
function checkReply(schema: z.ZodType, value: unknown, record: RouteRecord): unknown {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const [issue] = result.error.issues
  throw new Error(
    `The reply of ${record.method} ${record.path} does not fit its schema at "${issue?.path.join('.')}": ${issue?.message}`,
  )
}

const sendJson = (reply: FastifyReply, status: number, text: string) =>
  reply.code(status).headers(dataHeaders).header('content-type', 'application/json; charset=utf-8').send(text)

function sendStream(reply: FastifyReply, { contentType, body, filename, sizeBytes, headers, status }: StreamReply): unknown {
  if (status !== undefined) reply.code(status)
  reply.headers(dataHeaders).header('content-type', contentType)
  if (headers) reply.headers(headers)
  if (filename !== undefined) reply.header('content-disposition', attachment(filename))
  else if (!shownInPlace.test(contentType)) reply.header('content-disposition', 'attachment')
  if (sizeBytes !== undefined) reply.header('content-length', sizeBytes)
  const direct = typeof body === 'string' || body instanceof Uint8Array || body instanceof Readable
  return reply.send(direct ? body : Readable.from(body, { objectMode: false }))
}

const shownInPlace = /^(text\/plain|text\/csv|text\/markdown|application\/json|application\/x-ndjson)\b/

const maxParamCharacters = 500

function pathTexts(params: unknown): unknown {
  for (const [name, value] of Object.entries(params as Record<string, string>)) {
    if (value.length === 0 || value.length > maxParamCharacters || value.includes('\0'))
      throw invalidInput(`The part "${name}" of the address is empty, too long or not text.`, { field: name, in: 'path' })
  }
  return params
}

function plainText(query: unknown): unknown {
  for (const value of Object.values(query as Record<string, string | string[]>))
    if (String(value).includes('\0')) throw invalidInput('The query may not contain the NUL character.', { in: 'query' })
  // A copy with a normal prototype; a parameter called __proto__ stays a plain field.
  return Object.fromEntries(Object.entries(query as object))
}

function idempotencyKey(value: string | string[]): string {
  if (typeof value === 'string' && /^[\x21-\x7e]{1,255}$/.test(value)) return value
  throw invalidInput('The Idempotency-Key must be 1 to 255 visible ASCII characters.', { header: 'Idempotency-Key' })
}

const defaultMaxStreamBytes = 16 << 20

/** A streamed body that ends with an error when it grows beyond what the route takes. */
function limited(request: FastifyRequest, maxBytes = defaultMaxStreamBytes): Readable {
  const tooLarge = () =>
    new PlatformError('too_large', `The body is larger than the ${maxBytes} bytes that this route takes.`, { maxBytes })
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw tooLarge()
  let seen = 0
  const counted = new Transform({
    transform(piece, _encoding, done) {
      seen += piece.length
      done(seen > maxBytes ? tooLarge() : null, piece)
    },
  })
  const source = (request.body as Readable | undefined) ?? Readable.from([])
  source.on('error', (error) => counted.destroy(error))
  source.on('aborted', () =>
    counted.destroy(new PlatformError('invalid_input', 'The sender went away before the body was complete.')),
  )
  return source.pipe(counted)
}

function cookieText(
  name: string,
  { value, maxAgeSeconds, secure }: { value: string | null; maxAgeSeconds?: number; secure: boolean },
): string {
  const age = value === null ? 0 : maxAgeSeconds
  return `${name}=${value ?? ''}; Path=/; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}${age === undefined ? '' : `; Max-Age=${age}`}`
}

/** Facts of a request, worked out only where a route asks. */
class Facts {
  readonly #request: FastifyRequest
  readonly #reply: FastifyReply
  #signal: AbortSignal | undefined

  constructor(request: FastifyRequest, reply: FastifyReply) {
    this.#request = request
    this.#reply = reply
  }
  get id() {
    return this.#request.id
  }
  get address() {
    return this.#request.ip
  }
  get headers() {
    return this.#request.headers
  }
  get trace() {
    return this.#request.trace
  }
  get signal() {
    this.#signal ??= hangUpOf(this.#reply.raw)
    return this.#signal
  }
}
