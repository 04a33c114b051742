/** B: callers of the OpenAI API who send too much, read too slowly, go away, or come all at once. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after, before, test } from 'node:test'
import { type OpenAiWorld, openAiWorld } from '../clients/openai-world.ts'

let w: OpenAiWorld
before(async () => {
  w = await openAiWorld()
})
after(() => w.close())

const timeout = 60_000
/** After "=" the model for tests finds no end. */
const endless = { model: 'letters', prompt: '=', max_tokens: 7000, temperature: 0 }

function ask(path: string, body: unknown, signal?: AbortSignal) {
  return fetch(`${w.baseURL}/${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${w.token}`, 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
    signal,
  })
}

async function isFree(withinMs: number): Promise<void> {
  const begun = performance.now()
  const reply = await ask('completions', { model: 'letters', prompt: 'a', max_tokens: 2, temperature: 0 })
  assert.equal(((await reply.json()) as any).choices[0].text, 'bc')
  assert.ok(performance.now() - begun < withinMs, `${performance.now() - begun} ms`)
}

test('what is too large or no JSON is refused in the words of the API', { timeout }, async () => {
  const message = (content: string) => ({ model: 'letters', messages: [{ role: 'user', content }] })
  for (const [body, status] of [
    [message('a'.repeat(9 * 2 ** 20)), 413],
    [message('a'.repeat(400_001)), 400],
    [message('a'.repeat(399_000)), 400],
    ['{', 400],
    ['[]', 400],
    ['null', 400],
    [`{"model":${'['.repeat(100_000)}`, 400],
    ['{"__proto__":{"model":"letters"}}', 400],
  ] as const) {
    const reply = await ask('chat/completions', body)
    const { error } = (await reply.json()) as any
    assert.equal(reply.status, status, JSON.stringify(error).slice(0, 200))
    assert.deepEqual(Object.keys(error).sort(), ['code', 'message', 'param', 'type'])
  }
  for (const model of [
    '../../v1/users',
    'letters/../numbers',
    "' OR 1=1 --",
    '\u0000',
    'x'.repeat(300),
    '__proto__',
    'constructor',
  ]) {
    const reply = await ask('chat/completions', { model, messages: [{ role: 'user', content: 'x' }] })
    assert.ok(reply.status === 400 || reply.status === 404, `${model}: ${reply.status}`)
    await reply.body?.cancel()
    const one = await fetch(`${w.baseURL}/models/${encodeURIComponent(model)}`, {
      headers: { authorization: `Bearer ${w.token}` },
    })
    assert.ok(one.status >= 400 && one.status < 500, `${model}: ${one.status}`)
    await one.body?.cancel()
  }
  await isFree(5000)
})

test('who hangs up in the middle of an answer frees the model', { timeout }, async () => {
  for (const stream of [true, false]) {
    const leaving = new AbortController()
    const reply = ask('completions', { ...endless, stream }, leaving.signal)
    if (stream) await (await reply).body!.getReader().read()
    else await new Promise((resolve) => setTimeout(resolve, 300))
    leaving.abort()
    await reply.catch(() => {})
    await isFree(3000)
  }
})

test('who does not read makes neither the server grow nor others wait', { timeout }, async () => {
  const body = JSON.stringify({ ...endless, max_tokens: 1200, logprobs: 5, stream: true })
  const before = process.memoryUsage().rss
  const sockets = await Promise.all(
    Array.from({ length: 2 }, async () => {
      const socket = connect(Number(new URL(w.origin).port), '127.0.0.1')
      await new Promise((resolve) => socket.once('connect', resolve))
      socket.pause()
      socket.write(
        `POST /openai/v1/completions HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer ${w.token}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
      )
      return socket
    }),
  )
  // Each is written in its turn, whether it is read or not; then others are answered.
  await isFree(40_000)
  assert.ok(process.memoryUsage().rss - before < 128 * 2 ** 20)
  for (const socket of sockets) socket.destroy()
  await isFree(3000)
})

test('more than may wait are refused with a time to come again, and nobody is lost', { timeout }, async () => {
  const replies = await Promise.all(
    Array.from({ length: 60 }, () => ask('completions', { model: 'unsure', prompt: 'a', max_tokens: 8, temperature: 0 })),
  )
  const statuses = replies.map(({ status }) => status)
  assert.ok(
    statuses.every((status) => status === 200 || status === 503 || status === 429),
    String(new Set(statuses)),
  )
  assert.ok(statuses.filter((status) => status === 200).length >= 30)
  for (const reply of replies) {
    if (reply.status !== 200) assert.ok(Number(reply.headers.get('retry-after')) >= 1)
    const answer = (await reply.json()) as any
    assert.ok(reply.status === 200 ? answer.choices[0].text.length === 8 : answer.error.type)
  }
})
