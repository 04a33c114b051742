/** H: exhaustion. A hostile request costs its sender something and others nothing. */
import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { onEachPlatform, type World } from '../platform-world.ts'

async function stillWell({ call }: World): Promise<void> {
  const start = performance.now()
  assert.equal((await call('GET', '/v1/health', { token: null })).status, 200)
  assert.ok(performance.now() - start < 2000, 'answers others quickly')
}

onEachPlatform('H1: every number and length is capped before anything is made of it', async (world) => {
  const { call } = world
  for (const query of ['limit=1000000', 'limit=-1', 'limit=1e308', 'limit=NaN', 'limit=0x10000'])
    assert.equal((await call('GET', `/v1/experiments?${query}`)).status, 400, query)
  const long = 'a'.repeat(900_000)
  for (const body of [
    { name: long },
    { name: 'x', description: long },
    { name: 'x', tags: Array(10_000).fill('t') },
    { name: 'x', tags: [long] },
  ])
    assert.equal((await call('POST', '/v1/experiments', { body })).status, 400)
  assert.equal((await call('POST', '/v1/experiments', { body: { name: 'x', description: 'a'.repeat(3_000_000) } })).status, 413)
  assert.equal((await call('GET', `/v1/search?q=${'a'.repeat(201)}`)).status, 400)
  assert.ok((await call('GET', `/v1/users?${'a=1&'.repeat(3000)}`)).status >= 400)
  assert.equal((await call('POST', '/v1/tokens', { body: { name: 'x', expiresInDays: 1e9 } })).status, 400)
  await stillWell(world)
})

onEachPlatform('H2: calls without the body they need end themselves and nothing else', async (world) => {
  const { platform, raw, port, token } = world
  for (const { method, path } of platform.routes.filter((route) => route.method !== 'GET')) {
    const target = path.replace(/:\w+|\*$/g, 'absent')
    for (const extra of ['', 'Content-Type: application/json\r\n', 'Content-Length: 0\r\nContent-Type: application/json\r\n']) {
      const reply = await raw(
        `${method} ${target} HTTP/1.1\r\nHost: localhost:${port}\r\nAuthorization: Bearer ${token}\r\n${extra}Connection: close\r\n\r\n`,
      )
      assert.match(reply, /^HTTP\/1\.1 [24]\d\d/, `${method} ${path} ${JSON.stringify(extra)}: ${reply.slice(0, 300)}`)
    }
  }
  await stillWell(world)
})

onEachPlatform('H3: a body in a million tiny pieces is refused early', async (world) => {
  const { raw, port, token } = world
  const head = `POST /v1/experiments HTTP/1.1\r\nHost: localhost:${port}\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`
  const before = process.memoryUsage().rss
  const reply = await raw(head + '1\r\na\r\n'.repeat(1_000_000), { waitMs: 8000 })
  assert.match(reply, /^HTTP\/1\.1 4\d\d/)
  assert.ok(process.memoryUsage().rss - before < 300e6, 'memory stays bounded')
  await stillWell(world)
})

onEachPlatform('H6: errors tell nothing of the inside', async (world) => {
  const { platform, call } = world
  const inside = /node_modules|\/src\/|\.ts:\d|at async|SQLITE|sqlite3|postgres|select .* from|kysely|atoll-world|0x[0-9a-f]{6}/i
  for (const { method, path, body } of platform.routes) {
    const target = path.replace(/:\w+|\*$/g, "x'")
    const { text } = await call(method, target, { ...(body && body !== 'bytes' && { body: { name: 1, rows: "'" } }) })
    if (!/\/v1\/status/.test(path) && text.startsWith('{"error"'))
      assert.ok(!inside.test(text.replace(target, '')), `${method} ${path}: ${text.slice(0, 300)}`)
  }
  for (const garbage of [
    'GET / HTTP/9.9\r\n\r\n',
    'GARBAGE\r\n\r\n',
    '\x16\x03\x01\x02\x00',
    `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'a'.repeat(100_000)}\r\n\r\n`,
  ])
    assert.match(await world.raw(garbage, { waitMs: 1000 }), /^HTTP\/1\.1 4\d\d/)
})

onEachPlatform('H7: nesting without end is refused', async (world) => {
  for (const body of [
    '['.repeat(1_000_000),
    '{"a":'.repeat(150_000),
    `{"name":"x","description":"y","tags":${'['.repeat(5000)}${']'.repeat(5000)}}`,
  ])
    assert.ok([400, 413].includes((await world.call('POST', '/v1/experiments', { body })).status))
  const deepMetrics = `{"parameters":${'{"a":'.repeat(100)}1${'}'.repeat(100)},"experiment":"x"}`
  assert.equal((await world.call('POST', '/v1/runs', { body: deepMetrics })).status, 400)
  await stillWell(world)
})

