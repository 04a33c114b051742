/** F: who may. Each case is an attack that worked against a peer; none may work here, whatever the credential. */
import assert from 'node:assert/strict'
import { newId } from '../../src/kernel/ids.ts'
import { onEachPlatform, type World } from '../platform-world.ts'

const json = { 'content-type': 'application/json' }

/** A session cookie of a fresh administrator session. */
async function sessionCookie({ platform, call }: World): Promise<string> {
  const { auth } = platform.domains
  const { userId } = await auth.firstStart.ensure('x')
  const { secret } = await auth.signIn.makeLink(await auth.users.principal(userId), userId, 60_000)
  const reply = await call('POST', '/v1/session', { token: null, body: { link: secret } })
  return String(reply.headers.get('set-cookie')).split(';')[0] as string
}

onEachPlatform('F1 F3: nothing answers beside the declared routes', async ({ call, raw }) => {
  for (const path of [
    '/ajax-api/3.0/jobs/search',
    '/api/2.0/mlflow/experiments/search',
    '/graphql',
    '/v1/graphql',
    '/api/jobs/',
    '/debug/pprof',
    '/actuator/env',
    '/.git/config',
    '/v2/users',
    '/v1',
    '/v1/',
    '/v1/users/',
    '//v1/users',
    '/V1/users',
    '/v1/%75sers%2f',
  ]) {
    const { status, text } = await call('GET', path, { token: null, headers: { accept: 'application/json' } })
    assert.ok(status === 404 || status === 401 || status === 400, `${path}: ${status}`)
    assert.ok(!text.includes('usr_'), path)
  }
  for (const line of [
    'GET /v1/../v1/users',
    'GET /v1/./users',
    'GET /x/../v1/users',
    'GET http://127.0.0.1/v1/users',
    'TRACE /v1/users',
    'CONNECT /v1/users',
  ])
    assert.ok(!(await raw(`${line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`)).includes('usr_'), line)
})

onEachPlatform("F2 F14 F15 F16: what is another's is as if it were not there, by whatever way it is named", async (world) => {
  const { call } = world
  const alice = await world.person('Alice', 'editor')
  const mallory = await world.person('Mallory', null)
  const upload = await call('POST', '/v1/uploads', { token: alice.token, body: { filename: 'a.csv', sizeBytes: 3 } })
  assert.ok(upload.status < 300, upload.text)
  const { id } = upload.json
  for (const method of ['GET', 'DELETE'])
    assert.equal((await call(method, `/v1/uploads/${id}`, { token: mallory.token })).status, 404)
  const put = await call('PUT', `/v1/uploads/${id}?offset=0`, {
    token: mallory.token,
    body: 'abc',
    headers: { 'content-type': 'application/octet-stream' },
  })
  assert.equal(put.status, 404)
  const attached = await call('POST', '/v1/datasets', { token: mallory.token, body: { name: 'mine', source: { upload: id } } })
  assert.ok(attached.status >= 400 && attached.status < 500, attached.text)
  assert.equal((await call('GET', `/v1/uploads/${id}`, { token: alice.token })).status, 200)

  const secret = await call('POST', '/v1/experiments', { token: alice.token, body: { name: 'Secret', visibility: 'private' } })
  assert.equal(secret.status, 201, secret.text)
  const own = await call('POST', '/v1/projects', { token: mallory.token, body: { name: 'Of Mallory' } })
  for (const query of ['', `?project=${own.json.id}`, '?project=Main', `?project=${world.project.id}`]) {
    const { status } = await call('GET', `/v1/experiments/${secret.json.id}${query}`, { token: mallory.token })
    assert.equal(status, 404, query)
  }
  const run = await call('POST', '/v1/runs', {
    token: mallory.token,
    body: { name: 'r', experiment: secret.json.id, project: own.json.id },
  })
  assert.equal(run.status, 404, 'a child of a foreign parent')
  assert.equal((await call('GET', `/v1/lineage/${secret.json.id}`, { token: mallory.token })).status, 404)
  assert.ok(!(await call('GET', '/v1/search?q=Secret', { token: mallory.token })).text.includes(secret.json.id))
})

