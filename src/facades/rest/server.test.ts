import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import * as z from 'zod'
import { PlatformError } from '../../kernel/errors.ts'
import { type RouteRecord, route } from '../../kernel/route.ts'
import { checkRoutes } from './check-routes.ts'
import { attachment } from './headers.ts'
import { parseJson } from './json-body.ts'
import { onEachServer } from './testing.ts'

let made = 0
const tryRoutes: RouteRecord[] = [
  route({
    method: 'POST',
    path: '/v1/things',
    permission: 'session:read',
    summary: 'Make a thing',
    tag: 'try',
    idempotent: true,
    status: 201,
    body: z.object({ name: z.string().min(2), rows: z.array(z.object({ age: z.number() })).default([]) }),
    returns: z.object({ name: z.string(), number: z.number() }),
    async handle({ body }) {
      await new Promise((resolve) => setTimeout(resolve, 10))
      return { name: body.name, number: ++made, secret: 'never leaves' }
    },
  }),
  route({
    method: 'PUT',
    path: '/v1/things/bytes',
    permission: 'session:read',
    summary: 'Send bytes',
    tag: 'try',
    body: 'bytes',
    maxBodyBytes: 1000,
    returns: z.object({ sizeBytes: z.number() }),
    async handle({ body }) {
      let sizeBytes = 0
      for await (const piece of body) sizeBytes += (piece as Buffer).length
      return { sizeBytes }
    },
  }),
  route({
    method: 'GET',
    path: '/v1/things/:thing/file',
    permission: 'session:read',
    summary: 'A file',
    tag: 'try',
    returns: 'stream',
    handle: ({ params }) => ({
      contentType: 'application/octet-stream',
      body: Readable.from(['a', 'b']),
      filename: params.thing,
    }),
  }),
  route({
    method: 'GET',
    path: '/v1/things/events',
    permission: 'session:read',
    summary: 'Events',
    tag: 'try',
    returns: 'events',
    async *handle({ request }) {
      for (let i = Number(request.headers['last-event-id'] ?? 0) + 1; i <= 3; i++)
        yield { id: String(i), event: 'count', data: { text: `line\nbreak ${i}` } }
    },
  }),
  route({
    method: 'GET',
    path: '/v1/things/broken',
    permission: 'session:read',
    summary: 'Breaks',
    tag: 'try',
    returns: z.object({ a: z.number() }),
    handle: (): { a: number } => {
      throw new TypeError('secret pointer 0xdeadbeef in /etc/shadow')
    },
  }),
  route({
    method: 'GET',
    path: '/v1/things/misfit',
    permission: 'session:read',
    summary: 'Replies wrongly',
    tag: 'try',
    returns: z.object({ a: z.number() }),
    handle: () => ({ a: 'not a number' }) as never,
  }),
  route({
    method: 'GET',
    path: '/v1/things/full',
    permission: 'session:read',
    summary: 'Disk full',
    tag: 'try',
    returns: z.object({}),
    handle: (): Record<string, never> => {
      throw new PlatformError('storage_full', 'The disk is full.', { freeBytes: 0 })
    },
  }),
]
const given = { routes: tryRoutes }

onEachServer(
  'errors name the field, and a reply carries what its schema declares and no more',
  async ({ call }) => {
    const good = await call('POST', '/v1/things', { body: { name: 'ok' } })
    assert.equal(good.statusCode, 201)
    assert.deepEqual(Object.keys(good.json()), ['name', 'number'])
    const field = async (body: unknown) => (await call('POST', '/v1/things', { body })).json().error
    assert.deepEqual(pick(await field({ name: 'ok', rows: [{ age: 1 }, { age: 'x' }] })), ['invalid_input', 'rows[1].age'])
    assert.deepEqual(pick(await field({})), ['invalid_input', 'name'])
    assert.deepEqual(pick(await field({ name: 'ok', nmae: 'typo' })), ['invalid_input', 'nmae'])
    assert.match((await field({})).message, /"name": is required/)
    assert.match((await field('{"name": oops}')).message, /not valid JSON/)
  },
  given,
)

const pick = (error: { code: string; facts: { field: string } }) => [error.code, error.facts.field]

