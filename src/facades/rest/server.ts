import type { RequestListener, Server } from 'node:http'
import fastify, {
  type FastifyBaseLogger,
  type FastifyHttpOptions,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify'
import type { AuthService } from '../../domains/auth/service.ts'
import type { Config } from '../../kernel/config.ts'
import { notFound, PlatformError } from '../../kernel/errors.ts'
import type { Events } from '../../kernel/events.ts'
import { faultNotes } from '../../kernel/fault-notes.ts'
import type { Principal } from '../../kernel/principal.ts'
import type { Protocol, RouteRecord } from '../../kernel/route.ts'
import { minutes, seconds } from '../../kernel/time.ts'
import type { OpenTrace, Traces } from '../../ports/traces/traces.ts'
import { bindRoute, bindTextRoute } from './bind-route.ts'
import { browserSafety } from './browser-safety.ts'
import { checkRoutes } from './check-routes.ts'
import { docsPage } from './docs-page.ts'
import { inProtocol, toErrorReply } from './errors.ts'
import { eventStreams } from './event-streams.ts'
import { dataHeaders, pageHeaders, strictTransport } from './headers.ts'
import { hotRoutes } from './hot-routes.ts'
import { hotSockets } from './hot-sockets.ts'
import { identifier } from './identify.ts'
import { defaultMaxBodyBytes, readBytes, readJsonBody, readJsonText } from './json-body.ts'
import { defaultLimits, type Limits, limitOf, rateLimiter } from './limits.ts'
import { openApiDocument } from './openapi.ts'
import { requestIds } from './request-ids.ts'
import { requestWatch } from './watch-requests.ts'
import { serveWebFiles } from './web-files.ts'

declare module 'fastify' {
  interface FastifyRequest {
    principal: Principal
    trace: OpenTrace | undefined
  }
}

export interface RestNeeds {
  config: Pick<Config, 'host' | 'port' | 'allowedHosts' | 'publicUrl' | 'trustedProxies'>
  routes: readonly RouteRecord[]
  auth: Pick<AuthService, 'access' | 'credentials' | 'answeredCalls'>
  events: Events
  logger: FastifyBaseLogger
  version: string
  /** Certificate and key, where the server itself speaks https. */
  tls?: { cert: string; key: string } | null
  /** The folder of the built web page; null where it is not built. */
  webRoot?: string | null
  limits?: Partial<Limits>
  /** Where requests are traced. */
  traces?: Traces
}

/** What a route that takes files takes beside JSON; any other type is refused before anything is read. */
const fileTypes = /^(?:(?:image|audio)\/|application\/octet-stream|text\/plain|multipart\/form-data)/

/** The native API over HTTP, and the web page's files. Not yet listening. */
export async function restServer(needs: RestNeeds): Promise<FastifyInstance> {
  const { config, routes, auth, events, version } = needs
  checkRoutes(routes)
  const isHttps = Boolean(needs.tls) || config.publicUrl?.startsWith('https://') === true
  const limiter = rateLimiter({ ...defaultLimits, ...needs.limits })
  const safety = browserSafety(config)
  const cookie = { name: isHttps ? '__Host-atoll_session' : `atoll_session_${config.port}`, secure: isHttps }
  const identify = identifier({ credentials: auth.credentials, cookieName: cookie.name, limiter })
  const options: FastifyHttpOptions<Server> = {
    loggerInstance: needs.logger,
    logController: new LogController({ disableRequestLogging: true }),
    trustProxy: config.trustedProxies.length > 0 ? config.trustedProxies : false,
    // Route records are checked by their own schemas; without these two the framework would load its validators at every start.
    schemaController: { compilersFactory: { buildValidator: noCompiler, buildSerializer: noCompiler } },
    genReqId: requestIds(),
    requestIdHeader: false,
    exposeHeadRoutes: false,
    bodyLimit: defaultMaxBodyBytes,
    requestTimeout: minutes(5),
    // How often slow connections are looked for.
    http: { connectionsCheckingInterval: seconds(5) },
    keepAliveTimeout: seconds(75),
    forceCloseConnections: 'idle',
    return503OnClosing: true,
    routerOptions: { maxParamLength: 500 },
    frameworkErrors: (error, request, reply) => sendError(error, request, reply as FastifyReply),
    clientErrorHandler: (_error, socket) => {
      // Not HTTP, or too slow or too large in its headers: one fixed line, whatever was sent.
      if (socket.writable) socket.write('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
      socket.destroy()
    },
  }
  const app: FastifyInstance = fastify(needs.tls ? ({ ...options, https: needs.tls } as typeof options) : options)
  app.server.headersTimeout = seconds(15)
  app.server.maxConnections = 10_000

  const newRequestId = requestIds()
  const watch = requestWatch(needs.traces ?? null, needs.logger)
  const hot = hotRoutes(routes, {
    safety,
    identify,
    isFresh: auth.credentials.isFresh,
    limiter,
    authorize: auth.access.authorize,
    trustsProxies: config.trustedProxies.length > 0,
    newRequestId,
    onFault: (error, requestId, route) =>
      app.log.error({ err: error, requestId, route, ...faultNotes(error) }, 'a request failed'),
    watch,
  })
  const [serveAll] = app.server.listeners('request') as [RequestListener]
  app.server.off('request', serveAll)
  app.server.on('request', (request, reply) => void (hot.serve(request, reply) || serveAll(request, reply)))
  const sockets = hotSockets(app.server, hot, { isTls: Boolean(needs.tls) })

  const streams = eventStreams({ events, onError: (error) => app.log.error({ error }, 'an event stream failed') })
  app.addHook('preClose', async () => {
    streams.closeAll()
    sockets.close()
    closeAsTheyEnd(app, sockets)
  })
  app.decorateRequest('principal', null as never)
  app.decorateRequest('trace', undefined)
  if (watch) {
    app.addHook('onRequest', (request, _reply, done) => {
      const path = request.routeOptions.url
      if (path === undefined) return done()
      const { traceparent } = request.headers
      const parent = Array.isArray(traceparent) ? traceparent[0] : traceparent
      request.trace = watch.begin({ method: request.method as RouteRecord['method'], path }, parent, request.id)
      watch.within(request.trace, done)
    })
    app.addHook('onResponse', (request, reply, done) => {
      if (request.trace) watch.end(request.trace, reply.statusCode)
      done()
    })
  }
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id)
    safety.checkHost(request.headers.host)
    safety.checkOrigin({ method: request.method, host: request.headers.host ?? '', headers: request.headers })
    done()
  })
  app.setErrorHandler((error, request, reply) => sendError(error, request, reply))

  function sendError(error: unknown, request: FastifyRequest, reply: FastifyReply) {
    const said = toErrorReply(error, request.id)
    const { status, headers, body } = inProtocol(said, (request.routeOptions?.config as { protocol?: Protocol })?.protocol)
    if (said.isFault)
      app.log.error(
        {
          err: error,
          requestId: request.id,
          method: request.method,
          route: request.routeOptions?.url,
          ...(request.trace && { traceId: request.trace.traceId }),
          ...faultNotes(error),
        },
        'a request failed',
      )
    // What is left of a refused body is not read: the connection ends with the reply.
    if (request.raw.complete === false && request.method !== 'GET') reply.header('connection', 'close')
    return (
      reply
        .code(status)
        .headers(dataHeaders)
        .header('content-type', 'application/json; charset=utf-8')
        .headers(headers)
        // As bytes: to the type of a text the framework would add a charset, which not every protocol's clients know.
        .send(Buffer.from(JSON.stringify(body)))
    )
  }

  const needsOfRoutes = { authorize: auth.access.authorize, answeredCalls: auth.answeredCalls, eventStreams: streams, cookie }
  await app.register(async (json) => {
    json.removeAllContentTypeParsers()
    json.addContentTypeParser('application/json', (request, payload, done) => {
      const limit = request.routeOptions.bodyLimit
      readJsonBody(payload, request.headers, limit).then((body) => done(null, body), done as (error: Error) => void)
    })
    for (const record of routes) if (record.body !== 'bytes' && !record.handleText) addRoute(json, record)
  })
  await app.register(async (text) => {
    text.removeAllContentTypeParsers()
    text.addContentTypeParser('application/json', (request, payload, done) => {
      const limit = request.routeOptions.bodyLimit
      readJsonText(payload, request.headers, limit).then((body) => done(null, body), done as (error: Error) => void)
    })
    for (const record of routes) if (record.handleText && !record.takesFiles) addRoute(text, record)
  })
  await app.register(async (files) => {
    files.removeAllContentTypeParsers()
    files.addContentTypeParser('application/json', (request, payload, done) => {
      const limit = request.routeOptions.bodyLimit
      readJsonText(payload, request.headers, limit).then((body) => done(null, body), done as (error: Error) => void)
    })
    files.addContentTypeParser(fileTypes, (request, payload, done) => {
      const limit = request.routeOptions.bodyLimit
      readBytes(payload, request.headers, limit).then((body) => done(null, body), done as (error: Error) => void)
    })
    files.addContentTypeParser('*', (request, _payload, done) =>
      done(
        new PlatformError(
          'unsupported_type',
          `A body of the type "${String(request.headers['content-type']).slice(0, 80)}" is not taken here. Send JSON, a file as image/*, audio/* or application/octet-stream, or a multipart form.`,
        ),
      ),
    )
    for (const record of routes) if (record.handleText && record.takesFiles) addRoute(files, record)
  })
  await app.register(async (bytes) => {
    bytes.removeAllContentTypeParsers()
    bytes.addContentTypeParser('*', (_request, payload, done) => done(null, payload))
    for (const record of routes) if (record.body === 'bytes') addRoute(bytes, record)
  })

  function addRoute(to: FastifyInstance, record: RouteRecord) {
    const limit = limitOf(record)
    const letIn = (request: FastifyRequest, principal: Principal) => {
      request.principal = principal
      if (limit === 'signIn' || principal.userId === null) limiter.take(limit === 'signIn' ? limit : 'stranger', request.ip)
      else limiter.take(limit, principal.credential.id ?? principal.userId)
    }
    to.route({
      method: record.method,
      url: record.path,
      config: { protocol: record.protocol },
      ...(record.maxBodyBytes !== undefined && { bodyLimit: record.maxBodyBytes }),
      onRequest(request, _reply, done) {
        const principal = identify(request.headers, request.ip)
        if (principal instanceof Promise) principal.then((found) => letIn(request, found)).then(() => done(), done)
        else {
          letIn(request, principal)
          done()
        }
      },
      handler: record.handleText ? bindTextRoute(record, needsOfRoutes) : bindRoute(record, needsOfRoutes),
    })
  }

  const extraHeaders = isHttps ? strictTransport : {}
  let described: { json: string; html: string } | undefined
  const describe = () => {
    described ??= { json: JSON.stringify(openApiDocument(routes, version)), html: docsPage(routes, version) }
    return described
  }
  app.get('/openapi.json', (_request, reply) =>
    reply.headers(dataHeaders).header('content-type', 'application/json; charset=utf-8').send(describe().json),
  )
  app.get('/docs', (_request, reply) =>
    reply
      .headers({ ...pageHeaders, ...extraHeaders })
      .header('content-type', 'text/html; charset=utf-8')
      .send(describe().html),
  )

  const sendIndex = needs.webRoot ? await serveWebFiles(app, needs.webRoot, extraHeaders) : sendPlaceholder
  app.setNotFoundHandler((request, reply) => {
    const wantsPage =
      request.method === 'GET' &&
      !/^\/(v1|v2|openai|metrics|openapi\.json|assets)(\/|\?|$)/.test(request.url) &&
      /text\/html|\*\/\*/.test(request.headers.accept ?? '*/*')
    if (!wantsPage) throw notFound('route', `${request.method} ${request.url.split('?', 1)[0]?.slice(0, 200)}`)
    return sendIndex(reply)
  })
  return app
}

const noCompiler = () => {
  throw new Error('Routes have no schemas of the framework.')
}

const lastReplyMs = seconds(8)

/** Closing waits for every connection: those kept open are closed as soon as their reply is out, and the slowest are cut in the end. */
function closeAsTheyEnd({ server }: FastifyInstance, sockets: { destroyAll(): void }): void {
  const sweep = setInterval(() => server.closeIdleConnections(), 50)
  const cut = setTimeout(() => {
    sockets.destroyAll()
    server.closeAllConnections()
  }, lastReplyMs)
  server.once('close', () => {
    clearInterval(sweep)
    clearTimeout(cut)
  })
}

const sendPlaceholder = (reply: FastifyReply) =>
  reply
    .headers(pageHeaders)
    .header('content-type', 'text/html; charset=utf-8')
    .send(
      '<!doctype html><html lang="en"><title>Atoll</title><p>Atoll is running. The web page is not built here: <code>npm run build</code>. The API is described under <a href="/docs">/docs</a>.',
    )
