/** The unmodified OpenAI client for Python, and what both clients do when they are told to wait. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import OpenAI from 'openai'
import { type OpenAiWorld, openAiWorld } from './openai-world.ts'
import { noPythonClients, runPythonClient } from './python-client.ts'

const slow = { burst: 4, perSecond: 1 }
let busy: OpenAiWorld
before(async () => {
  busy = await openAiWorld({ limits: { predict: slow }, languages: false })
})
after(() => busy.close())

test('the client for Python is answered in all that it asks', { skip: noPythonClients, timeout: 120_000 }, async () => {
  const w = await openAiWorld()
  try {
    const said = await runPythonClient('openai_program.py', {
      BASE_URL: w.baseURL,
      TOKEN: w.token,
      BUSY_URL: busy.baseURL,
      BUSY_TOKEN: busy.token,
    })
    assert.deepEqual(said, {
      models: ['letters', 'sentences', 'unsure', 'words'],
      model: 'Grace',
      whole: 'abcd',
      usage: [4, 'length'],
      tokens: ['a', 'b', 'c', 'd'],
      streamed: ['abcdefg', 8],
      parsed: ['Answer', 'Answer', 'Answer'],
      calls: Array(3).fill(['tool_calls', 'weather', 'Place']),
      kinds: ['tool_calls.function.arguments.delta', 'tool_calls.function.arguments.done'],
      // The prompt is echoed, and its tokens are among those that are told of.
      completion: ['wxyz', [0, 1, 2, 3]],
      vectors: [
        [1, 0.25, -3, 0.1],
        [0, 0, 0, 0],
      ],
      refused: {
        stranger: ['AuthenticationError', 401, 'invalid_api_key', null, true],
        absent: ['NotFoundError', 404, 'model_not_found', 'model', true],
        'too long': ['BadRequestError', 400, 'context_length_exceeded', 'messages', true],
        unknown: ['BadRequestError', 400, null, 'reasoning_effort', true],
      },
      busy: ['RateLimitError', 429, 'rate_limit_exceeded', null, true],
      patient: 1,
    })
  } finally {
    await w.close()
  }
})

describe('somebody who asks too often', () => {
  test('is told when to come again, and the client for Node does', { timeout: 60_000 }, async () => {
    const client = new OpenAI({ baseURL: busy.baseURL, apiKey: busy.token, maxRetries: 0 })
    const ask = (by: OpenAI) => by.embeddings.create({ model: 'words', input: 'sun' })
    const refusals = (await Promise.allSettled(Array.from({ length: 9 }, () => ask(client)))).filter(
      (one) => one.status === 'rejected',
    )
    assert.ok(refusals.length >= 1)
    for (const { reason } of refusals) {
      assert.ok(reason instanceof OpenAI.RateLimitError, String(reason))
      assert.ok(Number(reason.headers.get('retry-after')) >= 1)
    }
    assert.equal((await ask(client.withOptions({ maxRetries: 5 }))).data.length, 1)
  })
})
