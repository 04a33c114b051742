import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import * as z from 'zod'
import type { Permission } from '../../kernel/permissions.ts'
import type { Principal } from '../../kernel/principal.ts'
import type { RouteRecord } from '../../kernel/route.ts'
import type { BrowserSafety } from './browser-safety.ts'
import { toErrorReply } from './errors.ts'
import { dataHeaders } from './headers.ts'
import { defaultMaxBodyBytes, readJsonText } from './json-body.ts'
import type { RateLimiter } from './limits.ts'
import { limitOf } from './limits.ts'

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

/**
 * Serves the few routes that answer text (`handleText`) without the framework, which costs more than they do. Every check is the same function as elsewhere,
 * in the same order: host, origin, who, limit, permission, body. Answers whether it took the request; anything unusual is left to the framework.
 */
export function hotRoutes(
  records: readonly RouteRecord[],
  needs: HotNeeds,
): (request: IncomingMessage, reply: ServerResponse) => boolean {
  const hot = records.map(asHotRoute).filter((route) => route !== null)
  const connections = new WeakMap<Socket, Connection>()
  const limit = hot[0] ? limitOf(hot[0].record) : 'read'

  return (request, reply) => {
    const { method, headers } = request
    const url = request.url as string
    for (const route of hot) {
      if (method !== route.record.method || !url.startsWith(route.before) || !url.endsWith(route.after)) continue
      const value = url.slice(route.before.length, url.length - route.after.length)
      // An encoded or empty name, a query, a body that is not plain JSON, another way to say who: the framework knows them all.
      if (!/^[\w.-]{1,160}$/.test(value) || !plainJson.has(headers['content-type'] as string)) return false
      if (headers.authorization === undefined || headers.expect !== undefined) return false
      if (needs.trustsProxies && headers['x-forwarded-for'] !== undefined) return false
      serve(route, value, request, reply)
      return true
    }
    return false
  }

  async function serve(
    { record, param, handleText, maxBodyBytes, noQuery }: HotRoute,
    value: string,
    request: IncomingMessage,
    reply: ServerResponse,
  ): Promise<void> {
    const id = needs.newRequestId()
    try {
      const { headers } = request
      needs.safety.checkHost(headers.host)
      needs.safety.checkOrigin({ method: record.method, host: headers.host as string, headers })
      const known = connections.get(request.socket)
      const connection =
        known !== undefined && known.authorization === headers.authorization && needs.isFresh(known.principal)
          ? known
          : await connect(request)
      needs.limiter.takeFrom(connection.bucket)
      const { principal } = connection
      await needs.authorize(principal, record.permission)
      const { body, text } = await readJsonText(request, headers, maxBodyBytes)
      const answer = await handleText({ principal, params: { [param]: value }, query: noQuery, body, text, requestId: id })
      reply.writeHead(record.status ?? 200, [
        'content-type',
        'application/json; charset=utf-8',
        'content-length',
        String(Buffer.byteLength(answer)),
        'x-content-type-options',
        'nosniff',
        'x-request-id',
        id,
      ])
      reply.end(answer)
    } catch (error) {
      refuse(error, id, record, request, reply)
    }
  }

  async function connect(request: IncomingMessage): Promise<Connection> {
    const { headers, socket } = request
    const address = socket.remoteAddress ?? ''
    const principal = await needs.identify(headers, address)
    const bucket = needs.limiter.bucketOf(limit, principal.credential.id ?? address)
    const connection = { authorization: headers.authorization as string, principal, bucket }
    connections.set(socket, connection)
    return connection
  }

  function refuse(error: unknown, id: string, record: RouteRecord, request: IncomingMessage, reply: ServerResponse): void {
    const { status, headers, body, isFault } = toErrorReply(error, id)
    if (isFault) needs.onFault(error, id, `${record.method} ${record.path}`)
    if (reply.headersSent || reply.destroyed) return void reply.destroy()
    if (!request.complete) reply.setHeader('connection', 'close')
    reply
      .writeHead(status, { ...dataHeaders, ...headers, 'content-type': 'application/json; charset=utf-8', 'x-request-id': id })
      .end(JSON.stringify(body))
  }
}

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
