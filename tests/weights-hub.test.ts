import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { AtollError, createAtoll } from '../sdk/src/index.ts'
import { fromHub } from '../src/domains/weights/from-hub.ts'
import { openFilesystemBlobs } from '../src/ports/blobs/filesystem.ts'
import { openOutbound } from '../src/ports/outbound/fetch-out.ts'
import { openWorld } from './platform-world.ts'

const commit = 'f'.repeat(39) + '1'
const weights = Buffer.alloc(1 << 16, 5)
const sha256 = createHash('sha256').update(weights).digest('hex')
const folder = await mkdtemp(join(tmpdir(), 'atoll-hub-'))
const blobs = await openFilesystemBlobs({ root: join(folder, 'blobs') })

let siblings: object[] = []
let port = 0
/** A server that speaks the file API of hubs: a revision to its commit, small files at once, large ones by a redirect to the store. */
const server = createServer((request, reply) => {
  const json = (value: object) => reply.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value))
  const { url = '' } = request
  if (url.startsWith('/api/models/org/tiny/revision/main'))
    return json({ sha: commit, siblings, cardData: { license: 'apache-2.0' }, tags: ['license:mit'] })
  if (url.startsWith('/api/models/org/gated/')) return reply.writeHead(401).end()
  if (url === `/org/tiny/resolve/${commit}/model.safetensors`)
    return reply.writeHead(302, { location: `http://store.example/blobs/${sha256}` }).end()
  if (url === `/blobs/${sha256}`) return reply.end(weights)
  if (url === `/org/tiny/resolve/${commit}/config.json`) return reply.end('{"model_type":"bert"}')
  reply.writeHead(404).end()
})
before(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  port = (server.address() as AddressInfo).port
})
after(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  await rm(folder, { recursive: true, force: true })
})

const listed = (more: object[] = []) => [
  { rfilename: 'config.json', size: 21 },
  { rfilename: 'model.safetensors', size: weights.length, lfs: { sha256 } },
  { rfilename: 'pytorch_model.bin', size: 10 },
  { rfilename: 'modeling.py', size: 10 },
  { rfilename: '../outside.json', size: 10 },
  ...more,
]
function fetched(list: object[], source: object = {}, hosts = ['hub.example', 'store.example']) {
  siblings = list
  const outbound = openOutbound({
    allowedHosts: async () => hosts,
    resolve: async () => [{ address: '93.184.215.14' }],
    dial: () => ({ host: '127.0.0.1', port }),
  })
  const from = { repository: 'org/tiny', revision: 'main', address: 'http://hub.example', ...source }
  return fromHub({ blobs, outbound }, from, { signal: AbortSignal.timeout(10_000), progress: () => {} })
}

test('a repository comes from the commit that its revision stands for, with its licence, through the redirect of large files', async () => {
  const { files, notes, licence, provenance } = await fetched(listed())
  assert.deepEqual(
    files.map(({ path, sizeBytes }) => [path, sizeBytes]),
    [
      ['config.json', 21],
      ['model.safetensors', weights.length],
    ],
  )
  assert.equal(files[1]!.sha256, sha256)
  assert.equal(licence, 'apache-2.0')
  const { fetchedAt, ...rest } = provenance!
  assert.ok(Math.abs(Date.parse(fetchedAt) - Date.now()) < 60_000)
  assert.deepEqual(rest, {
    hub: 'http://hub.example',
    repository: 'org/tiny',
    revision: 'main',
    commit,
    page: 'http://hub.example/org/tiny',
  })
  assert.match(notes.join(), /Not fetched: "pytorch_model.bin", "modeling.py", "..\/outside.json"/)
})

test('what is not as the hub lists it, not there, or not for strangers is refused in a sentence', async () => {
  const wrong = [{ rfilename: 'model.safetensors', size: weights.length, lfs: { sha256: 'a'.repeat(64) } }]
  await assert.rejects(fetched(wrong), /sha|declared|expected|bytes/i)
  await assert.rejects(fetched([{ rfilename: 'model.safetensors', size: 7 }]), /larger|bytes/)
  await assert.rejects(
    fetched([{ rfilename: 'gone.safetensors', size: 7 }]),
    /the file "gone.safetensors" that it lists is not there/,
  )
  await assert.rejects(fetched([{ rfilename: 'config.json', size: 21 }]), /holds no weights/)
  await assert.rejects(fetched([], { repository: 'org/none' }), /There is no repository of models at the hub "org\/none"/)
  await assert.rejects(fetched([], { repository: 'org/gated' }), /does not give "org\/gated" to strangers/)
  await assert.rejects(fetched(listed(), {}, ['hub.example']), /store.example is not called: it is not among the hosts/)
})

test('offline a hub is refused at once, with the way that is left', async () => {
  const world = await openWorld('sqlite')
  try {
    const atoll = createAtoll({ url: world.server.url, token: world.token })
    const asked = atoll.weights.create({ name: 'tiny', source: { hub: { repository: 'org/tiny' } } })
    await assert.rejects(asked, (error) => {
      assert.ok(error instanceof AtollError)
      assert.match(error.message, /Outbound calls are off.*download its folder on a machine that may and add that/)
      return error.code === 'precondition_failed'
    })
    assert.deepEqual((await atoll.weights.list({})).items, [])
  } finally {
    await world.close()
  }
})