onEachPlatform('H9: half a thousand connections that send nothing more do not keep others waiting', async (world) => {
  const { port, token } = world
  const sockets: Socket[] = []
  const open = (text: string) =>
    new Promise<void>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.write(text)
        resolve()
      })
      socket.on('error', () => {})
      sockets.push(socket)
    })
  try {
    for (let i = 0; i < 250; i++) {
      await open('GET /v1/health HTTP/1.1\r\nHost: loc')
      await open(
        `POST /v1/experiments HTTP/1.1\r\nHost: localhost:${port}\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"name"`,
      )
    }
    for (let i = 0; i < 20; i++) await stillWell(world)
    assert.equal((await world.call('POST', '/v1/experiments', { body: { name: 'in between' } })).status, 201)
  } finally {
    for (const socket of sockets) socket.destroy()
  }
})

onEachPlatform('H4: dear questions from one person wait for each other, not others for them', async (world) => {
  const { call } = world
  const eve = await world.person('Eve', 'viewer')
  const asked = Array.from({ length: 60 }, (_, i) =>
    Promise.all([
      call('GET', `/v1/search?q=${'%25_'.repeat(30)}${i}`, { token: eve.token }),
      call('GET', `/v1/runs?filter=${encodeURIComponent(Array(40).fill("params.a != 'x'").join(' and '))}&limit=500`, {
        token: eve.token,
      }),
      call('GET', `/v1/jobs?limit=500&kind=${'x'.repeat(100)}`, { token: eve.token }),
    ]),
  )
  for (let i = 0; i < 5; i++) await stillWell(world)
  for (const replies of await Promise.all(asked)) for (const { status, text } of replies) assert.ok(status < 500, text)
})

onEachPlatform('H5: keys that collide, and very many of them, cost no more than others', async (world) => {
  const { call } = world
  const fields = (make: (i: number) => string) =>
    `{"name":"x",${Array.from({ length: 20_000 }, (_, i) => `"${make(i)}":1`).join(',')}}`
  for (const body of [
    fields((i) => String(i * 65_536)),
    fields((i) => [...i.toString(2).padStart(16, '0')].map((bit) => (bit === '1' ? 'Aa' : 'BB')).join('')),
  ]) {
    const started = performance.now()
    assert.equal((await call('POST', '/v1/experiments', { body })).status, 400)
    assert.ok(performance.now() - started < 3000)
  }
  const query = Array.from({ length: 1000 }, (_, i) => `k${i}=1`).join('&')
  assert.ok((await call('GET', `/v1/users?${query}`)).status >= 400)
  await stillWell(world)
})

onEachPlatform('event streams are bounded by person, and idle ones do not slow others down', async (world) => {
  const { server, call, platform, project } = world
  const job = 'job_00000000000000000000000000'
  const now = Date.now()
  const { id: owner } = (await call('GET', '/v1/session')).json.user
  await platform.metadata.db
    .insertInto('jobs')
    .values({
      ...{ id: job, project_id: project.id, owner_id: owner, name: 'x', visibility: 'team', description: '', tags: '[]' },
      ...{ created_at: now, updated_at: now, queued_at: now, kind: 'none', lane: 'x', state: 'queued', spec: '{}' },
      ...{ cancel_requested: 0, attempt: 0, max_attempts: 3, crashes: 0, event_seq: 0 },
    })
    .execute()
  const eve = await world.person('Eve', 'viewer')
  const stop = new AbortController()
  const follow = (token: string) =>
    fetch(`${server.url}/v1/jobs/${job}/events`, { headers: { authorization: `Bearer ${token}` }, signal: stop.signal })
  try {
    // Kept: a reply that nobody holds is collected, and its connection closed.
    const replies: Response[] = []
    for (let i = 0; i < 210; i += 30) replies.push(...(await Promise.all(Array.from({ length: 30 }, () => follow(eve.token)))))
    const answered = (status: number) => replies.filter((reply) => reply.status === status).length
    assert.deepEqual([answered(200), answered(429)], [200, 10])
    assert.equal((await follow(world.token)).status, 200, 'somebody else still may')
    for (let i = 0; i < 10; i++) await stillWell(world)
  } finally {
    stop.abort()
  }
})
