import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import * as z from 'zod'
import { noteFault } from '../../kernel/fault-notes.ts'
import type { Permission } from '../../kernel/permissions.ts'
import type { Principal } from '../../kernel/principal.ts'
import { RawBody } from '../../kernel/raw-body.ts'
import type { RequestTrace } from '../../kernel/request-trace.ts'
import type { RouteRecord, TextInput } from '../../kernel/route.ts'
import type { BrowserSafety } from './browser-safety.ts'
import { toErrorReply } from './errors.ts'
import { hangUpOfSocket } from './hang-up.ts'
import { dataHeaders } from './headers.ts'
import { defaultMaxBodyBytes, parseJson, readBytes } from './json-body.ts'
import type { RateLimiter } from './limits.ts'
import { limitOf } from './limits.ts'
import type { RequestWatch } from './watch-requests.ts'

export interface HotNeeds {
  safety: BrowserSafety
  identify(
    headers: { authorization?: string | undefined; cookie?: string | undefined },
    address: string,
  ): Principal | Promise<Principal>
  isFresh(principal: Principal): boolean
  limiter: RateLimiter
  authorize(by: Principal, permission: Permission): Promise<void>
  /** Whether the caller's address may be in a header. */
  trustsProxies: boolean
  newRequestId(): string
  onFault(error: unknown, requestId: string, route: string): void
  /** Where requests are followed. */
  watch: RequestWatch | null
}

/** What one connection's last request found out, so that the next with the same token need not. */
interface Connection {
  authorization: string
  principal: Principal
  bucket: ReturnType<RateLimiter['bucketOf']>
  /** What the principal was found to be allowed. */
  may: Permission | null
}

interface HotRoute {
  record: RouteRecord
  before: string
  after: string
  param: string
  handleText: NonNullable<RouteRecord['handleText']>
  maxBodyBytes: number
  /** What the route's query is when none is given. */
  noQuery: unknown
}

/** A route with the value of its parameter, for one head of a request: what depends on the head alone is done once. */
export interface HotTarget {
  route: HotRoute
  params: Record<string, string>
  /** Its host and origin were found good. */
  isSafe: boolean
}

/** Who calls: the headers, and the connection they came by. */
export interface Caller {
  headers: Record<string, string | string[] | undefined> & { authorization?: string | undefined; host?: string | undefined }
  socket: Socket
  /** What an earlier request of the connection found out. */
  connection?: Connection | undefined
}

export type HotRoutes = ReturnType<typeof hotRoutes>

/**
 * Serves the few routes that answer text (`handleText`) without the framework, which costs more than they do. Every check is the same function as elsewhere,
 * in the same order: host, origin, who, limit, permission, body. Anything unusual is left to the framework.
 */
