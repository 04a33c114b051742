import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import * as z from 'zod'
import { type RouteRecord, route } from '../../kernel/route.ts'
import { onEachServer, type RestWorld } from './testing.ts'

let served = 0
const echo: RouteRecord = route({
  method: 'POST',
  path: '/v1/echoes/:echo/answer',
  permission: 'endpoints:predict',
  summary: 'Answer what was sent',
  tag: 'try',
  body: z.object({}),
  returns: z.object({}),
  maxBodyBytes: 2 << 20,
  handleText: async (input) => {
    const { text } = input
    served++
    const { wait, size } = (input.body() ?? {}) as { wait?: number; size?: number }
    if (wait) await delay(wait)
    return size ? JSON.stringify({ fill: 'x'.repeat(size) }) : JSON.stringify({ text })
  },
})
const given = { routes: [echo] }

/** A connection by hand: what is written goes out as it is, what comes back is gathered. */
async function dial(app: RestWorld['app'], paused = false) {
  const { port } = app.server.address() as { port: number }
  const socket: Socket = connect(port, '127.0.0.1')
  await new Promise((resolve) => socket.once('connect', resolve))
  let text = ''
  let ended = false
  if (!paused)
    socket.on('data', (piece) => {
      text += piece.toString()
    })
  socket.on('close', () => {
    ended = true
  })
  socket.on('error', () => {})
  const until = async (isDone: (text: string) => boolean) => {
    for (let i = 0; i < 1000 && !isDone(text) && !ended; i++) await delay(5)
    return text
  }
  return {
    socket,
    until,
    get text() {
      return text
    },
    get ended() {
      return ended
    },
    write: (piece: string | Buffer) => void socket.write(piece),
  }
}

