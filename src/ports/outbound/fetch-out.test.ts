import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { openOutbound } from './fetch-out.ts'
import { reachOf } from './public-address.ts'

const publicAddress = '93.184.215.14'

/** A server on this machine that stands for the public network. */
async function outside(
  listener: RequestListener,
  work: (net: { port: number; seen: IncomingMessage[] }) => Promise<void>,
): Promise<void> {
  const seen: IncomingMessage[] = []
  const server = createServer((request, reply) => {
    seen.push(request)
    listener(request, reply)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    await work({ port: (server.address() as AddressInfo).port, seen })
  } finally {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
}

const open = (port: number, { hosts = ['ok.example'], addresses = {} as Record<string, string[]> } = {}) =>
  openOutbound({
    allowedHosts: async () => hosts,
    resolve: async (name) => (addresses[name] ?? [publicAddress]).map((address) => ({ address })),
    dial: () => ({ host: '127.0.0.1', port }),
  })

const refused = { code: 'precondition_failed' }

test('is off until a host is allowed, and then reaches that host alone', async () => {
  await outside(
    (_request, reply) => reply.end('hello'),
    async ({ port, seen }) => {
      await assert.rejects(open(port, { hosts: [] }).fetchOut('http://ok.example/', { method: 'GET' }), /Outbound calls are off/)
      const out = open(port)
      assert.deepEqual(await out.fetchOut('http://ok.example/a?b=1', { method: 'POST', body: '{}' }), {
        status: 200,
        body: 'hello',
      })
      assert.equal(seen[0]?.headers.host, 'ok.example')
      for (const url of [
        'http://other.example/',
        'http://ok.example.evil.example/',
        'http://sub.ok.example/',
        'http://ok.example:8080/',
      ])
        await assert.rejects(out.fetchOut(url, { method: 'GET' }), refused, url)
      assert.equal(seen.length, 1)
    },
  )
})

test('no spelling of an inner address is reached, even when an administrator allowed it by mistake', async () => {
  await outside(
    (_request, reply) => reply.end('secret'),
    async ({ port, seen }) => {
      const spellings = [
        'http://169.254.169.254/latest/meta-data/',
        'http://2852039166/',
        'http://0xa9.0xfe.0xa9.0xfe/',
        'http://0177.0.0.1/',
        'http://127.1/',
        'http://2130706433/',
        'http://localhost./',
        'http://[::1]/',
        'http://[::ffff:a9fe:a9fe]/',
        'http://[::ffff:127.0.0.1]/',
        'http://[64:ff9b::7f00:1]/',
        'http://[fe80::1]/',
        'http://0.0.0.0/',
      ]
      for (const url of spellings) {
        const { hostname, host } = new URL(url)
        const out = open(port, { hosts: [hostname, host, 'localhost'], addresses: { localhost: ['127.0.0.1'] } })
        await assert.rejects(out.fetchOut(url, { method: 'GET' }), refused, url)
      }
      assert.equal(seen.length, 0)
    },
  )
})

test('a name with one inner address among its addresses is not reached, nor one that changes its mind', async () => {
  await outside(
    (_request, reply) => reply.end('secret'),
    async ({ port, seen }) => {
      const mixed = open(port, { addresses: { 'ok.example': [publicAddress, '10.0.0.5'] } })
      await assert.rejects(mixed.fetchOut('http://ok.example/', { method: 'GET' }), refused)
      let lookups = 0
      const dialled: string[] = []
      const rebinding = openOutbound({
        allowedHosts: async () => ['ok.example'],
        resolve: async () => [{ address: lookups++ === 0 ? publicAddress : '127.0.0.1' }],
        dial: (address) => {
          dialled.push(address)
          return { host: '127.0.0.1', port }
        },
      })
      await rebinding.fetchOut('http://ok.example/', { method: 'GET' })
      assert.deepEqual({ lookups, dialled }, { lookups: 1, dialled: [publicAddress] }, 'connects to the address that was tested')
      await assert.rejects(rebinding.fetchOut('http://ok.example/', { method: 'GET' }), refused)
      assert.equal(seen.length, 1)
    },
  )
})

test('every redirect is tested anew, and takes no secret along', async () => {
  const targets: Record<string, string> = {
    '/inner': 'http://127.0.0.1/secret',
    '/other': 'http://other.example/',
    '/file': 'file:///etc/passwd',
    '/loop': '/loop',
    '/fine': 'http://friend.example/landed',
  }
  await outside(
    (request, reply) => {
      const location = targets[request.url ?? '']
      if (location) reply.writeHead(302, { location }).end()
      else reply.end(`at ${request.url}`)
    },
    async ({ port, seen }) => {
      const out = open(port, { hosts: ['ok.example', 'friend.example', '127.0.0.1'] })
      for (const path of ['/inner', '/other', '/file', '/loop'])
        await assert.rejects(out.fetchOut(`http://ok.example${path}`, { method: 'GET' }), refused, path)
      const before = seen.length
      const init = { method: 'POST', headers: { authorization: 'Bearer secret' }, body: '{}' }
      assert.deepEqual(await out.fetchOut('http://ok.example/fine', init), { status: 200, body: 'at /landed' })
      const landed = seen[before + 1]
      assert.deepEqual([landed?.method, landed?.headers.authorization], ['GET', undefined])
    },
  )
})

test('odd addresses are refused before anything is looked up', async () => {
  const out = openOutbound({
    allowedHosts: async () => ['ok.example', '127.0.0.1'],
    resolve: () => assert.fail('looked up'),
  })
  for (const url of [
    'http://ok.example\\@127.0.0.1/',
    'http://user:pw@ok.example/',
    'file:///etc/passwd',
    'gopher://ok.example/',
    'http://ok.example/\nHost: x',
    'nonsense',
    '',
  ])
    await assert.rejects(out.fetchOut(url, { method: 'GET' }), refused, url)
})

test('a slow or endless reply ends', async () => {
  await outside(
    (request, reply) => {
      if (request.url === '/slow') return
      reply.writeHead(200)
      const pump = () => {
        while (reply.write(Buffer.alloc(65_536)));
        reply.once('drain', pump)
      }
      pump()
    },
    async ({ port }) => {
      const out = open(port)
      await assert.rejects(out.fetchOut('http://ok.example/slow', { method: 'GET', timeoutMs: 100 }), { code: 'timeout' })
      await assert.rejects(out.fetchOut('http://ok.example/endless', { method: 'GET' }), { code: 'too_large' })
    },
  )
})

test('addresses are judged by their bytes', () => {
  for (const address of [
    '127.0.0.1',
    '0.0.0.0',
    '169.254.169.254',
    '100.64.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '::1',
    '::',
    'fe80::1',
    '::ffff:127.0.0.1',
    '0:0:0:0:0:ffff:7f00:1',
    '64:ff9b::1',
    '2002:7f00:1::',
    'ff02::1',
    'nonsense',
  ])
    assert.equal(reachOf(address), 'never', address)
  for (const address of ['10.1.2.3', '172.31.0.1', '192.168.1.1', 'fd00::1', '::ffff:10.0.0.1'])
    assert.equal(reachOf(address), 'private', address)
  for (const address of ['93.184.215.14', '172.32.0.1', '2606:4700::1111', '::ffff:8.8.8.8'])
    assert.equal(reachOf(address), 'public', address)
})

test('a large reply is read as it comes, after redirects that are tested like the first address', async () => {
  await outside(
    (request, reply) => {
      if (request.url === '/file') reply.writeHead(302, { location: 'http://store.example/blob' }).end()
      else if (request.url === '/away') reply.writeHead(302, { location: 'http://other.example/blob' }).end()
      else reply.writeHead(200, { etag: '"x"' }).end(Buffer.alloc(3 << 20, 7))
    },
    async ({ port, seen }) => {
      const out = open(port, { hosts: ['ok.example', 'store.example'] })
      const signal = AbortSignal.timeout(10_000)
      const { status, headers, body } = await out.downloadOut('http://ok.example/file', {
        signal,
        headers: { authorization: 'x' },
      })
      let bytes = 0
      for await (const piece of body) bytes += (piece as Buffer).length
      assert.deepEqual([status, headers.etag, bytes], [200, '"x"', 3 << 20])
      assert.equal(seen[1]?.headers.authorization, undefined)
      await assert.rejects(out.downloadOut('http://ok.example/away', { signal }), /other.example is not called: it is not among/)
      await out.requireAllowed('http://ok.example/anything')
      await assert.rejects(out.requireAllowed('http://other.example/'), refused)
      await assert.rejects(open(port, { hosts: [] }).requireAllowed('http://ok.example/'), /Outbound calls are off/)
    },
  )
})
