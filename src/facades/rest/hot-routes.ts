import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import * as z from 'zod'
import { noteFault } from '../../kernel/fault-notes.ts'
import type { Permission } from '../../kernel/permissions.ts'
import type { Principal } from '../../kernel/principal.ts'
import type { RequestTrace } from '../../kernel/request-trace.ts'
import type { RouteRecord } from '../../kernel/route.ts'
import type { BrowserSafety } from './browser-safety.ts'
import { toErrorReply } from './errors.ts'
import { hangUpOfSocket } from './hang-up.ts'
import { dataHeaders } from './headers.ts'
import { defaultMaxBodyBytes, parseJson, readJsonText } from './json-body.ts'
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

/** A route and the value of its parameter. */
export interface HotTarget {
  route: HotRoute
  value: string
}

/** Who calls: the headers, and the connection they came by. */
export interface Caller {
  headers: Record<string, string | string[] | undefined> & { authorization?: string | undefined; host?: string | undefined }
  socket: Socket
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
      return { route, value }
    }
    return null
  }

  /** The text of the reply, or a thrown refusal. The body is read once the caller may ask. */
  function answer(target: HotTarget, caller: Caller, requestId: string, read: () => string | Promise<string>): Promise<string> {
    return needs.watch === null
      ? answerOne(target, caller, requestId, read)
      : followed(needs.watch, target, caller, requestId, read)
  }

  async function followed(
    watch: RequestWatch,
    target: HotTarget,
    caller: Caller,
    requestId: string,
    read: () => string | Promise<string>,
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

  async function answerOne(
    { route, value }: HotTarget,
    caller: Caller,
    requestId: string,
    read: () => string | Promise<string>,
    trace?: RequestTrace,
  ): Promise<string> {
    const { record, param, handleText, noQuery } = route
    const { headers } = caller
    needs.safety.checkHost(headers.host)
    needs.safety.checkOrigin({ method: record.method, host: headers.host as string, headers })
    const known = connections.get(caller.socket)
    const connection =
      known !== undefined && known.authorization === headers.authorization && needs.isFresh(known.principal)
        ? known
        : await connect(caller)
    needs.limiter.takeFrom(connection.bucket)
    const { principal } = connection
    await needs.authorize(principal, record.permission)
    const received = read()
    const text = typeof received === 'string' ? received : await received
    const hangUp = hangUpOfSocket(caller.socket)
    try {
      return await handleText({
        principal,
        params: { [param]: value },
        query: noQuery,
        body: () => parseJson(text),
        text,
        requestId,
        ...(trace && { trace }),
        header: (name) => firstOf(headers[name]),
        hangUp: hangUp.signal,
      })
    } finally {
      hangUp.done()
    }
  }

  /** Takes a request of Node's own server if it is for a hot route; says whether it did. */
  function serve(request: IncomingMessage, reply: ServerResponse): boolean {
    const target = find(request.method as string, request.url as string, request.headers)
    if (target === null) return false
    const { record, maxBodyBytes } = target.route
    const id = needs.newRequestId()
    answer(target, request, id, () => readJsonText(request, request.headers, maxBodyBytes)).then(
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

  async function connect({ headers, socket }: Caller): Promise<Connection> {
    const address = socket.remoteAddress ?? ''
    const principal = await needs.identify(headers as { authorization?: string }, address)
    const bucket = needs.limiter.bucketOf(limit, principal.credential.id ?? address)
    const connection = { authorization: headers.authorization as string, principal, bucket }
    connections.set(socket, connection)
    return connection
  }

  return { find, answer, serve, refusal, newRequestId: needs.newRequestId }
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
