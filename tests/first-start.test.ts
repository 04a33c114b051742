import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openWorld } from './platform-world.ts'

const main = join(import.meta.dirname, '..', 'src', 'main.ts')

async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'atoll-start-'))
  try {
    await work(join(folder, 'data'))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** The server as its own process; resolves with the first line it prints, or what it said when it ended. */
function up(
  data: string,
  flags: string[] = [],
  env: Record<string, string> = {},
): Promise<{ child: ChildProcess; line: string | null; said: string; code: number | null }> {
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', main, 'up', '--port', '0', '--data', data, '--json', ...flags],
    {
      env: { ...process.env, ATOLL_LOG: 'error', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  let printed = ''
  let said = ''
  child.stderr.on('data', (piece) => {
    said += piece
  })
  return new Promise((resolve) => {
    child.stdout.on('data', (piece) => {
      printed += piece
      if (printed.includes('\n')) resolve({ child, line: printed, said, code: null })
    })
    child.on('exit', (code) => resolve({ child, line: null, said, code }))
  })
}

async function stop(child: ChildProcess): Promise<number | null> {
  const ended = new Promise<number | null>((resolve) => child.on('exit', resolve))
  child.kill('SIGTERM')
  return ended
}

test('the first start makes one administrator, without a password, behind one link that is private and works once', async () => {
  await withFolder(async (data) => {
    const first = await up(data)
    assert.ok(first.line, first.said)
    const printed = JSON.parse(first.line)
    assert.deepEqual(Object.keys(printed).sort(), ['token', 'url'])
    const { url, token } = printed as { url: string; token: string }
    assert.match(url, /^http:\/\/127\.0\.0\.1:\d+$/)
    const call = (method: string, path: string, init: RequestInit = {}) => fetch(url + path, { method, ...init })
    const users = await (await call('GET', '/v1/users', { headers: { authorization: `Bearer ${token}` } })).json()
    assert.deepEqual(
      users.items.map((user: any) => [user.state, user.isPlatformAdmin]),
      [['invited', true]],
    )

    for (const name of await readdir(data)) assert.equal((await stat(join(data, name))).mode & 0o077, 0, `${name} is private`)
    const link = (await readFile(join(data, 'sign-in-link.txt'), 'utf8')).trim()
    const secret = link.split('#link=')[1]
    const signIn = () =>
      call('POST', '/v1/session', { headers: { 'content-type': 'application/json' }, body: JSON.stringify({ link: secret }) })

    assert.equal(await stop(first.child), 0, 'a stop in order')
    const second = await up(data)
    const again = (await readFile(join(data, 'sign-in-link.txt'), 'utf8')).trim()
    assert.notEqual(again.split('#link=')[1], secret, 'a restart makes a new link')
    const later = JSON.parse(second.line ?? '') as { url: string }
    const signInLater = (text: string | undefined) =>
      fetch(`${later.url}/v1/session`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ link: text }),
      })
    assert.equal((await signInLater(secret)).status, 401, 'the old link stopped working')
    const asked = await fetch(`${later.url}/v1/users`, { headers: { authorization: `Bearer ${token}` } })
    assert.equal(asked.status, 401, 'the token of a server that stopped opens nothing')
    assert.equal((await signInLater(again.split('#link=')[1])).status, 201)
    assert.equal((await signInLater(again.split('#link=')[1])).status, 401, 'once')
    await assert.rejects(signIn, 'the first server is gone')
    await stop(second.child)

    const third = await up(data)
    assert.ok(third.line)
    await assert.rejects(readFile(join(data, 'sign-in-link.txt')), { code: 'ENOENT' }, 'no link once somebody is in charge')
    await stop(third.child)
  })
})

test('does not open the door beyond this machine without TLS, nor before an administrator has signed in', async () => {
  await withFolder(async (data) => {
    const plain = await up(data, ['--host', '0.0.0.0'])
    assert.equal(plain.code, 1)
    assert.match(plain.said, /without TLS/)
    const unattended = await up(data, ['--host', '0.0.0.0'], { ATOLL_TRUSTED_PROXIES: '127.0.0.1' })
    assert.equal(unattended.code, 1)
    assert.match(unattended.said, /before an administrator has signed in/)
    const wrong = await up(data, ['--nonsense'])
    assert.equal(wrong.code, 2)
  })
})

test('nobody gets in with what is known in advance', async () => {
  const world = await openWorld('sqlite')
  try {
    for (const [name, password] of [
      ['admin', 'password1234'],
      ['admin', 'admin'],
      ['minioadmin', 'minioadmin'],
      ['admin@example.org', 'changeme'],
      ['root', 'root'],
    ] as const) {
      const basic = Buffer.from(`${name}:${password}`).toString('base64')
      assert.equal(
        (await world.call('GET', '/v1/users', { token: null, headers: { authorization: `Basic ${basic}` } })).status,
        401,
      )
      assert.equal((await world.call('POST', '/v1/session', { token: null, body: { email: name, password } })).status, 401)
    }
  } finally {
    await world.close()
  }
})

test('a server that starts and stops in order says nothing on the side: no warning, no deprecation', async () => {
  await withFolder(async (data) => {
    const child = spawn(process.execPath, [main, 'up', '--port', '0', '--data', data, '--json'], {
      env: { ...process.env, NODE_OPTIONS: '', NODE_PENDING_DEPRECATION: '1', ATOLL_LOG: 'warn' },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let said = ''
    child.stderr.on('data', (piece) => {
      said += piece
    })
    const printed: string = await new Promise((resolve) => child.stdout.once('data', (piece) => resolve(String(piece))))
    const { url, token } = JSON.parse(printed.split('\n', 1)[0]!) as { url: string; token: string }
    for (const path of ['/', '/docs', '/openapi.json', '/v1/status', '/v1/jobs', '/absent'])
      await fetch(url + path, { headers: { authorization: `Bearer ${token}` } })
    assert.equal(await stop(child), 0)
    assert.equal(said, '')
  })
})

test('a port that is taken, a port that is none, a folder that is a file: one sentence each, no stack', async () => {
  await withFolder(async (data) => {
    const first = await up(data)
    assert.ok(first.line, first.said)
    try {
      const { port } = new URL((JSON.parse(first.line) as { url: string }).url)
      const file = join(data, 'sign-in-link.txt')
      const said = async (...flags: string[]) => {
        const refused = await up(`${data}-other`, flags)
        assert.equal(refused.line, null)
        assert.equal(refused.code, 1)
        assert.equal(refused.said.trim().split('\n').length, 1, refused.said)
        return refused.said
      }
      assert.match(await said('--port', port), new RegExp(`^Port ${port} on 127.0.0.1 is taken`))
      assert.match(await said('--port', 'seven'), /^The port must be a whole number between 0 and 65535/)
      assert.match(await said('--host', '10.255.255.254'), /^Refusing to listen on 10.255.255.254 without TLS/)
      assert.match(await said('--data', file), /^The system refused: .*sign-in-link.txt/)
    } finally {
      await stop(first.child)
    }
  })
})
