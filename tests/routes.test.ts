import assert from 'node:assert/strict'
import { permissions } from '../src/kernel/permissions.ts'
import type { RouteRecord } from '../src/kernel/route.ts'
import { onEachPlatform } from './platform-world.ts'

const addressOf = (record: RouteRecord): string => record.path.replace(/:\w+/g, 'absent').replace(/\*$/, 'absent')

const wrongBodies = [
  '{',
  '[]',
  '"text"',
  'null',
  '12',
  '{"__proto__":{"admin":true}}',
  `${'['.repeat(100_000)}`,
  '{"name":"\\u0000"}',
]
const wrongTypes = ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', '']

onEachPlatform(
  'every route says who may call it, refuses strangers, and answers nonsense with a 4xx',
  async ({ platform, call }) => {
    const { routes } = platform
    assert.ok(routes.length >= 30, `saw ${routes.length} routes`)
    for (const record of routes) {
      const name = `${record.method} ${record.path}`
      assert.ok(Object.hasOwn(permissions, record.permission), name)
      assert.ok(record.returns, name)
      if (permissions[record.permission] !== 'anyone') {
        const stranger = await call(record.method, addressOf(record), { token: null, ...(hasJsonBody(record) && { body: {} }) })
        assert.equal(stranger.status, 401, `${name} without signing in`)
        if (!record.protocol) assert.equal(stranger.json.error.code, 'unauthenticated')
      }
      if (!hasJsonBody(record)) continue
      for (const body of wrongBodies) {
        const { status, json } = await call(record.method, addressOf(record), { body })
        assert.ok(status >= 400 && status < 500, `${name} with ${body.slice(0, 30)}: ${status}`)
        // Another protocol has words of its own; the tests with its clients read them.
        if (!record.protocol) assert.deepEqual(Object.keys(json.error).sort(), ['code', 'facts', 'message'])
      }
      for (const type of wrongTypes) {
        const { status } = await call(record.method, addressOf(record), { body: '{}', headers: { 'content-type': type } })
        // A route that takes files looks for what it is about first; tests/media-endpoint.test.ts says which types it takes.
        assert.ok(status === 415 || (record.takesFiles && status === 404), `${name} with the type ${type}: ${status}`)
      }
    }
  },
)

onEachPlatform('every path and query of nonsense is answered with a 4xx', async ({ platform, call }) => {
  const odd = ['%00', '..%2f..%2fetc%2fpasswd', "'%20OR%20'1'='1", '%F0%9F%92%A9', 'a'.repeat(600), '__proto__', 'constructor']
  for (const record of platform.routes) {
    if (!record.path.includes(':') || record.method !== 'GET') continue
    for (const value of odd) {
      const { status, text } = await call('GET', record.path.replace(/:\w+|\*$/g, value))
      assert.ok(status >= 400 && status < 500, `${record.path} with ${value.slice(0, 20)}: ${status} ${text.slice(0, 200)}`)
    }
  }
  for (const record of platform.routes.filter((route) => route.query && route.method === 'GET' && !route.path.includes(':')))
    for (const query of [
      ...madeUpCursors,
      '?limit=0',
      '?limit=1000000',
      '?limit=1e9',
      '?limit=a',
      '?unknown=1',
      '?__proto__=1',
      '?q=%00',
    ])
      assert.ok((await call('GET', record.path + query)).status < 500, record.path + query)
})

const madeUpCursors = [
  '{}',
  '[]',
  '[1]',
  '["a"]',
  '[null]',
  '["\\u0000"]',
  '[1,"a"]',
  '["a",1]',
  '["a","b"]',
  '[1e300]',
  '[1.5]',
  '[1,1,1]',
  '"a"',
]
  .map((text) => `?cursor=${Buffer.from(text).toString('base64url')}`)
  .concat('?cursor=nonsense', '?cursor=%F0%9F%92%A9')

const hasJsonBody = (record: RouteRecord): boolean => record.body !== undefined && record.body !== 'bytes'
