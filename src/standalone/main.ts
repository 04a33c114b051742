/**
 * A server of one exported model: POST /predict, GET /health, GET /metadata, and the Open Inference Protocol V2 under /v2.
 * Settings are in the environment: HOST, PORT, TOKEN (asked for as "Authorization: Bearer …" where it is set).
 */
import { randomBytes, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import { answerFields } from '../domains/endpoints/contract/answer-fields.ts'
import { statusOf } from '../facades/rest/error-statuses.ts'
import { parseJson, readBytes } from '../facades/rest/json-body.ts'
import { isPlatformError, notFound, PlatformError } from '../kernel/errors.ts'
import type { StreamReply } from '../kernel/route.ts'
import { inferenceProtocol } from './inference-protocol.ts'
import { type OpenedModel, openModel } from './model.ts'
import { predict } from './predict.ts'

const maxBodyBytes = 32 * 1024 * 1024
const { HOST = '127.0.0.1', PORT = '8080', TOKEN = '' } = process.env
// A model that opens in a process of its own holds this one no longer than it must; until there is a server, nothing else does.
const opening = setInterval(() => {}, 60_000)
const opened = await openModel(process.env.FOLDER ?? join(import.meta.dirname, '..', '..')).finally(() => clearInterval(opening))
const figures = { requests: 0, refused: 0, faults: 0, seconds: 0 }

const server = createServer({ requestTimeout: 60_000, headersTimeout: 15_000, keepAliveTimeout: 75_000 }, (request, reply) => {
  void serve(request, reply)
})
server.listen(Number(PORT), HOST, () => {
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : PORT
  console.log(
    JSON.stringify({ message: 'ready', model: opened.facts.model, version: opened.facts.version, url: `http://${HOST}:${port}` }),
  )
})
for (const signal of ['SIGTERM', 'SIGINT'] as const)
  process.once(signal, () => {
    server.close(() => void opened.close().then(() => process.exit(0)))
    server.closeIdleConnections()
    setTimeout(() => process.exit(0), 25_000).unref()
  })

async function serve(request: IncomingMessage, reply: ServerResponse): Promise<void> {
  const start = performance.now()
  const requestId = `req_${randomBytes(12).toString('hex')}`
  const path = (request.url ?? '/').split('?', 1)[0]!
  const isProtocol = path === '/v2' || path.startsWith('/v2/')
  try {
    const { contentType, body, headers } = await answer(opened, { request, path, requestId, isProtocol })
    send(reply, 200, { contentType, body: body as string | Uint8Array, headers: { ...headers, 'x-request-id': requestId } })
  } catch (thrown) {
    const error = isPlatformError(thrown) ? thrown : new PlatformError('internal', 'Something went wrong; the log says what.', {})
    if (!isPlatformError(thrown))
      console.error(
        JSON.stringify({ message: 'a request failed', requestId, path, error: String((thrown as Error)?.stack ?? thrown) }),
      )
    const { code, message, facts } = error
    figures[code === 'internal' ? 'faults' : 'refused']++
    const said = isProtocol ? { error: message } : { error: { code, message, facts } }
    if (!request.complete) reply.setHeader('connection', 'close')
    send(reply, statusOf[code], {
      contentType: 'application/json',
      body: JSON.stringify(said),
      headers: { 'x-request-id': requestId },
    })
  } finally {
    figures.requests++
    figures.seconds += (performance.now() - start) / 1000
  }
}

async function answer(
  model: OpenedModel,
  { request, path, requestId, isProtocol }: { request: IncomingMessage; path: string; requestId: string; isProtocol: boolean },
): Promise<StreamReply> {
  const { method = 'GET', headers } = request
  const { facts, signature } = model
  if (method === 'GET' && (path === '/health' || path === '/health/live'))
    return json({ status: 'ok', endpoint: facts.endpoint, model: facts.model, version: facts.version })
  if (method === 'GET' && path === '/metrics')
    return { contentType: 'text/plain; version=0.0.4; charset=utf-8', body: prometheus() }
  if (!/^\/v2(\/health\/(live|ready))?$/.test(path)) refuseStrangers(headers.authorization)
  if (isProtocol) return inferenceProtocol(model, { method, path, headers, body: request, requestId })
  if (method === 'GET' && path === '/metadata') return json({ ...facts, ...signature, outputs: answerFields(signature) })
  if (method === 'POST' && path === '/predict') {
    const contentType = headers['content-type'] ?? 'application/json'
    const content = await readBytes(request, headers, maxBodyBytes)
    const isJson = contentType.startsWith('application/json')
    const text = isJson ? content.toString('utf8') : ''
    const asked = { requestId, text, body: () => parseJson(text), ...(!isJson && { file: { contentType, content } }) }
    return { contentType: 'application/json', body: await predict(model, asked) }
  }
  throw notFound('route', `${method} ${path.slice(0, 200)}`)
}

function refuseStrangers(authorization: string | undefined): void {
  if (TOKEN === '') return
  const given = Buffer.from(authorization ?? '')
  const wanted = Buffer.from(`Bearer ${TOKEN}`)
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted))
    throw new PlatformError('unauthenticated', 'Send the token of this server as "Authorization: Bearer …".')
}

function prometheus(): string {
  const line = (name: string, value: number) => `# TYPE ${name} counter\n${name} ${value}\n`
  return (
    line('model_requests_total', figures.requests) +
    line('model_refused_total', figures.refused) +
    line('model_faults_total', figures.faults) +
    line('model_seconds_total', figures.seconds)
  )
}

const json = (value: unknown): StreamReply => ({ contentType: 'application/json', body: JSON.stringify(value) })

function send(
  reply: ServerResponse,
  status: number,
  { contentType, body, headers }: { contentType: string; body: string | Uint8Array; headers: Record<string, string> },
): void {
  if (reply.destroyed || reply.headersSent) return
  const bytes = typeof body === 'string' ? Buffer.from(body) : body
  reply.writeHead(status, {
    'content-type': contentType,
    'content-length': bytes.length,
    'x-content-type-options': 'nosniff',
    ...headers,
  })
  reply.end(bytes)
}