onEachPlatform('F5 F6: nobody makes themselves more than they are', async (world) => {
  const { call } = world
  const eve = await world.person('Eve', 'admin')
  assert.equal((await call('POST', '/v1/users', { token: null, body: { name: 'x' } })).status, 401)
  assert.equal((await call('POST', '/v1/users', { token: eve.token, body: { name: 'x', isPlatformAdmin: true } })).status, 403)
  assert.equal((await call('PATCH', `/v1/users/${eve.id}`, { token: eve.token, body: { isPlatformAdmin: true } })).status, 403)
  for (const body of [
    { name: 'x', role: 'admin' },
    { name: 'x', isAdmin: true },
    { name: 'x', id: 'usr_1' },
    { name: 'x', state: 'active' },
  ])
    assert.equal((await call('POST', '/v1/users', { body })).status, 400, JSON.stringify(body))
  assert.equal((await call('POST', `/v1/users/${eve.id}/sign-in-link`, { token: eve.token })).status, 403)
  assert.equal((await call('PATCH', '/v1/settings', { token: eve.token, body: { publicVisibility: true } })).status, 403)
  assert.equal((await call('GET', '/v1/audit', { token: eve.token })).status, 403)
  for (const email of [['victim@example.org', 'me@example.org'], { $ne: null }, null, 1])
    assert.equal((await call('POST', '/v1/session', { token: null, body: { email, password: 'x' } })).status, 400)
  const other = await call('POST', '/v1/projects', { body: { name: 'Elsewhere' } })
  const into = await call('PUT', `/v1/projects/${other.json.id}/members/${eve.id}`, { token: eve.token, body: { role: 'admin' } })
  assert.equal(into.status, 404, 'a project admin has no say in another project')
})

onEachPlatform('F7 F8: no part of the address or header stands for a credential', async ({ raw, call }) => {
  const ask = (target: string, headers: string) =>
    raw(`GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${headers}\r\n`)
  for (const target of [
    '/v1/users?/webhooks/trigger',
    '/v1/users;/v1/health',
    '/v1/users?/v1/health',
    '/v1/users%3f/v1/health',
    '/v1/users#/v1/health',
    '/v1/users/../health',
  ]) {
    const reply = await ask(target, '')
    assert.match(reply, /^HTTP\/1\.1 (400|401|404)/, target)
  }
  for (const header of [
    'x-middleware-subrequest: middleware:middleware:middleware:middleware:middleware',
    'User-Agent: Nacos-Server',
    'X-Forwarded-User: admin',
    'Remote-User: admin',
    'X-Remote-User: admin',
    'X-Auth-Request-User: admin',
    'X-Original-URL: /v1/health',
    'X-Rewrite-URL: /v1/health',
    'X-HTTP-Method-Override: GET',
    'X-Forwarded-For: 127.0.0.1',
    'Authorization: Bearer',
    'Authorization: ',
    'Authorization: Bearer null',
    'Authorization: Bearer undefined',
  ])
    assert.match(await ask('/v1/users', `${header}\r\n`), /^HTTP\/1\.1 401/, header)
  assert.equal((await call('GET', '/v1/users')).status, 200)
})