export function hotRoutes(records: readonly RouteRecord[], needs: HotNeeds) {
  const hot = records.map(asHotRoute).filter((route) => route !== null)
  const connections = new WeakMap<Socket, Connection>()
  const limit = hot[0] ? limitOf(hot[0].record) : 'read'

  /** The hot route that a request is for; null where the framework shall take it. */
  function find(method: string, url: string, headers: Caller['headers']): HotTarget | null {
    for (const route of hot) {
      if (method !== route.record.method || !url.startsWith(route.before) || !url.endsWith(route.after)) continue
      const value = url.slice(route.before.length, url.length - route.after.length)
      // An encoded or empty name, a query, a body that is not plain JSON, another way to say who: the framework knows them all.
      if (!/^[\w.-]{1,160}$/.test(value) || !plainJson.has(headers['content-type'] as string)) return null
      if (headers.authorization === undefined || headers.expect !== undefined) return null
      if (needs.trustsProxies && headers['x-forwarded-for'] !== undefined) return null
      return { route, params: { [route.param]: value }, isSafe: false }
    }
    return null
  }

  /** The text of the reply, at once where nothing need be waited for, or a refusal (thrown). The body is read once the caller may ask. */
  function answer(target: HotTarget, caller: Caller, requestId: string, read: ReadBody): string | Promise<string> {
    return needs.watch === null
      ? answerOne(target, caller, requestId, read)
      : followed(needs.watch, target, caller, requestId, read)
  }

  async function followed(
    watch: RequestWatch,
    target: HotTarget,
    caller: Caller,
    requestId: string,
    read: ReadBody,
  ): Promise<string> {
    const { record } = target.route
    const trace = watch.begin(record, caller.headers.traceparent as string | undefined, requestId)
    try {
      const text = await watch.within(trace, () => answerOne(target, caller, requestId, read, trace))
      watch.end(trace, record.status ?? 200)
      return text
    } catch (error) {
      noteFault(error, { traceId: trace.traceId })
      watch.end(trace, toErrorReply(error, requestId).status)
      throw error
    }
  }

  function answerOne(
    target: HotTarget,
    caller: Caller,
    requestId: string,
    read: ReadBody,
    trace?: RequestTrace,
  ): string | Promise<string> {
    const { record } = target.route
    const { headers } = caller
    if (!target.isSafe) {
      needs.safety.checkHost(headers.host)
      needs.safety.checkOrigin({ method: record.method, host: headers.host as string, headers })
      target.isSafe = true
    }
    const known = caller.connection
    if (known === undefined || known.authorization !== headers.authorization || !needs.isFresh(known.principal))
      return answerStranger(target, caller, requestId, read, trace)
    needs.limiter.takeFrom(known.bucket)
    if (known.may !== record.permission) return answerUnsure(known, target, caller, requestId, read, trace)
    const received = read()
    return received instanceof RawBody
      ? handle(known.principal, target, caller, requestId, received, trace)
      : received.then((body) => handle(known.principal, target, caller, requestId, body, trace))
  }

  async function answerStranger(
    target: HotTarget,
    caller: Caller,
    requestId: string,
    read: ReadBody,
    trace?: RequestTrace,
  ): Promise<string> {
    const connection = await connect(caller)
    needs.limiter.takeFrom(connection.bucket)
    return answerUnsure(connection, target, caller, requestId, read, trace)
  }

  async function answerUnsure(
    connection: Connection,
    target: HotTarget,
    caller: Caller,
    requestId: string,
    read: ReadBody,
    trace?: RequestTrace,
  ): Promise<string> {
    const { permission } = target.route.record
    await needs.authorize(connection.principal, permission)
    // Of somebody who signed in, this is the credential's own business: it holds for as long as the principal is believed.
    if (connection.principal.userId !== null) connection.may = permission
    return handle(connection.principal, target, caller, requestId, await read(), trace)
  }

  function handle(
    principal: Principal,
    { route, params }: HotTarget,
    { headers, socket }: Caller,
    requestId: string,
    raw: RawBody,
    trace?: RequestTrace,
  ): string | Promise<string> {
    const input = new HotInput({
      principal,
      params,
      query: route.noQuery,
      requestId,
      raw,
      headers,
      socket,
      trace,
    })
    const said = route.handleText(input)
    return typeof said === 'string' ? said : input.until(said)
  }

  /** Takes a request of Node's own server if it is for a hot route; says whether it did. */
  function serve(request: IncomingMessage, reply: ServerResponse): boolean {
    const target = find(request.method as string, request.url as string, request.headers)
    if (target === null) return false
    const { record, maxBodyBytes } = target.route
    const id = needs.newRequestId()
    const { socket } = request
    const said = async () =>
      answer(target, { headers: request.headers, socket, connection: connections.get(socket) }, id, () =>
        readBytes(request, request.headers, maxBodyBytes).then(rawBody),
      )
    said().then(
      (text) => {
        reply.writeHead(record.status ?? 200, [
          'content-type',
          'application/json; charset=utf-8',
          'content-length',
          String(Buffer.byteLength(text)),
          'x-content-type-options',
          'nosniff',
          'x-request-id',
          id,
        ])
        reply.end(text)
      },
      (error) => {
        const { status, headers, text } = refusal(error, id, record)
        if (reply.headersSent || reply.destroyed) return void reply.destroy()
        if (!request.complete) reply.setHeader('connection', 'close')
        reply.writeHead(status, headers).end(text)
      },
    )
    return true
  }

  /** The reply to a thrown thing; a fault of ours is logged. */
  function refusal(error: unknown, id: string, record: RouteRecord) {
    const { status, headers, body, isFault } = toErrorReply(error, id)
    if (isFault) needs.onFault(error, id, `${record.method} ${record.path}`)
    const all = { ...dataHeaders, ...headers, 'content-type': 'application/json; charset=utf-8', 'x-request-id': id }
    return { status, headers: all, text: JSON.stringify(body) }
  }

  async function connect(caller: Caller): Promise<Connection> {
    const { headers, socket } = caller
    const address = socket.remoteAddress ?? ''
    const principal = await needs.identify(headers as { authorization?: string }, address)
    const bucket = needs.limiter.bucketOf(limit, principal.credential.id ?? address)
    const connection: Connection = { authorization: headers.authorization as string, principal, bucket, may: null }
    caller.connection = connection
    connections.set(socket, connection)
    return connection
  }

  return { find, answer, serve, refusal, newRequestId: needs.newRequestId }
}

type ReadBody = () => RawBody | Promise<RawBody>

const rawBody = (bytes: Buffer): RawBody => new RawBody(bytes)

/** What a hot route's handler is given: of each request one object, whose parts are made where they are asked for. */
class HotInput implements TextInput {
  readonly principal: Principal
  readonly params: Record<string, string>
  readonly query: unknown
  readonly requestId: string
  readonly raw: RawBody
  readonly trace?: RequestTrace
  private readonly headers: Caller['headers']
  private readonly socket: Socket
  private hungUp: ReturnType<typeof hangUpOfSocket> | null = null

  constructor(given: Pick<TextInput, 'principal' | 'params' | 'query' | 'requestId' | 'trace'> & Caller & { raw: RawBody }) {
    this.principal = given.principal
    this.params = given.params
    this.query = given.query
    this.requestId = given.requestId
    this.raw = given.raw
    this.headers = given.headers
    this.socket = given.socket
    if (given.trace) this.trace = given.trace
  }

  get text(): string {
    return this.raw.text
  }

  body(): unknown {
    return parseJson(this.raw.text)
  }

  header(name: string): string | undefined {
    return firstOf(this.headers[name])
  }

  hangUp(): AbortSignal {
    this.hungUp ??= hangUpOfSocket(this.socket)
    return this.hungUp.signal()
  }

  /** The answer, after which nobody listens any more for its caller to hang up. */
  async until(said: Promise<string>): Promise<string> {
    try {
      return await said
    } finally {
      this.hungUp?.done()
    }
  }
}

const firstOf = (value: string | string[] | undefined): string | undefined => (Array.isArray(value) ? value[0] : value)

const plainJson = new Set(['application/json', 'application/json; charset=utf-8', 'application/json;charset=utf-8'])

function asHotRoute(record: RouteRecord): HotRoute | null {
  const [before, param, after, another] = record.path.split(/:(\w+)/)
  if (!record.handleText || !before || !param || another !== undefined) return null
  const noQuery = (record.query ?? z.object({})).parse({})
  return {
    record,
    before,
    param,
    after: after ?? '',
    handleText: record.handleText,
    maxBodyBytes: record.maxBodyBytes ?? defaultMaxBodyBytes,
    noQuery,
  }
}