const ask = (token: string, body: string, ...more: string[]) =>
  [
    'POST /v1/echoes/e1/answer HTTP/1.1',
    'Host: 127.0.0.1',
    `Authorization: Bearer ${token}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...more,
    '',
    body,
  ].join('\r\n')

const bodiesOf = (text: string): string[] => [...text.matchAll(/\r\n\r\n(\{.*?\})(?=HTTP\/1\.1|$)/gs)].map((found) => found[1]!)
const answersIn = (text: string) => (text.match(/HTTP\/1\.1 \d/g) ?? []).length
const listening = async (app: RestWorld['app']) => void (await app.listen({ host: '127.0.0.1', port: 0 }))

onEachServer(
  'however requests are cut into pieces or joined, each is answered once and in order',
  async ({ app, token }) => {
    await listening(app)
    const bodies = Array.from({ length: 6 }, (_, i) => JSON.stringify({ i, city: 'Köln', wait: i % 2 === 0 ? 20 : 0 }))
    const stream = Buffer.from(bodies.map((body) => ask(token, body)).join(''))
    for (const size of [stream.length, 1, 7, 150, 300, 1000]) {
      const line = await dial(app)
      line.socket.setNoDelay(true)
      for (let at = 0; at < stream.length; at += size) {
        line.write(stream.subarray(at, at + size))
        if (size > 1 || at % 100 === 0) await delay(1)
      }
      const text = await line.until((all) => bodiesOf(all).length === 6)
      assert.deepEqual(
        bodiesOf(text).map((body) => JSON.parse(JSON.parse(body).text).i),
        [0, 1, 2, 3, 4, 5],
        `pieces of ${size}`,
      )
      assert.equal(answersIn(text), 6)
      line.socket.destroy()
    }
  },
  given,
)

onEachServer(
  'one connection carries hot requests, others, and refused ones',
  async ({ app, token }) => {
    await listening(app)
    const line = await dial(app)
    const session = `GET /v1/session HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${token}\r\n\r\n`
    const large = JSON.stringify({ large: 'y'.repeat(900_000) })
    const sent = [
      ask(token, '{"a":1}'),
      ask(token, '{'),
      ask(token, '{"a":2}'),
      session,
      ask(token, '{"a":3}'),
      ask(token, large),
      ask('wrong', '{}'),
    ]
    for (const [i, request] of sent.entries()) {
      line.write(request)
      await line.until((all) => answersIn(all) === i + 1)
    }
    const statuses = [...line.text.matchAll(/HTTP\/1\.1 (\d+)/g)].map((found) => Number(found[1]))
    assert.deepEqual(statuses, [200, 400, 200, 200, 200, 200, 401])
    assert.match(line.text, /Date: |date: /)
    line.socket.destroy()
    const refused = await dial(app)
    refused.write(ask(token, '{}').replace('Host: 127.0.0.1', 'Host: evil.example'))
    assert.match(await refused.until((all) => all.includes('}}')), /^HTTP\/1\.1 403/)
    refused.socket.destroy()
  },
  given,
)

onEachServer(
  'a request hidden in the body of another is never served',
  async ({ app, token }) => {
    await listening(app)
    const hidden = ask(token, '{"hidden":1}')
    const plain = ask(token, hidden).split(`\r\n\r\n${hidden}`)[0]!
    const length = `Content-Length: ${Buffer.byteLength(hidden)}`
    for (const head of [
      `${plain}\r\nTransfer-Encoding: chunked`,
      `${plain}\r\nTransfer-Encoding : chunked`,
      plain.replace(length, `${length}\r\nContent-Length: 0`),
      plain.replace(length, 'Content-Length: 0\r\nTransfer-Encoding: identity'),
      plain.replace(length, `Content-Length: +0`),
      plain.replace(length, `Content-Length: 0\nX: y\r\n${length}`),
      plain.replace(length, `X: y\rContent-Length: 0\r\n${length}`),
    ]) {
      const before = served
      const line = await dial(app)
      line.write(`${head}\r\n\r\n${hidden}`)
      const text = await line.until((all) => line.ended || answersIn(all) > 1)
      assert.doesNotMatch(text, /HTTP\/1\.1 200/, head)
      assert.equal(served, before, head)
      line.socket.destroy()
    }
  },
  given,
)

onEachServer(
  'a client that does not read is not read either; one that half-closes gets its answer',
  async ({ app, token }) => {
    await listening(app)
    const before = served
    const deaf = await dial(app, true)
    const request = ask(token, JSON.stringify({ size: 1_000_000 }))
    for (let i = 0; i < 300; i++) deaf.write(request)
    await delay(400)
    assert.ok(served - before < 30, `${served - before} answers of a megabyte were made for nobody`)
    deaf.socket.destroy()

    const half = await dial(app)
    half.socket.end(ask(token, '{"a":1,"wait":50}'))
    assert.match(await half.until(() => half.ended), /^HTTP\/1\.1 200.*a\\":1/s)
    const cut = await dial(app)
    cut.socket.end(ask(token, '{"a":1}').slice(0, -2))
    await cut.until(() => cut.ended)
    assert.ok(cut.ended && !cut.text.includes('200 OK'))
  },
  given,
)

onEachServer(
  'closing answers what was asked on a hot connection and leaves at once those that ask nothing',
  async ({ app, token }) => {
    await listening(app)
    const [idle, fresh, busy] = [await dial(app), await dial(app), await dial(app)]
    idle.write(ask(token, '{}'))
    await idle.until((all) => answersIn(all) === 1)
    busy.write(ask(token, '{"wait":400}'))
    await delay(50)
    const start = performance.now()
    const closed = app.close()
    await idle.until(() => idle.ended && fresh.ended)
    assert.ok(performance.now() - start < 300)
    assert.match(await busy.until(() => busy.ended), /^HTTP\/1\.1 200 OK.*connection: close.*wait\\":400/s)
    await closed
    assert.ok(performance.now() - start < 3000)
  },
  given,
)

onEachServer(
  'many slow clients keep nobody else waiting, and are cut off when their time is over',
  async ({ app, token }) => {
    app.server.headersTimeout = 1000
    app.server.requestTimeout = 1500
    await listening(app)
    const whole = ask(token, '{"slow":1}')
    const slow = await Promise.all(Array.from({ length: 120 }, () => dial(app)))
    for (const [i, line] of slow.entries()) line.write(whole.slice(0, 1 + ((i * 7) % (whole.length - 2))))
    const quick = await dial(app)
    for (let i = 1; i <= 20; i++) {
      const start = performance.now()
      quick.write(ask(token, '{"quick":1}'))
      await quick.until((all) => answersIn(all) === i)
      assert.ok(performance.now() - start < 500)
    }
    for (let i = 0; i < 100 && !slow.every((line) => line.ended); i++) await delay(100)
    assert.deepEqual(new Set(slow.map((line) => line.ended)), new Set([true]))
    assert.ok(slow.every((line) => !line.text.includes('200 OK')))
    quick.socket.destroy()
  },
  given,
)