onEachPlatform('F4 F9 F10 F11 F13: forged, borrowed and misplaced credentials are none', async (world) => {
  const { call, token, platform } = world
  const { auth } = platform.domains
  const { userId } = await auth.firstStart.ensure('x')
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const forgedJwt = `${part({ alg: 'none' })}.${part({ sub: userId, admin: true })}.`
  const cookie = await sessionCookie(world)
  const [cookieName, session] = cookie.split('=') as [string, string]
  const link = (await auth.signIn.makeLink(await auth.users.principal(userId), userId, 60_000)).secret
  const listed = (await call('GET', '/v1/tokens')).json.items[0]
  const bearer = (secret: string) => call('GET', '/v1/users', { token: null, headers: { authorization: `Bearer ${secret}` } })
  for (const secret of [
    forgedJwt,
    session,
    link,
    listed.id,
    userId,
    token.slice(0, -1),
    `${token}x`,
    token.toLowerCase(),
    `atoll_pat_${'0'.repeat(43)}_000000`,
  ])
    assert.equal((await bearer(secret)).status, 401, secret.slice(0, 20))
  for (const value of [token, forgedJwt, userId, link, `${session}x`, `s:${session}`, part({ user: userId })])
    assert.equal((await call('GET', '/v1/users', { token: null, headers: { cookie: `${cookieName}=${value}` } })).status, 401)
  assert.equal((await call('GET', '/v1/users', { token: null, headers: { cookie } })).status, 200)

  const scoped = await auth.tokens.create(await auth.users.principal(userId), {
    name: 's',
    scopes: ['datasets:read'],
    expiresInDays: 1,
  })
  assert.equal((await bearer(scoped.secret)).status, 403)
  const basic = (user: string, password: string) => `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
  const misplaced: Record<string, string>[] = [
    { authorization: basic(scoped.secret, 'x-oauth-basic') },
    { authorization: basic('x', scoped.secret) },
    { authorization: basic('admin', 'password1234') },
    { authorization: `token ${scoped.secret}` },
    { 'x-api-key': token },
    {
      'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
      authorization:
        'AWS4-HMAC-SHA256 Credential=minioadmin/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=00',
    },
  ]
  for (const headers of misplaced)
    assert.equal((await call('GET', '/v1/users', { token: null, headers })).status, 401, JSON.stringify(headers))
  for (const query of [
    `access_token=${token}`,
    `token=${token}`,
    `api_key=${token}`,
    'X-Amz-Credential=minioadmin&X-Amz-Signature=00',
  ])
    assert.equal((await call('GET', `/v1/users?${query}`, { token: null })).status, 401)
  // A wrong token is not overlooked because a good cookie is there too.
  assert.equal((await call('GET', '/v1/users', { token: null, headers: { cookie, authorization: 'Bearer wrong' } })).status, 401)
})

onEachPlatform('F12: disabling a person ends tokens, sessions and open streams at once', async (world) => {
  const { call, platform, server } = world
  const eve = await world.person('Eve', 'viewer')
  assert.equal((await call('GET', '/v1/session', { token: eve.token })).status, 200)
  const job = newId('job')
  const now = Date.now()
  await platform.metadata.db
    .insertInto('jobs')
    .values({
      id: job,
      project_id: world.project.id,
      owner_id: eve.id,
      name: 'x',
      visibility: 'team',
      description: '',
      tags: '[]',
      created_at: now,
      updated_at: now,
      kind: 'dataset.import',
      lane: 'x',
      state: 'queued',
      spec: '{}',
      cancel_requested: 0,
      attempt: 0,
      max_attempts: 3,
      crashes: 0,
      event_seq: 0,
      queued_at: now,
    })
    .execute()
  const stream = await fetch(`${server.url}/v1/jobs/${job}/events`, { headers: { authorization: `Bearer ${eve.token}` } })
  assert.equal(stream.status, 200)
  const ended = stream.text().then(
    () => 'ended',
    () => 'ended',
  )
  assert.equal((await call('PATCH', `/v1/users/${eve.id}`, { body: { state: 'disabled' } })).status, 200)
  assert.equal((await call('GET', '/v1/session', { token: eve.token })).status, 401)
  assert.equal(await Promise.race([ended, new Promise((resolve) => setTimeout(() => resolve('still open'), 2000))]), 'ended')
  assert.equal((await call('POST', `/v1/users/${eve.id}/sign-in-link`)).status, 403)
})

onEachPlatform('F17 F19: a page of another site changes nothing and reads nothing', async (world) => {
  const { call } = world
  const cookie = await sessionCookie(world)
  const made = async () => (await call('GET', '/v1/projects?limit=500')).json.items.length
  const before = await made()
  const body = JSON.stringify({ name: 'Made by evil' })
  const evil = { origin: 'https://evil.example', cookie }
  const attempts: [string, string, Record<string, string>][] = [
    ['POST', '/v1/projects', { ...evil, ...json }],
    ['POST', '/v1/projects', { cookie, 'sec-fetch-site': 'cross-site', ...json }],
    ['POST', '/v1/projects', { cookie, 'sec-fetch-site': 'same-site', ...json }],
    ['POST', '/v1/projects', { ...evil, 'sec-fetch-site': 'cross-site', 'content-type': 'text/plain' }],
    ['POST', '/v1/projects', { cookie, 'content-type': 'text/plain' }],
    ['POST', '/v1/projects', { cookie, 'content-type': 'application/x-www-form-urlencoded' }],
    ['POST', '/v1/projects', { cookie, origin: 'null', ...json }],
    ['POST', '/v1/projects', { cookie, origin: 'http://localhost:1', ...json }],
    ['DELETE', `/v1/projects/${world.project.id}`, { ...evil, 'sec-fetch-site': 'cross-site' }],
    ['POST', '/v1/session', { ...evil, ...json }],
  ]
  for (const [method, path, headers] of attempts) {
    const { status } = await call(method, path, { token: null, headers, ...(method === 'POST' && { body }) })
    assert.ok(status === 403 || status === 415, `${method} ${JSON.stringify(headers)}: ${status}`)
  }
  assert.equal(await made(), before)
  const read = await call('GET', '/v1/users', { token: null, headers: { ...evil } })
  const preflight = await call('OPTIONS', '/v1/users', {
    token: null,
    headers: { ...evil, 'access-control-request-method': 'GET' },
  })
  for (const { headers } of [read, preflight])
    for (const name of ['access-control-allow-origin', 'access-control-allow-credentials', 'access-control-allow-methods'])
      assert.equal(headers.get(name), null)
  const own = await call('POST', '/v1/projects', {
    token: null,
    body,
    headers: { cookie, origin: world.server.url, 'sec-fetch-site': 'same-origin' },
  })
  assert.equal(own.status, 201, 'our own page may')
})

onEachPlatform('F18: a name that somebody pointed at this machine is not answered', async ({ raw, port, token }) => {
  const ask = (host: string) =>
    raw(`GET /v1/users HTTP/1.1\r\n${host}Authorization: Bearer ${token}\r\nConnection: close\r\n\r\n`)
  for (const host of [
    'Host: evil.example\r\n',
    `Host: evil.example:${port}\r\n`,
    'Host: localhost.evil.example\r\n',
    'Host: 127.0.0.1.evil.example\r\n',
    'Host: \r\n',
    'Host: localhost@evil.example\r\n',
  ]) {
    const reply = await ask(host)
    assert.match(reply, /^HTTP\/1\.1 (400|403)/, host)
    assert.ok(!reply.includes('usr_'), host)
  }
  assert.match(await ask(''), /^HTTP\/1\.1 400/)
  assert.match(await ask('Host: localhost\r\nHost: evil.example\r\n'), /^HTTP\/1\.1 (200|400)/)
  assert.match(await ask(`Host: localhost:${port}\r\n`), /^HTTP\/1\.1 200/)
  assert.match(await raw(`GET /v1/users HTTP/1.0\r\nAuthorization: Bearer ${token}\r\n\r\n`), /^HTTP\/1\.1 (400|403)/)
})

onEachPlatform('F20: no socket is upgraded', async ({ raw, port }) => {
  for (const path of ['/', '/v1/jobs/x/events', '/?gatewayUrl=ws://evil.example']) {
    const reply = await raw(
      `GET ${path} HTTP/1.1\r\nHost: localhost:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nOrigin: https://evil.example\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n`,
      { waitMs: 500 },
    )
    assert.ok(!/^HTTP\/1\.1 101/.test(reply), reply.slice(0, 100))
  }
})

