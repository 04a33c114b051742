/** Models that answer elsewhere, behind endpoints here: one Atoll is the outside of another. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { EndpointInput } from '../../src/domains/endpoints/schema.ts'
import { servingMigrations, servingWorld } from '../../src/domains/endpoints/testing.ts'
import { ExternalInput } from '../../src/domains/imports/external/schema.ts'
import { externalsService } from '../../src/domains/imports/external/service.ts'
import { openExternal } from '../../src/ports/external/open.ts'
import { openSqlite } from '../../src/ports/metadata/sqlite.ts'
import { openOutbound } from '../../src/ports/outbound/fetch-out.ts'
import { testSecrets } from '../../src/ports/secrets/testing.ts'
import { type OpenAiWorld, openAiWorld } from './openai-world.ts'

const timeout = 60_000
let outside: OpenAiWorld
let w: Awaited<ReturnType<typeof here>>
let allowed: string[] = []
/** Ports on this machine by the names that stand for the public network. */
const ports: Record<string, number> = {}
const addresses: Record<string, string> = {
  'models.example': '93.184.215.14',
  'odd.example': '93.184.215.15',
  'inner.example': '10.0.0.7',
}

async function here() {
  const metadata = openSqlite({ file: ':memory:' })
  await metadata.migrate(servingMigrations)
  const outbound = openOutbound({
    allowedHosts: async () => allowed,
    resolve: async (name) => [{ address: addresses[name] ?? '127.0.0.1' }],
    dial: (address) => ({ host: '127.0.0.1', port: ports[address] ?? 1 }),
  })
  // The service needs the world's registry, and the world the service: filled in below.
  const lent: { externals?: ReturnType<typeof externalsService> } = {}
  const world = await servingWorld(metadata, {
    externals: {
      openWriter: (folder) => lent.externals!.openWriter(folder),
      openEmbedder: (folder, width) => lent.externals!.openEmbedder(folder, width),
      openRows: (folder, signature) => lent.externals!.openRows(folder, signature),
    },
  })
  const { auth, events, blobs, files, registry } = world
  const externals = externalsService({
    metadata,
    access: auth.access,
    events,
    blobs,
    files,
    outbound,
    external: openExternal(outbound),
    secrets: testSecrets(metadata),
    registry,
  })
  lent.externals = externals
  const register = (input: object) => externals.register(world.by, ExternalInput.parse(input))
  return {
    ...world,
    metadata,
    register,
    deploy: (name: string) => world.endpoints.create(world.by, EndpointInput.parse({ name, model: name })),
    async close() {
      await world.endpoints.close()
      await world.done()
      await metadata.close()
    },
  }
}

before(async () => {
  outside = await openAiWorld({ allowedHosts: ['models.example'] })
  ports[addresses['models.example']!] = Number(new URL(outside.origin).port)
  w = await here()
})
after(async () => {
  await w.close()
  await outside.close()
})

const base = 'http://models.example'
const header = () => ({ name: 'authorization', value: `Bearer ${outside.token}` })
const letters = () => ({
  name: 'far-letters',
  url: `${base}/openai/v1`,
  protocol: 'openai',
  model: 'letters',
  task: 'generation',
  header: header(),
})

test('nothing is called until an administrator allows the host, and never an inner address', { timeout }, async () => {
  allowed = []
  await assert.rejects(w.register(letters()), { code: 'precondition_failed', message: /Outbound calls are off/ })
  allowed = ['models.example', 'inner.example', '127.0.0.1', 'localhost', '169.254.169.254']
  for (const url of [
    'http://other.example/v1',
    'http://inner.example/v1',
    'http://127.0.0.1:1/v1',
    'http://localhost/v1',
    'http://169.254.169.254/v1',
  ])
    await assert.rejects(w.register({ ...letters(), url }), { code: 'precondition_failed' }, url)
  for (const [change, field] of [
    [{ task: 'binary' }, 'task'],
    [{ protocol: 'http', task: 'regression' }, 'inputs'],
    [{ header: { name: 'host', value: 'x' } }, 'header.name'],
  ] as const)
    await assert.rejects(w.register({ ...letters(), ...change }), (error: any) => {
      assert.deepEqual([error.code, error.facts.field], ['invalid_input', field])
      return true
    })
  for (const url of ['file:///etc/passwd', 'gopher://models.example/', 'not a url'])
    assert.throws(() => ExternalInput.parse({ ...letters(), url }), url)
})

