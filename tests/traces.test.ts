/** A request from its traceparent to the collector: through HTTP, the queue, the model and the capture. */
import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { pino } from 'pino'
import { endpointsRoutes } from '../src/domains/endpoints/routes.ts'
import { EndpointInput } from '../src/domains/endpoints/schema.ts'
import { servingMigrations, servingWorld } from '../src/domains/endpoints/testing.ts'
import { restServer } from '../src/facades/rest/server.ts'
import { readTraceSettings } from '../src/kernel/trace-settings.ts'
import { openSqlite } from '../src/ports/metadata/sqlite.ts'
import { openOutbound } from '../src/ports/outbound/fetch-out.ts'
import { currentTraceparent } from '../src/ports/traces/context.ts'
import { openTraces } from '../src/ports/traces/open.ts'

const parent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'

describe('traces of requests', { timeout: 60_000 }, () => {
  const received: any[] = []
  const lost: string[] = []
  const lines: any[] = []
  let allowed: string[] = []
  let collector: Server
  let traces: ReturnType<typeof openTraces>
  let w: Awaited<ReturnType<typeof servingWorld>>
  let url = ''
  let token = ''
  let close = async () => {}

  before(async () => {
    collector = createServer((request, response) => {
      let body = ''
      request.on('data', (piece) => (body += piece))
      request.on('end', () => {
        received.push({ path: request.url, type: request.headers['content-type'], body: JSON.parse(body) })
        response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
      })
    })
    await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve))
    const host = `127.0.0.1:${(collector.address() as AddressInfo).port}`
    const settings = readTraceSettings({ OTEL_EXPORTER_OTLP_ENDPOINT: `http://${host}` })!
    const outbound = openOutbound({
      allowedHosts: async () => allowed,
      operatorHosts: [new URL(settings.url).host],
      traceparent: currentTraceparent,
    })
    traces = openTraces({ settings, version: '0', fetchOut: outbound.fetchOut, onLost: (why) => lost.push(why) })
    const metadata = openSqlite({ file: ':memory:' })
    await metadata.migrate(servingMigrations)
    w = await servingWorld(metadata)
    const app = await restServer({
      config: { host: '127.0.0.1', port: 0, allowedHosts: [], publicUrl: null, trustedProxies: [] },
      routes: endpointsRoutes(w.endpoints),
      auth: w.auth,
      events: w.events,
      logger: pino({ level: 'debug', base: undefined }, { write: (line) => void lines.push(JSON.parse(line)) }),
      version: '0',
      traces,
    })
    url = await app.listen({ host: '127.0.0.1', port: 0 })
    token = (await w.auth.tokens.create(w.by, { name: 'x', scopes: null, expiresInDays: 1 })).secret
    await w.register('churn')
    await w.endpoints.create(w.by, EndpointInput.parse({ model: 'churn', name: 'live' }))
    close = async () => {
      await app.close()
      await w.endpoints.close()
      await w.done()
      await metadata.close()
      collector.close()
    }
  })
  after(() => close())

  const predict = (row: object, { query = '', headers = {} } = {}) =>
    fetch(`${url}/v1/endpoints/live/predict${query}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', traceparent: parent, ...headers },
      body: JSON.stringify({ row }),
    })
  const spans = (): any[] => received.flatMap(({ body }) => body.resourceSpans[0].scopeSpans[0].spans)
  const noted = (span: any, key: string) => Object.values(span.attributes.find((one: any) => one.key === key)?.value ?? {})[0]

  test('nothing leaves before an administrator has allowed the collector’s host', async () => {
    assert.equal((await predict({ a: 1, b: 1, state: 'OH' })).status, 200)
    await traces.flush()
    assert.equal(received.length, 0)
    assert.match(lost[0]!, /Outbound calls are off/)
  })

  for (const [way, query] of [
    ['the short way', ''],
    ['the framework', '?coverage=0.9'],
  ] as const)
    test(`a prediction by ${way} is one trace under its caller`, async () => {
      allowed = [new URL(`http://127.0.0.1:${(collector.address() as AddressInfo).port}`).host]
      received.length = 0
      // Without what is needed for intervals the second is refused, and traced as such.
      const { status } = await predict({ a: 1, b: 1, state: 'OH' }, { query })
      assert.equal(status, query === '' ? 200 : 412)
      await new Promise((resolve) => setTimeout(resolve, 20))
      await traces.flush()
      assert.deepEqual([received[0]?.path, received[0]?.type], ['/v1/traces', 'application/json'])
      const root = spans().find((span) => span.kind === 2)
      assert.deepEqual(
        [root.traceId, root.parentSpanId, root.name],
        [parent.slice(3, 35), parent.slice(36, 52), 'POST /v1/endpoints/:endpoint/predict'],
      )
      assert.equal(noted(root, 'atoll.endpoint'), 'live')
      assert.equal(noted(root, 'atoll.variant'), 'main')
      assert.equal(noted(root, 'http.response.status_code'), String(status))
      assert.match(String(noted(root, 'atoll.request_id')), /^req_/)
      if (query !== '') return
      const parts = spans().filter((span) => span.kind === 1)
      assert.deepEqual(
        parts.map(({ name }) => name),
        ['queue', 'model run', 'capture'],
      )
      for (const part of parts) {
        assert.deepEqual([part.traceId, part.parentSpanId], [root.traceId, root.spanId])
        assert.ok(
          BigInt(part.startTimeUnixNano) >= BigInt(root.startTimeUnixNano) &&
            BigInt(part.endTimeUnixNano) <= BigInt(root.endTimeUnixNano),
        )
      }
      assert.equal(noted(parts[1], 'atoll.rows_in_run'), '1')
    })

  test('other routes are traced too, and what the caller does not want is not', async () => {
    received.length = 0
    const list = (traceparent: string) =>
      fetch(`${url}/v1/endpoints`, { headers: { authorization: `Bearer ${token}`, traceparent } })
    await list(parent.replace(/01$/, '00'))
    await list('nonsense')
    await new Promise((resolve) => setTimeout(resolve, 20))
    await traces.flush()
    assert.deepEqual(
      spans().map(({ name, parentSpanId }) => [name, parentSpanId]),
      [['GET /v1/endpoints', undefined]],
    )
  })

  test('the log tells of each request by its ids, endpoint and variant', async () => {
    const reply = await predict({ a: 1, b: 1, state: 'OH' })
    const id = reply.headers.get('x-request-id')
    const line = lines.find(({ msg, requestId }) => msg === 'request' && requestId === id)
    assert.ok(line, JSON.stringify(lines.slice(-2)))
    assert.deepEqual(
      [line.traceId, line.endpoint, line.variant, line.status, line.route, line.rows],
      [parent.slice(3, 35), 'live', 'main', 200, '/v1/endpoints/:endpoint/predict', 1],
    )
    assert.ok(line.ms > 0 && line.ms < 5000)
  })
})