onEachServer(
  'fifty calls at once with one Idempotency-Key make one thing and get equal answers',
  async ({ call }) => {
    const before = made
    const headers = { 'idempotency-key': 'key-1' }
    const replies = await Promise.all(
      Array.from({ length: 50 }, () => call('POST', '/v1/things', { body: { name: 'once' }, headers })),
    )
    assert.equal(made, before + 1)
    assert.deepEqual(new Set(replies.map((reply) => `${reply.statusCode} ${reply.body}`)).size, 1)
    assert.equal(replies[0]?.statusCode, 201)
    const other = await call('POST', '/v1/things', { body: { name: 'another' }, headers })
    assert.equal(other.json().error.code, 'conflict')
    const bad = await call('POST', '/v1/things', { body: { name: 'x' }, headers: { 'idempotency-key': 'key-2' } })
    assert.equal(bad.statusCode, 400)
    const again = await call('POST', '/v1/things', { body: { name: 'fine' }, headers: { 'idempotency-key': 'key-2' } })
    assert.equal(again.statusCode, 201)
    const odd = await call('POST', '/v1/things', { body: { name: 'fine' }, headers: { 'idempotency-key': 'k'.repeat(256) } })
    assert.equal(odd.statusCode, 400)
  },
  given,
)

onEachServer(
  'bytes are streamed up to the limit of the route, files come down as attachments',
  async ({ app, call, token }) => {
    const send = (payload: Buffer, headers: Record<string, string> = {}) =>
      app.inject({
        method: 'PUT',
        url: '/v1/things/bytes',
        headers: { host: 'localhost', authorization: `Bearer ${token}`, ...headers },
        payload,
      })
    assert.deepEqual((await send(Buffer.alloc(1000))).json(), { sizeBytes: 1000 })
    assert.equal((await send(Buffer.alloc(1001))).statusCode, 413)
    assert.deepEqual((await send(Buffer.from('{'), { 'content-type': 'application/json' })).json(), { sizeBytes: 1 })
    const file = await call('GET', `/v1/things/${encodeURIComponent('x"\r\nSet-Cookie: a=b;é')}/file`)
    assert.equal(file.body, 'ab')
    assert.equal(file.headers['set-cookie'], undefined)
    assert.match(
      String(file.headers['content-disposition']),
      /^attachment; filename="x_{3}Set-Cookie: a=b__"; filename\*=UTF-8''x%22%0D%0A/,
    )
    assert.match(String(file.headers['content-security-policy']), /default-src 'none'.*sandbox/)
  },
  given,
)

onEachServer(
  'events are written one a block and resume after the last one seen',
  async ({ call }) => {
    const all = await call('GET', '/v1/things/events')
    assert.equal(all.headers['content-type'], 'text/event-stream; charset=utf-8')
    assert.deepEqual(
      all.body
        .split('\n\n')
        .filter(Boolean)
        .map((block) => /^event: (.*)$/m.exec(block)?.[1]),
      ['count', 'count', 'count', 'end'],
    )
    assert.match(all.body, /^id: 1\nevent: count\ndata: \{"text":"line\\nbreak 1"\}\n\n/)
    const rest = await call('GET', '/v1/things/events', { headers: { 'last-event-id': '2' } })
    assert.match(rest.body, /^id: 3\n/)
  },
  given,
)

onEachServer(
  'a fault says nothing of the inside, an error of the platform says all it knows',
  async ({ call }) => {
    for (const path of ['/v1/things/broken', '/v1/things/misfit']) {
      const reply = await call('GET', path)
      assert.equal(reply.statusCode, 500)
      assert.ok(!/0xdeadbeef|shadow|schema|at /.test(reply.body), reply.body)
      assert.equal(reply.json().error.facts.requestId, reply.headers['x-request-id'])
    }
    const full = await call('GET', '/v1/things/full')
    assert.equal(full.statusCode, 507)
    assert.deepEqual(full.json(), { error: { code: 'storage_full', message: 'The disk is full.', facts: { freeBytes: 0 } } })
  },
  given,
)

onEachServer(
  'limits answer 429 with Retry-After, per credential',
  async ({ call, auth, admin }) => {
    const replies = []
    for (let i = 0; i < 8; i++) replies.push(await call('GET', '/v1/session'))
    assert.deepEqual(
      replies.map((reply) => reply.statusCode),
      [200, 200, 200, 200, 200, 429, 429, 429],
    )
    assert.ok(Number(replies[7]?.headers['retry-after']) >= 1)
    const other = await auth.tokens.create(admin, { name: 'other', scopes: null, expiresInDays: 1 })
    assert.equal((await call('GET', '/v1/session', { token: other.secret })).statusCode, 200)
  },
  { limits: { read: { burst: 5, perSecond: 0.1 } } },
)