test('a language model elsewhere writes, streams, calls and is captured as one here', { timeout }, async () => {
  allowed = ['models.example']
  await assert.rejects(w.register({ ...letters(), header: { value: 'Bearer wrong' } }), {
    code: 'unavailable',
    message: /does not take the credentials/,
  })
  const version = await w.register(letters())
  assert.deepEqual([version.manifest.kind, version.manifest.trust], ['external', 'imported'])
  await w.deploy('far-letters')
  const said: [string, any][] = []
  const signal = new AbortController().signal
  const ask = (input: object) => w.endpoints.generate(w.by, 'far-letters', { input: input as never, signal, requestId: 'req_1' })
  for await (const { event, data } of await ask({ messages: [{ role: 'user', content: 'hi' }], maxTokens: 5 }))
    said.push([event, data])
  const [event, done] = said.pop()!
  assert.deepEqual([event, done.text, done.finishReason, done.tokens], ['done', 'abcde', 'length', { prompt: 21, generated: 5 }])
  assert.equal(said.map(([, { text }]) => text).join(''), 'abcde')
  const tools = [{ name: 'now' }]
  for await (const { event, data } of await ask({
    messages: [{ role: 'user', content: 'hi' }],
    tools,
    toolChoice: 'required',
    parallelCalls: false,
  }))
    if (event === 'done')
      assert.deepEqual(
        (data as any).calls.map((call: any) => [call.name, call.arguments]),
        [['now', '{}']],
      )
  const body = { rows: [{ prompt: 'x' }], generation: { maxTokens: 2, topLogprobs: 0 } }
  const whole = JSON.parse(
    await w.endpoints.predictText(w.by, 'far-letters', { body: () => body, text: JSON.stringify(body), requestId: 'req_2' }),
  )
  assert.equal(whole.predictions[0].text, 'yz')
  await assert.rejects(ask({ prompt: 'x', topK: 3 }), { code: 'invalid_input', message: /no "topK"/ })
  await assert.rejects(ask({ prompt: 'a'.repeat(9000) }), {
    code: 'invalid_input',
    message: /refused this: The prompt has 9000 tokens/,
  })
  assert.equal((await w.endpoints.listCaptures(w.by, 'far-letters', { limit: 9 })).items.length, 3)

  // A stop there when somebody leaves here.
  const leaving = new AbortController()
  const left = await w.endpoints.generate(w.by, 'far-letters', {
    input: { prompt: '=', maxTokens: 8000 },
    signal: leaving.signal,
    requestId: 'r',
  })
  for await (const { event, data } of left) {
    leaving.abort()
    if (event === 'done') assert.equal((data as any).finishReason, 'cancelled')
  }
  const begun = performance.now()
  for await (const _ of await ask({ prompt: 'x', maxTokens: 1 }));
  assert.ok(performance.now() - begun < 5000, 'the other model was freed')
  allowed = []
  await assert.rejects(ask({ prompt: 'x' }), { code: 'precondition_failed', message: /Outbound calls are off/ })
})

