/** A8, D7, G: paths, logs and whatever interprets text. */
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { onEachPlatform, openWorld } from '../platform-world.ts'

test('A8: no spelling of a path leaves the folder of the web page', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'atoll-web-'))
  const webRoot = join(folder, 'dist')
  await mkdir(join(webRoot, 'assets'), { recursive: true })
  await writeFile(join(folder, 'canary.txt'), 'CANARY')
  await writeFile(join(webRoot, '.secret'), 'CANARY')
  await writeFile(join(webRoot, 'index.html'), '<!doctype html><title>Atoll</title>')
  await writeFile(join(webRoot, 'assets', 'app-1a2b.js'), 'export {}')
  const world = await openWorld('sqlite', {}, { webRoot })
  try {
    const ask = (target: string) => world.raw(`GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`)
    const climbs = ['..', '%2e%2e', '%252e%252e', '..%2f', '..%5c', '..\\', '.%00.', '....//', '%c0%ae%c0%ae', '..;']
    for (const climb of climbs)
      for (const prefix of ['/', '/assets/', '/static/js/', '//', '/assets/../'])
        for (const target of ['canary.txt', 'dist/../canary.txt', 'etc/passwd', '.secret']) {
          const path = `${prefix}${`${climb}/`.repeat(4)}${target}`
          const reply = await ask(path)
          assert.ok(!/CANARY|root:x:/.test(reply), path)
        }
    for (const path of [
      '/static/../../a/../../../etc/passwd',
      '/.secret',
      '/assets/%2e%2e/%2e%2e/canary.txt',
      `/assets/${join(folder, 'canary.txt')}`,
      'file:///etc/passwd',
    ])
      assert.ok(!/CANARY|root:x:/.test(await ask(path)), path)
    const page = await ask('/datasets/churn')
    assert.match(page, /^HTTP\/1\.1 200/)
    assert.match(page, /content-security-policy: default-src 'self'; script-src 'self'/i)
    assert.match(await ask('/assets/app-1a2b.js'), /immutable/)
    assert.match(await ask('/assets/absent.js'), /^HTTP\/1\.1 404/)
  } finally {
    await world.close()
    await rm(folder, { recursive: true })
  }
})

const payloads = [
  "' OR '1'='1",
  "'; drop table users; --",
  '" OR ""="',
  '1) or 1=1--',
  '%',
  '_',
  '\\',
  '#{7*7}',
  '{{7*7}}',
  '$(id)',
  '`id`',
  "x'||(select hash from tokens)||'",
  "' union select secret from tokens --",
]

onEachPlatform('G5: quotes in credentials, filters, orders and searches are text', async (world) => {
  const { call, platform } = world
  const outsider = await world.person('Mallory', null)
  const secret = await call('POST', '/v1/experiments', { body: { name: 'Hidden thing', visibility: 'private' } })
  for (const payload of payloads) {
    assert.equal(
      (await call('GET', '/v1/users', { token: null, headers: { authorization: `Bearer ${payload}` } })).status,
      401,
      payload,
    )
    assert.equal((await call('POST', '/v1/session', { token: null, body: { link: payload.padEnd(20) } })).status % 400 < 30, true)
    const text = encodeURIComponent(payload)
    for (const route of platform.routes.filter((one) => one.method === 'GET')) {
      const names = Object.keys((route.query as { shape?: object } | undefined)?.shape ?? {})
      const query = route.path.includes(':') ? [''] : names.map((name) => `?${name}=${text}`)
      for (const one of query) {
        const reply = await call('GET', route.path.replace(/:\w+|\*$/g, text) + one, { token: outsider.token })
        assert.ok(reply.status < 500, `${route.path}${one}: ${reply.text.slice(0, 200)}`)
        assert.ok(!reply.text.includes(secret.json.id), `${route.path}${one}`)
      }
    }
  }
  assert.equal((await call('GET', '/v1/users')).status, 200, 'the tables are still there')
})

onEachPlatform('G2 G6: line breaks and prototypes in names reach nothing', async (world) => {
  const { call, raw, port, token } = world
  for (const name of [
    "x'\nNODE_OPTIONS=--require=/tmp/x",
    'cache\r\nsecurity_level=weak',
    'a\u0000b',
    '../../x',
    'a/b',
    '-rf',
    '\u202egpj.exe',
  ])
    assert.equal((await call('POST', '/v1/experiments', { body: { name } })).status, 400, JSON.stringify(name))
  for (const hosts of [['a\nb'], ['a b'], ['http://a'], ['*'], ['a/../b'], ['user@a']])
    assert.equal((await call('PATCH', '/v1/settings', { body: { outboundHosts: hosts } })).status, 400, JSON.stringify(hosts))
  assert.equal((await call('PATCH', '/v1/settings', { body: { importFolders: ['relative/path'] } })).status, 400)
  for (const body of [
    '{"name":"x","__proto__":{"isPlatformAdmin":true}}',
    '{"name":"x","constructor":{"prototype":{"isPlatformAdmin":true}}}',
    '{"parameters":{"__proto__":{"a":1}},"experiment":"x"}',
  ])
    for (const path of ['/v1/users', '/v1/experiments', '/v1/runs'])
      assert.equal((await call('POST', path, { body })).status, 400)
  assert.match(
    await raw(
      `GET /v1/session HTTP/1.1\r\nHost: localhost:${port}\r\n__proto__: x\r\nconstructor: y\r\nAuthorization: Bearer ${token}\r\nConnection: close\r\n\r\n`,
    ),
    /^HTTP\/1\.1 200/,
  )
  assert.equal(({} as Record<string, unknown>).isPlatformAdmin, undefined)
})

onEachPlatform('D7: whatever people call things, the log stays one true line an event', async ({ call, raw, log, port }) => {
  const nasty = 'Eve\n{"level":60,"msg":"forged"}\u001b[2J\u001b]0;owned\u0007'
  await call('POST', '/v1/users', { body: { name: nasty } })
  await call('GET', `/v1/datasets/${encodeURIComponent(nasty)}`)
  await call('POST', '/v1/session', { token: null, body: { email: nasty, password: nasty } })
  await raw(`GET /v1/\u001b[2J HTTP/1.1\r\nHost: localhost:${port}\r\nUser-Agent: \u001b[31m\r\nConnection: close\r\n\r\n`)
  for (const line of log) {
    assert.ok(!line.trimEnd().includes('\n') && !/[\u0000-\u0009\u000b-\u001f\u007f]/.test(line), JSON.stringify(line))
    assert.notEqual((JSON.parse(line) as { msg: string }).msg, 'forged')
  }
})

onEachPlatform('G7: no name breaks out of a header', async (world) => {
  const { call } = world
  const nasty = 'x"\r\nSet-Cookie: a=b; \u00e9.csv'
  const upload = await call('POST', '/v1/uploads', { body: { filename: nasty, sizeBytes: 1 } })
  assert.ok(upload.status < 500)
  for (const path of ['/v1/uploads/', '/v1/datasets/']) {
    const reply = await call('GET', `${path}${encodeURIComponent(nasty)}`)
    assert.equal(reply.headers.get('set-cookie'), null)
    assert.ok(reply.status >= 400 && reply.status < 500)
  }
})