onEachPlatform('F21: guessing is slowed down, and does not tell who exists', async (world) => {
  const { call, platform } = world
  const { auth } = platform.domains
  const eve = await world.person('Eve', 'viewer')
  await call('PATCH', `/v1/users/${eve.id}`, { body: { email: 'eve@example.org' } })
  const session = await auth.signIn.byLink(
    (await auth.signIn.makeLink(await auth.users.principal(eve.id), eve.id, 60_000)).secret,
    'x',
  )
  await auth.signIn.setPassword(session.principal, { password: 'ochre tangled violin umbrella' }, 'x')

  const times: Record<string, number[]> = { 'eve@example.org': [], 'nobody@example.org': [] }
  const texts = new Set<string>()
  for (let i = 0; i < 4; i++)
    for (const email of Object.keys(times)) {
      const start = performance.now()
      const { status, text } = await call('POST', '/v1/session', {
        token: null,
        body: { email, password: `wrong password ${i}` },
      })
      times[email]?.push(performance.now() - start)
      assert.equal(status, 401)
      texts.add(text)
    }
  assert.equal(texts.size, 1, 'one answer for both')
  const fastest = Object.values(times).map((all) => Math.min(...all)) as [number, number]
  assert.ok(Math.max(...fastest) < 5 * Math.min(...fastest), `both do the same work: ${fastest}`)

  let let_in = 0
  let refused = 0
  for (let i = 0; i < 300; i++) {
    const { status, headers } = await call('POST', '/v1/session', {
      token: null,
      body: { email: 'eve@example.org', password: `guess ${i}` },
    })
    if (status === 429) {
      refused++
      assert.ok(Number(headers.get('retry-after')) >= 1)
    } else let_in++
  }
  assert.ok(let_in <= 10 && refused >= 290, `${let_in} guesses were looked at`)
})