test('vectors and rows elsewhere are answered as ones here', { timeout }, async () => {
  allowed = ['models.example']
  await w.register({
    name: 'far-words',
    url: `${base}/openai/v1/`,
    protocol: 'openai',
    model: 'words',
    task: 'embedding',
    header: header(),
  })
  await w.deploy('far-words')
  const rows = async (name: string, rows: object[]) => {
    const body = { rows }
    return JSON.parse(
      await w.endpoints.predictText(w.by, name, { body: () => body, text: JSON.stringify(body), requestId: 'req_3' }),
    )
  }
  const { predictions } = await rows('far-words', [{ text: 'rain' }, { text: 'sun' }])
  assert.deepEqual(
    predictions.map((one: any) => one.vector),
    [
      [0, 1, 0, 0],
      [1, 0.25, -3, Math.fround(0.1)],
    ],
  )

  await w.register({
    name: 'far-numbers',
    url: `${base}/v1/endpoints/numbers/predict`,
    protocol: 'http',
    task: 'binary',
    classes: ['no', 'yes'],
    target: 'churn',
    inputs: [{ name: 'a' }, { name: 'b', nullable: false }, { name: 'state', type: 'category' }],
    header: header(),
  })
  await w.deploy('far-numbers')
  const [far] = (await rows('far-numbers', [{ a: 0.5, b: 1, state: 'OH' }])).predictions
  assert.ok(Math.abs(far.probabilities.yes - 1 / (1 + Math.exp(-2.5))) < 1e-6)
  assert.equal(far.label, 'yes')
})

test('the secret is in no version, audit line, table or package', { timeout }, async () => {
  allowed = ['models.example']
  const version = await w.register({ ...letters(), name: 'guarded' })
  const secret = outside.token
  assert.ok(!JSON.stringify(version).includes(secret))
  for (const table of ['audit', 'model_versions', 'secrets'] as never[])
    assert.ok(!JSON.stringify(await w.metadata.db.selectFrom(table).selectAll().execute()).includes(secret), table)
  const place = join(w.folder, 'laid')
  await w.files.makeFolder(w.folder, 'laid')
  await w.registry.layPackage(version.id, place)
  for (const name of readdirSync(place)) assert.ok(!readFileSync(join(place, name), 'utf8').includes(secret), name)
})

test('a server that answers oddly is answered for with a sentence, and its echo of the secret is not repeated', {
  timeout,
}, async () => {
  allowed = ['odd.example']
  const answers: [string, RequestListener, RegExp][] = [
    ['no JSON', (_, reply) => reply.end('<html>'), /ends before its end/],
    ['an event without sense', (_, reply) => reply.end('data: {{\n\n'), /no JSON/],
    ['a line without end', (_, reply) => reply.end(`data: ${'x'.repeat(3 * 2 ** 20)}`), /no end/],
    [
      'an echo',
      (request, reply) => reply.writeHead(500).end(`you said ${request.headers.authorization}`),
      /failed \(500\): you said …/,
    ],
    ['a redirect inwards', (_, reply) => reply.writeHead(307, { location: 'http://127.0.0.1/' }).end(), /not called/],
    ['a break', (_, reply) => reply.write('data: {"choices":[{"delta":{"content":"a"}}]}\n\n', () => reply.destroy()), /./],
    ['too often', (_, reply) => reply.writeHead(429, { 'retry-after': '7' }).end('{}'), /asked too often/],
    ['silence', () => {}, /did not answer in time|ended before|cannot be reached/],
  ]
  for (const [what, listener, message] of answers) {
    const server = createServer(listener)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    ports[addresses['odd.example']!] = (server.address() as AddressInfo).port
    try {
      await assert.rejects(
        w.register({
          ...letters(),
          name: 'odd',
          url: 'http://odd.example/v1',
          header: { value: 'Bearer my-secret' },
          timeoutSeconds: 1,
        }),
        (error: Error & { code: string }) => {
          assert.match(error.message, message, what)
          assert.doesNotMatch(error.message, /my-secret/, what)
          assert.ok(
            ['unavailable', 'precondition_failed', 'rate_limited', 'timeout'].includes(error.code),
            `${what}: ${error.code} ${error.message}`,
          )
          return true
        },
        what,
      )
    } finally {
      server.closeAllConnections()
      server.close()
    }
  }
})