onEachServer(
  'signing in by link gives a cookie that works, is not readable by scripts, and ends on signing out',
  async ({ call, auth, admin }) => {
    const { secret } = await auth.signIn.makeLink(admin, admin.userId!, 60_000)
    const reply = await call('POST', '/v1/session', { token: null, body: { link: secret } })
    assert.equal(reply.statusCode, 201)
    assert.equal(reply.json().user.id, admin.userId)
    const cookie = String(reply.headers['set-cookie'])
    assert.match(cookie, /^atoll_session_7070=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=\d+$/)
    const headers = { cookie: cookie.split(';')[0]! }
    assert.equal((await call('GET', '/v1/session', { token: null, headers })).statusCode, 200)
    assert.equal((await call('DELETE', '/v1/session', { token: null, headers })).statusCode, 204)
    assert.equal((await call('GET', '/v1/projects', { token: null, headers })).statusCode, 401)
    assert.equal((await call('GET', '/v1/session', { token: null, headers })).json().user, null)
  },
)

onEachServer(
  'over https the cookie is bound to this host and never sent in clear',
  async ({ call, auth, admin }) => {
    const { secret } = await auth.signIn.makeLink(admin, admin.userId!, 60_000)
    const headers = { host: 'atoll.example.org' }
    const reply = await call('POST', '/v1/session', { token: null, body: { link: secret }, headers })
    assert.match(String(reply.headers['set-cookie']), /^__Host-atoll_session=.*; Path=\/; .*; Secure;/)
  },
  {
    config: {
      host: '127.0.0.1',
      port: 7070,
      allowedHosts: [],
      publicUrl: 'https://atoll.example.org',
      trustedProxies: ['127.0.0.1'],
    },
  },
)

onEachServer(
  'the description is OpenAPI 3.1 and the page about it calls nobody',
  async ({ call }) => {
    const { openapi, paths } = (await call('GET', '/openapi.json')).json()
    assert.equal(openapi, '3.1.0')
    assert.equal(paths['/v1/things/{thing}/file'].get.parameters[0].name, 'thing')
    assert.equal(paths['/v1/things'].post.requestBody.content['application/json'].schema.properties.name.minLength, 2)
    const ids = Object.values(paths).flatMap((path: any) => Object.values(path).map((operation: any) => operation.operationId))
    assert.equal(new Set(ids).size, ids.length, 'operation ids are unique')
    const page = await call('GET', '/docs')
    assert.match(page.body, /Make a thing/)
    assert.ok(!/<script|https?:\/\//.test(page.body.replace(/"?\$ATOLL_URL[^<]*/g, '')), 'no script, no address outside')
  },
  given,
)

test('a route without a permission, with an unknown one, or declared twice stops the boot', () => {
  const [good] = tryRoutes as [RouteRecord]
  checkRoutes([good])
  assert.throws(() => checkRoutes([{ ...good, permission: undefined as never }]), /declares no permission/)
  assert.throws(() => checkRoutes([{ ...good, permission: 'things:fly' as never }]), /does not exist: things:fly/)
  assert.throws(() => checkRoutes([{ ...good, permission: 'constructor' as never }]), /does not exist/)
  assert.throws(() => checkRoutes([good, { ...good }]), /declared twice/)
})

test('JSON from outside is bounded in depth and cannot reach a prototype', () => {
  assert.throws(() => parseJson('['.repeat(1_000_000)), /levels deep/)
  assert.throws(() => parseJson(`${'{"a":'.repeat(70)}1${'}'.repeat(70)}`), /levels deep/)
  assert.deepEqual(parseJson(`{"a":"${'['.repeat(200)}"}`), { a: '['.repeat(200) })
  for (const text of ['{"__proto__":{"admin":true}}', '{"a":[{"\\u005f_proto__":1}]}', '{"constructor":{"prototype":{}}}'])
    assert.throws(() => parseJson(text), /may not be called/)
  assert.deepEqual(parseJson('{"a":"__proto__"}'), { a: '__proto__' })
  assert.throws(() => parseJson('{"a":"\\u0000"}'), /NUL/)
  assert.deepEqual(parseJson('{"a":"\\\\u0000"}'), { a: '\\u0000' })
})

test('a file name from a user stays inside its header', () => {
  assert.ok(!/[\r\n]/.test(attachment('x"\r\nSet-Cookie: a=b')))
  assert.ok(attachment('\ud800').length > 0)
})
