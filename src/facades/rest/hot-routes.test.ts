import assert from 'node:assert/strict'
import * as z from 'zod'
import { invalidInput } from '../../kernel/errors.ts'
import { type RouteRecord, route } from '../../kernel/route.ts'
import { onEachServer } from './testing.ts'

const echo: RouteRecord = route({
  method: 'POST',
  path: '/v1/echoes/:echo/answer',
  permission: 'endpoints:predict',
  summary: 'Answer what was sent',
  tag: 'try',
  body: z.object({ rows: z.array(z.unknown()) }),
  returns: z.object({}),
  maxBodyBytes: 2000,
  handleText: async (input) => {
    const { params, text, principal } = input
    const { rows } = (input.body() ?? {}) as { rows?: unknown }
    if (!Array.isArray(rows)) throw invalidInput('"rows" is required.', { field: 'rows' })
    if (rows[0] === 'fault') throw new TypeError('inside')
    return JSON.stringify({ ref: params.echo, user: principal.userId, text })
  },
})

onEachServer(
  'the short way decides as the framework does, whatever is sent',
  async ({ app, auth, admin, person, token }) => {
    const address = await app.listen({ host: '127.0.0.1', port: 0 })
    const viewer = await person('Viewer', 'viewer')
    const scoped = await auth.tokens.create(viewer, { name: 'x', scopes: ['goals:read'], expiresInDays: 1 })
    const revoked = await auth.tokens.create(admin, { name: 'x', scopes: null, expiresInDays: 1 })
    await auth.tokens.revoke(admin, revoked.id)
    const send = async (type: string, { path = '/v1/echoes/e1/answer', headers = {}, body = '{"rows":[1]}' } = {}) => {
      const response = await fetch(address + path, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': type, ...headers },
        body,
      })
      const json = (await response.json()) as any
      delete json.error?.facts.requestId
      return {
        status: response.status,
        type: response.headers.get('content-type'),
        retry: response.headers.has('retry-after'),
        json,
      }
    }
    const cases: Parameters<typeof send>[1][] = [
      {},
      { path: '/v1/echoes/with%20space/answer' },
      { path: '/v1/echoes/e1/answer?unknown=1' },
      { body: '' },
      { body: '{' },
      { body: '{"rows":["fault"]}' },
      { body: '{"__proto__":{},"rows":[]}' },
      { body: '['.repeat(1500) },
      { body: `{"rows":["${'x'.repeat(3000)}"]}` },
      { body: '{"rows":["\\u0000"]}' },
      { headers: { authorization: 'Bearer nonsense' } },
      { headers: { authorization: `Bearer ${revoked.secret}` } },
      { headers: { authorization: `Bearer ${scoped.secret}` } },
      { headers: { authorization: 'Basic YWRtaW46YWRtaW4=' } },
      { headers: { 'sec-fetch-site': 'cross-site' } },
      { headers: { origin: 'https://evil.example' } },
    ]
    for (const one of cases) {
      const short = await send('application/json', one)
      // The framework takes what is written otherwise.
      const long = await send('application/json; charset=UTF-8', one)
      assert.deepEqual(short, long, JSON.stringify(one).slice(0, 100))
    }
    assert.deepEqual((await send('application/json')).json, { ref: 'e1', user: admin.userId, text: '{"rows":[1]}' })
    assert.equal((await send('application/json', { headers: { authorization: '' } })).status, 401)
    assert.equal((await send('text/plain')).status, 415)
  },
  { routes: [echo] },
)

onEachServer(
  'a connection that was let in is refused as soon as its token is revoked',
  async ({ app, auth, admin }) => {
    const address = await app.listen({ host: '127.0.0.1', port: 0 })
    const own = await auth.tokens.create(admin, { name: 'x', scopes: null, expiresInDays: 1 })
    const send = async () =>
      (
        await fetch(`${address}/v1/echoes/e1/answer`, {
          method: 'POST',
          headers: { authorization: `Bearer ${own.secret}`, 'content-type': 'application/json' },
          body: '{"rows":[]}',
        }).then(async (response) => [response.status, await response.text()] as const)
      )[0]
    assert.deepEqual([await send(), await send()], [200, 200])
    await auth.tokens.revoke(admin, own.id)
    assert.equal(await send(), 401)
  },
  { routes: [echo] },
)
