/** Requests that are answered later: the answer of /predict, once, whatever happens in between; for nobody else; told by a signed webhook. */
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { invocationsService } from '../src/domains/transforms/invocations/service.ts'
import { type ModelWorld, modelWorld } from './model-world.ts'

const rows = [
  { a: 1, b: 2, state: 'OH' },
  { a: -1, b: 0, state: null },
]

async function inWorld(kind: 'sqlite' | 'postgres', work: (w: ModelWorld) => Promise<void>) {
  const w = await modelWorld({}, kind)
  try {
    await w.register('churn')
    await w.ask('POST', '/v1/endpoints', { name: 'live', model: 'churn', capture: { share: 1 } })
    await work(w)
  } finally {
    await w.close()
  }
}

const send = async (w: ModelWorld, body: unknown, query = '', headers: Record<string, string> = {}, token = w.token) => {
  const response = await fetch(`${w.server.url}/v1/endpoints/live/invocations${query}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
  return { status: response.status, json: (await response.json()) as any }
}

async function over(w: ModelWorld, id: string, ms = 15_000): Promise<any> {
  for (const until = Date.now() + ms; Date.now() < until; await new Promise((resolve) => setTimeout(resolve, 30))) {
    const one = await w.ask('GET', `/v1/invocations/${id}`)
    if (one.state !== 'queued' && one.state !== 'running') return one
  }
  throw new Error(`${id} is not over`)
}

test(
  'what /predict answers is answered later, once for a key, and captured under the id of the invocation',
  { timeout: 60_000 },
  () =>
    inWorld('sqlite', async (w) => {
      await w.platform.startServing()
      const first = await send(w, { rows }, '', { 'idempotency-key': 'one' })
      assert.equal(first.status, 202)
      assert.equal(first.json.statusUrl, `/v1/invocations/${first.json.id}`)
      const done = await over(w, first.json.id)
      assert.equal(done.state, 'succeeded', JSON.stringify(done.failure))
      const now = await w.ask('POST', '/v1/endpoints/live/predict', { rows })
      const without = (predictions: any[]) => predictions.map(({ id: _, ...rest }) => rest)
      assert.deepEqual(without(done.result.predictions), without(now.predictions))
      assert.deepEqual(
        done.result.predictions.map(({ id }: any) => id),
        [`${done.id}.0`, `${done.id}.1`],
      )
      assert.deepEqual(await w.ask('GET', `/v1/invocations/${done.id}/result`), done.result)
      const again = await send(w, { rows }, '', { 'idempotency-key': 'one' })
      assert.equal(again.json.id, done.id)
      const other = await send(w, { rows: [rows[0]] }, '', { 'idempotency-key': 'one' })
      assert.equal(other.status, 409)
      const list = await w.ask('GET', '/v1/endpoints/live/invocations')
      assert.equal(list.items.length, 1)
      // What is wrong with the body is no fault that another attempt would mend.
      for (const [body, words] of [
        [{ rows: [{ a: 'x', b: 1, state: 'OH' }] }, /Row 0, column "a"/],
        ['{"rows"', /not valid JSON/],
        [{ rows: [{ a: 1 }] }, /lacks the column "b"/],
      ] as const) {
        const refused = await over(w, (await send(w, body)).json.id)
        assert.equal(refused.state, 'failed')
        assert.equal(refused.attempt, 1)
        assert.match(refused.failure.message, words)
      }
      assert.equal((await send(w, '')).status, 400)
    }),
)

test('an invocation whose process died is answered by another, and the dead one says nothing any more', { timeout: 60_000 }, () =>
  inWorld('sqlite', async (w) => {
    const { db } = w.platform.metadata
    const { json } = await send(w, { rows })
    // As a process that was killed left it: taken, and its lease not renewed.
    await db
      .updateTable('invocations')
      .set({ state: 'running', attempt: 1, worker: 'gone', lease_until: Date.now() + 3_600_000 })
      .where('id', '=', json.id)
      .execute()
    await w.platform.startServing()
    const done = await over(w, json.id)
    assert.deepEqual([done.state, done.attempt], ['succeeded', 2])
    const late = await db
      .updateTable('invocations')
      .set({ state: 'failed' })
      .where('id', '=', json.id)
      .where('attempt', '=', 1)
      .where('state', '=', 'running')
      .executeTakeFirst()
    assert.equal(Number(late.numUpdatedRows), 0)
  }),
)

test(
  'one that waits too long expires, a stopped endpoint is waited for, and a cancelled one is over at once',
  { timeout: 60_000 },
  () =>
    inWorld('sqlite', async (w) => {
      const late = await send(w, { rows }, '?expiresInSeconds=1')
      const waits = await send(w, { rows })
      const ended = await send(w, { rows })
      assert.equal((await w.ask('POST', `/v1/invocations/${ended.json.id}/cancel`)).state, 'cancelled')
      assert.equal((await w.call('POST', `/v1/invocations/${ended.json.id}/cancel`)).status, 412)
      await w.ask('PATCH', '/v1/endpoints/live', { running: false })
      assert.equal((await send(w, { rows })).status, 412)
      await new Promise((resolve) => setTimeout(resolve, 1100))
      await w.platform.startServing()
      assert.equal((await over(w, late.json.id)).state, 'expired')
      for (const until = Date.now() + 5000; Date.now() < until; await new Promise((resolve) => setTimeout(resolve, 30)))
        if (/is stopped/.test((await w.ask('GET', `/v1/invocations/${waits.json.id}`)).waiting ?? '')) break
      await w.ask('PATCH', '/v1/endpoints/live', { running: true })
      await w.platform.metadata.db.updateTable('invocations').set({ due_at: 0 }).where('id', '=', waits.json.id).execute()
      const done = await over(w, waits.json.id)
      assert.equal(done.state, 'succeeded')
      const queue = await w.ask('PUT', '/v1/endpoints/live/queue', { concurrency: 1, keepDays: 2 })
      assert.deepEqual([queue.concurrency, queue.keepDays, queue.waiting, queue.running], [1, 2, 0, 0])
    }),
)

test('nobody else sees an invocation, asks about it or ends it', { timeout: 60_000 }, () =>
  inWorld('sqlite', async (w) => {
    const viewer = await w.person('Vera', 'viewer')
    const other = await w.person('Otto', 'viewer')
    const { json } = await send(w, { rows }, '', {}, viewer.token)
    for (const [method, path] of [
      ['GET', ''],
      ['GET', '/result'],
      ['POST', '/cancel'],
    ] as const)
      assert.equal((await w.call(method, `/v1/invocations/${json.id}${path}`, { token: other.token })).status, 404)
    assert.equal((await w.call('GET', `/v1/invocations/${json.id}`, { token: viewer.token })).status, 200)
    assert.equal((await w.call('GET', '/v1/endpoints/live/invocations', { token: other.token })).json.items.length, 0)
    assert.equal((await w.call('PUT', '/v1/endpoints/live/queue', { token: viewer.token, body: {} })).status, 403)
    assert.equal((await w.call('POST', '/v1/endpoints/live/queue/secret', { token: viewer.token })).status, 403)
    assert.equal((await w.call('GET', `/v1/invocations/${'inv_'.padEnd(30, '0')}`)).status, 404)
    const hook = await send(w, { rows }, '?webhook=https://hooks.example.org/done')
    assert.match(JSON.stringify(hook.json), /has no secret/)
    await w.ask('POST', '/v1/endpoints/live/queue/secret')
    const blocked = await send(w, { rows }, '?webhook=https://hooks.example.org/done')
    assert.deepEqual([blocked.status, blocked.json.error.code], [412, 'precondition_failed'])
  }),
)

test('a webhook tells the end, signed with the secret of the queue, and is tried again', { timeout: 60_000 }, () =>
  inWorld('sqlite', async (w) => {
    const { platform } = w
    const { metadata, blobs, domains } = platform
    const calls: { url: string; headers: Record<string, string>; body: string }[] = []
    const outbound = {
      requireAllowed: async () => {},
      async fetchOut(url: string, init: { headers?: Record<string, string>; body?: string }) {
        calls.push({ url, headers: init.headers ?? {}, body: init.body ?? '' })
        return { status: calls.length === 1 ? 503 : 204, body: '' }
      },
    }
    const service = invocationsService({
      metadata,
      access: domains.auth.access,
      blobs,
      outbound,
      secrets: platform.secrets,
      endpoints: domains.endpoints,
      principalOf: domains.auth.users.principal,
      onError: (error) => assert.fail(String(error)),
    })
    const { secret } = await service.newSecret(w.by, 'live')
    const made = await service.submit(w.by, 'live', {
      body: Readable.from([JSON.stringify({ rows })]),
      headers: { 'content-type': 'application/json' },
      query: { webhook: 'https://hooks.example.org/done' },
    })
    service.start()
    try {
      for (const until = Date.now() + 20_000; Date.now() < until; await new Promise((resolve) => setTimeout(resolve, 30))) {
        const { webhook } = await service.get(w.by, made.id)
        if (webhook?.state === 'delivered') break
        // The next try is in ten seconds; here it is due at once.
        if (calls.length === 1 && webhook?.said)
          await metadata.db.updateTable('invocations').set({ webhook_due: 1 }).where('id', '=', made.id).execute()
      }
    } finally {
      await service.close()
    }
    assert.equal(calls.length, 2)
    const { headers, body } = calls[1]!
    const signed = createHmac('sha256', secret).update(`${headers['x-atoll-timestamp']}.${body}`).digest('hex')
    assert.equal(headers['x-atoll-signature'], `v1=${signed}`)
    const told = JSON.parse(body)
    assert.deepEqual([told.id, told.state, told.result.predictions.length], [made.id, 'succeeded', 2])
    assert.ok(!body.includes(secret))
  }),
)
